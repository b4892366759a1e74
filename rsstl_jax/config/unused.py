"""Which fields have no effect on the students of a run, by what its other fields say."""

from ml_collections import ConfigDict

from rsstl_jax.config.all_fields import FIELDS
from rsstl_jax.config.contradictions import WITH_AGNOSTIC

_OF_EXPERT_TRAINING = (
    *("epochs", "learning_rate", "margin", "num_critic_steps"),
    *("penalty_weight", "similarity_weight", "localization_weight"),
)
"""Fields of the section `teacher` that only a trained generator has."""

_WITHOUT_STUDENTS = ("fractions", "num_subsets", "tune.epochs", "tune.learning_rate")
"""Fields of the section `agnostic` that only `rsstl agnostic` reads."""


def why_unused(config: ConfigDict, path: str) -> str | None:
    """Why a field changes nothing in a run of `rsstl distill`; None: it may change something."""
    section, _, name = path.partition(".")
    network, kind = config.network, config.teacher.kind
    with_network, with_kind = f"with network={network}", f"with teacher.kind={kind}"
    # A network of the user's own may read any field of `model`, and may take a support.
    is_own = not any(field.startswith(f"model.{network}.") for field in FIELDS)
    if section == "model" and not is_own:
        owners = ("bayescnn", "cnnloc") if name == "convolution" else (name.partition(".")[0],)
        return None if network in owners else with_network
    if section == "input" and network == "agnostic":
        return f"{with_network}, whose input is always linear"
    if section == "agnostic" and name in _WITHOUT_STUDENTS:
        return "on students; rsstl agnostic reads it"
    if name.startswith("tune.") and network != "agnostic" and not is_own:
        return with_network
    if section == "agnostic" and kind not in WITH_AGNOSTIC and not is_own:
        return with_kind
    if section in ("teacher", "specialise") and kind not in ("surrogate", "both"):
        is_trained = section == "specialise" or name in _OF_EXPERT_TRAINING
        if is_trained or (kind == "agnostic" and name not in ("kind", "seed")):
            return with_kind
    if path == "data.fraction_seed" and config.data.fraction == 1:
        return "with data.fraction=1, the whole train part"
    return None
