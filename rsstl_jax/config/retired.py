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
