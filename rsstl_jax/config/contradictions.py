"""Which fields of a configuration contradict each other."""

from ml_collections import ConfigDict

from rsstl_jax.config.rules import name_list

WITH_AGNOSTIC = ("agnostic", "both")
"""Values of `teacher.kind` under which there are site-agnostic teachers."""


def find_contradiction(config: ConfigDict) -> str | None:
    """What to say of fields that are right one by one and wrong together; None: nothing."""
    return _of_sites(config) or _of_networks(config) or _of_teachers(config)


def _of_sites(config: ConfigDict) -> str | None:
    sources = name_list(config.sources)
    if not sources:
        return "sources is empty; name at least one dataset, such as uji,tampere"
    if len(set(sources)) != len(sources):
        return f"sources is {config.sources!r}; name each dataset once"
    if config.target in sources:
        return (
            f"sources is {config.sources!r} and holds the target {config.target!r}; "
            "a teacher must come from another site"
        )
    return None


def _of_networks(config: ConfigDict) -> str | None:
    baat = config.model.baat
    if baat.token_width % baat.num_heads:
        return (
            f"model.baat.token_width is {baat.token_width}; "
            f"model.baat.num_heads, {baat.num_heads}, must divide it"
        )
    agnostic = config.model.agnostic
    if agnostic.width % agnostic.num_heads:
        return (
            f"model.agnostic.width is {agnostic.width}; "
            f"model.agnostic.num_heads, {agnostic.num_heads}, must divide it"
        )
    comparing = {"distill.weights.mutual_information": config.distill.weights.mutual_information}
    if config.network == "baat":
        comparing["model.baat.variance_weight"] = baat.variance_weight
        comparing["model.baat.covariance_weight"] = baat.covariance_weight
    used = [path for path, weight in comparing.items() if weight > 0]
    if config.train.batch_size == 1 and used:
        return (
            f"train.batch_size is 1 and {used[0]} is above 0, which compares the fingerprints of "
            "a batch with one another; take at least 2, or 0 for the weight"
        )
    return None


def _of_teachers(config: ConfigDict) -> str | None:
    distill, kind = config.distill, config.teacher.kind
    if config.network == "agnostic" and kind in ("surrogate", "both"):
        return (
            f"network is 'agnostic' and teacher.kind is {kind!r}; no place can be read off its "
            "representation alone, so that it has no surrogate teachers: take agnostic"
        )
    asked = {
        "distill.weights.soft_target": distill.weights.soft_target,
        "distill.num_unlabelled": distill.num_unlabelled,
    }
    for path, value in asked.items():
        if value > 0 and kind not in WITH_AGNOSTIC:
            return (
                f"{path} is {value} and teacher.kind is {kind!r}; only a site-agnostic teacher "
                "says where a fingerprint was taken: take agnostic or both, or 0"
            )
    if distill.told_by == "mean" and distill.num_unlabelled == 0:
        return (
            "distill.told_by is 'mean', which only unlabelled fingerprints are told, and "
            "distill.num_unlabelled is 0; it must be above 0"
        )
    if config.data.unlabelled == "file" and distill.num_unlabelled == 0:
        return (
            "data.unlabelled is 'file' and distill.num_unlabelled is 0, so that nothing of it "
            "would be used; take a number above 0, or rest"
        )
    if (
        distill.num_unlabelled > 0
        and config.data.unlabelled == "rest"
        and config.data.fraction == 1
    ):
        return (
            f"distill.num_unlabelled is {distill.num_unlabelled} and data.fraction is 1, which "
            "leaves no fingerprint of the train part unlabelled; take a share below 1, 0, or "
            "data.unlabelled=file"
        )
    return None
