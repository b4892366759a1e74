"""What sets the students of one run apart, beside their seed."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from rsstl_jax.config.contradictions import WITH_AGNOSTIC
from rsstl_jax.config.rules import name_list
from rsstl_jax.config.schema import check_value
from rsstl_jax.errors import ConfigError
from rsstl_jax.models import AgnosticSettings
from rsstl_jax.phases.alignment_terms import TERMS, allowed_terms

__all__ = [
    "STUDENTS",
    "WEIGHTED",
    "Variant",
    "check_variant",
    "start_at_teacher",
    "teacher_mask",
    "term_weights",
    "told_by_mean",
]


class Variant(NamedTuple):
    """What sets students of one run apart, beside their seed; what is not given is the run's.

    Args:
        weights: lambda by name of the term, on top of `distill.weights`; 0 leaves a term out.
        margin: alpha of Eq. 1, radians.
        sources: those whose teachers take part.
        learning_rate: in place of `train.learning_rate`.
        start: "fresh" parameters, or those of one of the site-agnostic "teachers"; in place of
            `agnostic.start`.
        told_by: whose places the soft targets are: "teachers", or "mean" of theirs and those of the
            seed's stand-alone student, which is trained first; in place of `distill.pseudo_labels`.

    Example:
        >>> Variant({"similarity": 0.0}).margin is None
        True
    """

    weights: Mapping[str, float] = {}
    margin: float | None = None
    sources: tuple[str, ...] | None = None
    learning_rate: float | None = None
    start: str | None = None
    told_by: str | None = None


WEIGHTED = ("localization", *TERMS, "soft_target")
"""What has a weight in the overall loss."""

STUDENTS = {
    "standalone": Variant(dict.fromkeys(WEIGHTED[1:], 0.0), start="fresh", told_by="teachers"),
    "distilled": Variant(),
}
"""The two students of every run: J_MAE alone, and all terms under all teachers."""


def told_by_mean(config: ConfigDict, variant: Variant) -> bool:
    """Whether a student is told the mean of its teachers' and its stand-alone twin's places."""
    told_by = config.distill.pseudo_labels if variant.told_by is None else variant.told_by
    if told_by not in ("teachers", "mean"):
        raise ConfigError(f"a variant is told by {told_by!r}; it must be teachers or mean")
    if told_by == "mean" and config.distill.num_unlabelled == 0:
        raise ConfigError(
            "a variant is told by a mean on unlabelled fingerprints and distill.num_unlabelled is "
            "0; it must be above 0"
        )
    return told_by == "mean"


def check_variant(config: ConfigDict, variant: Variant) -> None:
    """Checks a student before anything is trained for it."""
    start_at_teacher(config, variant)
    told_by_mean(config, variant)
    term_weights(config, variant)
    teacher_mask(config, variant)
    for term, weight in variant.weights.items():
        check_value(f"distill.weights.{term}", weight)
    if variant.margin is not None:
        check_value("distill.margin", variant.margin)
    if variant.learning_rate is not None:
        check_value("train.learning_rate", variant.learning_rate)


def term_weights(config: ConfigDict, variant: Variant) -> dict[str, float]:
    """lambda of a student by term; 0 for a term that makes no sense for the network."""
    for term in variant.weights:
        if term not in WEIGHTED:
            raise ConfigError(f"a variant weighs {term!r}; the terms are {', '.join(WEIGHTED[1:])}")
    allowed = {"localization", "soft_target", *allowed_terms(config)}
    for term, weight in variant.weights.items():
        if weight > 0 and term not in allowed:
            raise ConfigError(
                f"a variant weighs {term!r}, which makes no sense for network {config.network!r}; "
                f"it has {', '.join(allowed_terms(config))}"
            )
    merged = config.distill.weights.to_dict() | dict(variant.weights)
    if config.teacher.kind not in WITH_AGNOSTIC:
        del merged["soft_target"]
    return {term: float(weight) * (term in allowed) for term, weight in merged.items()}


def start_at_teacher(config: ConfigDict, variant: Variant) -> bool:
    """Whether a student starts at the parameters of one of its site-agnostic teachers."""
    start = config.agnostic.start if variant.start is None else variant.start
    if start not in ("fresh", "teachers"):
        raise ConfigError(f"a variant starts at {start!r}; it must be fresh or teachers")
    if start == "fresh":
        return False
    for path, value in (("network", config.network), ("teacher.kind", config.teacher.kind)):
        if value != "agnostic":
            raise ConfigError(
                f"a student starts at its teachers and {path} is {value!r}; it must be agnostic"
            )
    if AgnosticSettings.from_config(config) != AgnosticSettings():
        raise ConfigError(
            "a student starts at its teachers and model.agnostic has other sizes than theirs; "
            "leave it as it is"
        )
    return True


def teacher_mask(config: ConfigDict, variant: Variant) -> jax.Array:
    """Which of the run's teachers take part."""
    sources = name_list(config.sources)
    taking_part = sources if variant.sources is None else variant.sources
    if unknown := set(taking_part) - set(sources):
        raise ConfigError(
            f"a variant has the teacher of {', '.join(sorted(unknown))}; "
            f"sources is {config.sources!r}"
        )
    if not taking_part:
        raise ConfigError("a variant has no sources; name at least one, or give the terms weight 0")
    kind = config.teacher.kind
    if kind in WITH_AGNOSTIC and set(taking_part) != set(sources):
        raise ConfigError(
            f"a variant leaves sources out and teacher.kind is {kind!r}; a site-agnostic teacher "
            "is trained on all of them: give the run other sources instead"
        )
    of_sources = [float(source in taking_part) for source in sources] * (kind != "agnostic")
    of_members = [1.0] * (config.agnostic.members if kind in WITH_AGNOSTIC else 0)
    return jnp.asarray(of_sources + of_members)
