"""Phase 2 of many students: one target, one network, one compiled step (Alg. 3)."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rsstl_jax._numerics import seed_key
from rsstl_jax.engine.loop import Step, fit
from rsstl_jax.engine.replicas import Replication, stack, unstack
from rsstl_jax.engine.site_job import SiteJob
from rsstl_jax.models import Estimator
from rsstl_jax.models.network import init_params
from rsstl_jax.phases.alignment_terms import TERMS, Alignment
from rsstl_jax.phases.distill_step import DistillContext, make_distill_state, make_distill_step
from rsstl_jax.phases.generators import make_teacher_fn
from rsstl_jax.phases.replica_groups import group_name, replica_groups
from rsstl_jax.phases.specialise import initial_params
from rsstl_jax.phases.student_specs import WEIGHTED, StudentPlan
from rsstl_jax.phases.teacher_set import TeacherSet
from rsstl_jax.site_agnostic.teacher_outputs import (
    TeacherOutputs,
    join_teacher_fns,
    lookup_params,
    make_lookup_fn,
)
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Params, TeacherFn

Students = Mapping[str, tuple[int, StudentPlan]]
"""{name of a training, such as "seed-0/distilled": (seed, plan)}."""

_AXES: dict[str, Any] = {
    "teachers": None,
    **dict.fromkeys(("weights", "margin", "teacher_mask", "learning_rate", "noise_key"), 0),
}
CONTEXT_AXES = DistillContext._make(map(_AXES.get, DistillContext._fields))
"""Which parts of the context each student has its own of: all but teachers, their outputs, data."""


class Distillation(NamedTuple):
    """A step, and where each of the trainings that share it starts."""

    step: Step
    starts: dict[str, Any]  # {name of a training: () -> (state, key, context)}


def make_distillation(
    job: SiteJob,
    teachers: TeacherSet,
    students: Students,
    *,
    recorder: Recorder,
    outputs: TeacherOutputs | None = None,
) -> Distillation:
    """The one step that all these students share, and where each of them starts."""
    settings = job.config.distill
    weighed = {term for _, plan in students.values() for term in plan.terms}
    alignment = Alignment(
        Estimator(job.network.extract_width, settings.estimator_width),
        tuple(term for term in TERMS if term in weighed),
        settings.num_iterations,
        settings.similarity_over,
    )
    teacher_fn, teacher_params = _teachers_at(job, teachers, outputs)
    tx = job.optimizer(learning_rate=1.0)  # each student's own rate is in its context
    num_unlabelled, teacher = settings.num_unlabelled, job.config.teacher
    has_fixed_noise = teacher.noise == "fixed" and teacher.kind != "noise"
    step = make_distill_step(
        job.site_network, teacher_fn, alignment, tx, num_unlabelled=num_unlabelled
    )

    def start(name: str) -> tuple[Any, jax.Array, Any]:
        seed, plan = students[name]
        init_key, train_key = jax.random.split(seed_key(seed))
        estimator_key, noise_key = jax.random.split(jax.random.fold_in(init_key, 1))
        if outputs and plan.starts_at_teacher:
            student = outputs.members[seed % len(outputs.members)]
        else:
            student = initial_params(job, init_key, name=name, recorder=recorder)
        theta: Params = {}
        if "mutual_information" in alignment.terms:
            pair = jnp.zeros((1, job.network.extract_width), jnp.float32)
            theta = init_params(alignment.estimator, estimator_key, pair, pair)
        context = DistillContext(
            teachers=teacher_params,
            weights={term: jnp.float32(weight) for term, weight in plan.weights.items()},
            margin=jnp.float32(plan.margin),
            teacher_mask=jnp.asarray(plan.teacher_mask, jnp.float32),
            learning_rate=jnp.float32(plan.learning_rate),
            noise_key=noise_key if has_fixed_noise else None,
            soft_target_m=outputs.position_m if outputs else None,
            unlabelled=outputs.pseudo_labelled() if outputs else None,
            survey=job.site_network.survey,
        )
        return make_distill_state(student, theta, tx), train_key, context

    return Distillation(step, {name: partial(start, name) for name in students})


def _teachers_at(
    job: SiteJob, teachers: TeacherSet, outputs: TeacherOutputs | None
) -> tuple[TeacherFn, Params]:
    """The teachers of the configured kind as one function, and the parameters for it."""
    settings, scale_m = job.config.teacher, job.site_network.preprocessor.scale_m
    surrogates = make_teacher_fn(teachers.generator, settings, scale_m=scale_m)
    if outputs is None:
        return surrogates, teachers.params
    agnostic, agnostic_params = make_lookup_fn(job.network), lookup_params(outputs, job.network)
    if settings.kind == "agnostic":
        return agnostic, agnostic_params
    return join_teacher_fns(surrogates, agnostic), (teachers.params, agnostic_params)


def train_students(
    job: SiteJob,
    teachers: TeacherSet,
    students: Students,
    *,
    recorder: Recorder,
    outputs: TeacherOutputs | None = None,
) -> dict[str, Params]:
    """Trains students on the target under its teachers (phase 2, Alg. 3), or loads them."""
    saved = {name: recorder.load_final(name, job.shapes) for name in students}
    waiting = [name for name, params in saved.items() if params is None]
    if not waiting:
        return saved
    step, starts = make_distillation(job, teachers, students, recorder=recorder, outputs=outputs)
    for names, mode in replica_groups(job, step, starts, waiting, CONTEXT_AXES, recorder):
        begun = [starts[name]() for name in names]
        state, key, context = stack(begun, (0, 0, CONTEXT_AXES)) if mode else begun[0]
        state = fit(
            step,
            state,
            job.data,
            key,
            epochs=job.epochs,
            batch_size=job.batch_size,
            name=group_name(names) if mode else names[0],
            recorder=recorder,
            context=context,
            replication=Replication(names, CONTEXT_AXES, mode == "vmap") if mode else None,
            omit={name: set(WEIGHTED[1:]) - set(students[name][1].terms) for name in names},
            mesh=job.mesh,
        )
        trained = state.params["student"]
        for index, name in enumerate(names):
            saved[name] = unstack(trained, index) if mode else trained
            recorder.save_final(name, saved[name], job.epochs)
    return saved
