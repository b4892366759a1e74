"""Fields that came and went: cards and config.json files of earlier versions stay readable."""

from collections.abc import Mapping
from typing import Any

from rsstl_jax.errors import ConfigError

RETIRED: dict[str, Any] = {
    "distill.reduction": "sum",
    "model.baat.covariance_weight": 0.0,
    "model.baat.variance_weight": 0.0,
    "model.cnnloc.window": 22,
}
"""Fields that are gone: the only value accepted, which is what the code does."""

RENAMED = {"distill.told_by": "distill.pseudo_labels"}

ADDED: dict[str, Any] = {
    "data.held_out_months": "",
    "data.held_out_phones": "",
    "agnostic.episodes_per_step": 1,
    "agnostic.learning_rate": 2e-3,
    "agnostic.episodes.num_queries": 48,
    "agnostic.episodes.min_support": 50,
    "agnostic.episodes.max_support": 1024,
    "agnostic.episodes.crop": 0.3,
    "agnostic.episodes.all_scans": 0.5,
    "agnostic.episodes.access_point_dropout": 0.3,
    "agnostic.episodes.query_dropout": 0.15,
    "agnostic.episodes.gain_offset_db": 4.0,
    "agnostic.episodes.reading_noise_db": 3.0,
    "agnostic.tune.epochs": 0,
    "agnostic.tune.learning_rate": 5e-4,
    "agnostic.tune.episodes.min_support": 512,
    "agnostic.tune.episodes.max_support": 2048,
    "agnostic.tune.episodes.access_point_dropout": 0.1,
    "agnostic.tune.episodes.query_dropout": 0.1,
    "agnostic.fractions": [0.01, 0.1, 1.0],
    "agnostic.num_subsets": 3,
}
"""Fields that earlier versions did not have: the value that does what they did, as JSON has it."""

# Where 0 meant what None means: ask the recipe of the source.
_ZERO_IS_NONE = ("specialise.epochs", "teacher.epochs")


def renew(
    fields: Mapping[str, Any], retired: Mapping[str, Any], renamed: Mapping[str, str]
) -> dict[str, Any]:
    """Fields under their names of today, without those that are gone."""
    for path, accepted in retired.items():
        if path in fields and fields[path] != accepted:
            raise ConfigError(
                f"{path} is {fields[path]!r} and is no field any more; it must be {accepted!r}"
            )
    return {renamed.get(path, path): v for path, v in fields.items() if path not in retired}


def drop_retired(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a configuration, of this version or an earlier one, as this version has them."""
    kept = renew(fields, RETIRED, RENAMED)
    return kept | {path: None for path in _ZERO_IS_NONE if kept.get(path) == 0}


def refuse_retired(path: str) -> None:
    """Says of a field that somebody sets what became of it."""
    if path in RENAMED:
        raise ConfigError(f"{path} is called {RENAMED[path]} now")
    if path in RETIRED:
        raise ConfigError(f"{path} is no field any more; it is always {RETIRED[path]!r}")
