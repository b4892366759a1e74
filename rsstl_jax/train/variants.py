"""What sets the students of one run apart, beside their seed."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from rsstl_jax.config import ConfigError, name_list
from rsstl_jax.train.alignment import TERMS, allowed_terms

__all__ = ["STUDENTS", "Variant", "teacher_mask", "term_weights"]


class Variant(NamedTuple):
    """What sets students of one run apart, beside their seed; what is not given is the run's.

    Args:
        weights: lambda by name of the term, on top of `distill.weights`; 0 leaves a term out.
        margin: alpha of Eq. 1, radians.
        sources: those whose teachers take part.
        learning_rate: step size at the start.

    Example:
        >>> Variant({"similarity": 0.0}).margin is None
        True
    """

    weights: Mapping[str, float] = {}
    margin: float | None = None
    sources: tuple[str, ...] | None = None
    learning_rate: float | None = None


STUDENTS = {"standalone": Variant(dict.fromkeys(TERMS, 0.0)), "distilled": Variant()}
"""The two students of every run: J_MAE alone, and all terms under all teachers."""


def term_weights(config: ConfigDict, variant: Variant) -> dict[str, float]:
    """lambda of a student by term; 0 for a term that makes no sense for the network.

    Args:
        config: the run's configuration; read here: `distill`, `network`.
        variant: the student.

    Returns:
        {"localization" or one of `TERMS`: lambda}.

    Raises:
        ConfigError: if the variant weighs a term that there is not.

    Example:
        >>> from rsstl_jax import default_config
        >>> term_weights(default_config(), STUDENTS["standalone"])["similarity"]
        0.0
    """
    for term in variant.weights:
        if term not in ("localization", *TERMS):
            raise ConfigError(f"a variant weighs {term!r}; the terms are {', '.join(TERMS)}")
    merged = config.distill.weights.to_dict() | dict(variant.weights)
    return {
        term: float(weight) if term == "localization" or term in allowed_terms(config) else 0.0
        for term, weight in merged.items()
    }


def teacher_mask(config: ConfigDict, variant: Variant) -> jax.Array:
    """Which of the run's teachers take part.

    Args:
        config: the run's configuration; read here: `sources`.
        variant: the student.

    Returns:
        float[N] of 1 and 0, in the order of `sources`.

    Raises:
        ConfigError: if the variant names a source that the run does not have.

    Example:
        >>> from rsstl_jax import default_config
        >>> teacher_mask(default_config(), Variant(sources=("tampere",))).tolist()
        [0.0, 1.0]
    """
    sources = name_list(config.sources)
    taking_part = sources if variant.sources is None else variant.sources
    if unknown := set(taking_part) - set(sources):
        raise ConfigError(
            f"a variant has the teacher of {', '.join(sorted(unknown))}; "
            f"sources is {config.sources!r}"
        )
    return jnp.asarray([float(source in taking_part) for source in sources])
