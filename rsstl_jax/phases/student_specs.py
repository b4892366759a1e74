"""What sets the students of one run apart, beside their seed."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from rsstl_jax.config.contradictions import WITH_AGNOSTIC
from rsstl_jax.config.rules import name_list
from rsstl_jax.config.schema import check_value, flatten
from rsstl_jax.errors import ConfigError
from rsstl_jax.models import Network
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.phases.alignment_terms import TERMS, allowed_terms
from rsstl_jax.store.files import differences
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.store.workdir import has_work

WEIGHTED = ("localization", *TERMS, "soft_target")
"""What has a weight in the overall loss."""

BESIDE = ("agnostic", "mean", "knn", "pretrained", "centroid")
"""Methods that are measured beside students, under these names."""


class StudentSpec(NamedTuple):
    """What sets a student apart, beside its seed; what is None is the run's configuration.

    Args:
        weights: lambda by name of the term, on top of `distill.weights`; 0 leaves a term out.
        margin: alpha of Eq. 1, radians.
        sources: those whose teachers take part.
        learning_rate: in place of `train.learning_rate`.
        start: "fresh" parameters, or those of one of the site-agnostic "teachers".
        pseudo_labels: whose positions the soft targets are: the "teachers'", or the "mean" of
            theirs and those of the seed's baseline student, which is trained first.

    Example:
        >>> from rsstl_jax import default_config, make_network
        >>> config = default_config()
        >>> without = StudentSpec({"functional_information": 0.0}, margin=0.1)
        >>> plan_student(config, make_network(config), without).terms
        ('similarity', 'mutual_information')
    """

    weights: Mapping[str, float] = {}
    margin: float | None = None
    sources: tuple[str, ...] | None = None
    learning_rate: float | None = None
    start: str | None = None
    pseudo_labels: str | None = None


STUDENTS = {
    "standalone": StudentSpec(
        dict.fromkeys(WEIGHTED[1:], 0.0), start="fresh", pseudo_labels="teachers"
    ),
    "distilled": StudentSpec(),
}
"""The two students of every run: the baseline, on J_MAE alone, and one under all teachers."""


class StudentPlan(NamedTuple):
    """A spec resolved against its run's configuration: nothing is left to look up."""

    weights: dict[str, float]  # lambda of each of `WEIGHTED` that the run knows
    margin: float  # alpha of Eq. 1, radians
    teacher_mask: tuple[float, ...]  # 1 for a teacher that takes part
    learning_rate: float  # Adam's step size at the start
    starts_at_teacher: bool
    labelled_by_mean: bool  # of the teachers and the seed's baseline student

    @property
    def weighed(self) -> dict[str, float]:
        """The weights that are not 0."""
        return {term: weight for term, weight in self.weights.items() if weight > 0}

    @property
    def terms(self) -> tuple[str, ...]:
        """The terms beside J_MAE whose weight is not 0."""
        return tuple(term for term in WEIGHTED[1:] if term in self.weighed)


def plan_students(
    config: ConfigDict, network: Network, students: Mapping[str, StudentSpec]
) -> dict[str, StudentPlan]:
    """Every spec resolved and checked, before anything is trained for it."""
    if not students:
        raise ConfigError("students is empty; name at least one")
    for name in students:
        if name in (*BESIDE, "", ".", "..") or "/" in name:
            raise ConfigError(
                f"a student is called {name!r}; it needs a name that a folder can have, and none "
                f"of {', '.join(BESIDE)}, which are measured beside students"
            )
    plans = {name: plan_student(config, network, spec) for name, spec in students.items()}
    for name, plan in plans.items():
        if plan.labelled_by_mean and "standalone" not in students:
            raise ConfigError(
                f"the pseudo-labels of {name} are a mean with the student standalone; ask for both"
            )
    return plans


def check_plans(recorder: Recorder, plans: Mapping[str, StudentPlan]) -> dict[str, Any]:
    """What sets each student apart, as JSON knows it; it must be what a folder's students had."""
    before: dict[str, Any] = {}
    # A start that was stopped before its first state has trained none.
    for record in recorder.records() if has_work(recorder.workdir) else ():
        before |= record.get("students", {})
    facts: dict[str, Any] = {
        name: json.loads(json.dumps(plan._asdict() | {"weights": plan.weighed}))
        for name, plan in plans.items()
    }
    for name, wanted in facts.items():
        held = before.get(name, {})
        if changed := differences(held, {fact: wanted[fact] for fact in held}):
            raise ConfigError(
                f"{recorder.workdir} has another student called {name} ({'; '.join(changed)}); "
                "take another name or --workdir"
            )
    return facts


def plan_student(config: ConfigDict, network: Network, spec: StudentSpec) -> StudentPlan:
    """A spec against its run; raises ConfigError where it cannot be trained."""
    weights = _weights(config, network, spec)
    own = {f"distill.weights.{term}": weight for term, weight in spec.weights.items()} | {
        "distill.margin": spec.margin,
        "train.learning_rate": spec.learning_rate,
        "agnostic.start": spec.start,
        "distill.pseudo_labels": spec.pseudo_labels,
    }
    given: dict[str, Any] = {path: value for path, value in own.items() if value is not None}
    for path, value in given.items():
        check_value(path, value)
    fields = flatten(config) | given
    return StudentPlan(
        weights=weights,
        margin=fields["distill.margin"],
        teacher_mask=_teacher_mask(config, spec),
        learning_rate=fields["train.learning_rate"] * network.learning_rate_factor,
        starts_at_teacher=_starts_at_teacher(config, fields["agnostic.start"]),
        labelled_by_mean=_labelled_by_mean(config, fields["distill.pseudo_labels"]),
    )


def _weights(config: ConfigDict, network: Network, spec: StudentSpec) -> dict[str, float]:
    """lambda by term; 0 for a term that makes no sense for the network."""
    sensible = allowed_terms(config, network)
    for term, weight in spec.weights.items():
        if term not in WEIGHTED:
            raise ConfigError(f"a student weighs {term!r}; the terms are {', '.join(WEIGHTED[1:])}")
        if weight > 0 and term in TERMS and term not in sensible:
            raise ConfigError(
                f"a student weighs {term!r}, which makes no sense for network {config.network!r}; "
                f"it has {', '.join(sensible)}"
            )
    merged = config.distill.weights.to_dict() | dict(spec.weights)
    if config.teacher.kind not in WITH_AGNOSTIC:
        del merged["soft_target"]
    absent = set(TERMS) - set(sensible)
    return {term: float(weight) * (term not in absent) for term, weight in merged.items()}


def _teacher_mask(config: ConfigDict, spec: StudentSpec) -> tuple[float, ...]:
    """One number a source where there are surrogate teachers, then one a site-agnostic one."""
    sources = name_list(config.sources)
    taking_part = sources if spec.sources is None else spec.sources
    if unknown := set(taking_part) - set(sources):
        raise ConfigError(
            f"a student has the teacher of {', '.join(sorted(unknown))}; "
            f"sources is {config.sources!r}"
        )
    if not taking_part:
        raise ConfigError("a student has no sources; name at least one, or give the terms weight 0")
    kind = config.teacher.kind
    if kind in WITH_AGNOSTIC and set(taking_part) != set(sources):
        raise ConfigError(
            f"a student leaves sources out and teacher.kind is {kind!r}; a site-agnostic teacher "
            "is trained on all of them: give the run other sources instead"
        )
    surrogates = [float(source in taking_part) for source in sources] * (kind != "agnostic")
    agnostic = [1.0] * (config.agnostic.members if kind in WITH_AGNOSTIC else 0)
    return (*surrogates, *agnostic)


def _starts_at_teacher(config: ConfigDict, start: str) -> bool:
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


def _labelled_by_mean(config: ConfigDict, labels: str) -> bool:
    if labels == "mean" and config.distill.num_unlabelled == 0:
        raise ConfigError(
            "the pseudo-labels of a student are a mean, which only unlabelled fingerprints have, "
            "and distill.num_unlabelled is 0; it must be above 0"
        )
    return labels == "mean"
