"""What sets the students of one run apart, beside their seed."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from rsstl_jax.config.contradictions import WITH_AGNOSTIC, find_contradiction
from rsstl_jax.config.overrides import override
from rsstl_jax.config.rules import name_list
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

    weights: Mapping[str, float] | None = {}
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
    if not isinstance(students, Mapping):
        raise ConfigError(f"students is {students!r}; {{name: StudentSpec}} is expected")
    if not students:
        raise ConfigError("students is empty; name at least one")
    for name, spec in students.items():
        if (
            not isinstance(spec, StudentSpec)
            or isinstance(spec.sources, str)
            or not isinstance(spec.weights, Mapping | None)
        ):
            raise ConfigError(
                f"student {name!r} is {spec!r}; a StudentSpec is expected, its weights {{term: "
                "number}, its sources a tuple of names"
            )
        if not isinstance(name, str) or name in (*BESIDE, "", ".", "..") or "/" in name:
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
    own = ConfigDict(config).copy_and_resolve_references()  # It may be frozen.
    weights = spec.weights or {}
    fields = {f"distill.weights.{term}": weight for term, weight in weights.items()} | {
        "distill.margin": spec.margin,
        "train.learning_rate": spec.learning_rate,
        "agnostic.start": spec.start,
        "distill.pseudo_labels": spec.pseudo_labels,
    }
    override(own, {path: value for path, value in fields.items() if value is not None})
    if contradiction := find_contradiction(own):
        raise ConfigError(contradiction)
    starts_at_teacher = own.agnostic.start == "teachers"
    if starts_at_teacher and AgnosticSettings.from_config(config) != AgnosticSettings():
        raise ConfigError(
            "a student starts at its teachers and model.agnostic has other sizes than theirs; "
            "leave it as it is"
        )
    return StudentPlan(
        weights=_weights(own, network, spec),
        margin=own.distill.margin,
        teacher_mask=_teacher_mask(config, spec),
        learning_rate=own.train.learning_rate * network.learning_rate_factor,
        starts_at_teacher=starts_at_teacher,
        labelled_by_mean=own.distill.pseudo_labels == "mean",
    )


def _weights(own: ConfigDict, network: Network, spec: StudentSpec) -> dict[str, float]:
    """lambda by term; 0 for a term that makes no sense for the network."""
    absent = {*TERMS} - {*allowed_terms(own, network)}
    for term in absent:
        if (spec.weights or {}).get(term, 0) > 0:
            raise ConfigError(
                f"a student weighs {term!r}, which makes no sense for network {own.network!r}, "
                "which is not Lipschitz; distill.force_functional_information=True weighs it anyhow"
            )
    known = WEIGHTED if own.teacher.kind in WITH_AGNOSTIC else WEIGHTED[:-1]
    weights = own.distill.weights.to_dict()
    return {term: float(w) * (term not in absent) for term, w in weights.items() if term in known}


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
