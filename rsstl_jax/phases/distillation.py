"""Phase 2 of many students: one target, one network, one compiled program (Alg. 3)."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from rsstl_jax.data import Fingerprints
from rsstl_jax.engine.localizer import Localizer, make_batch
from rsstl_jax.engine.loop import Replication, Step, fit
from rsstl_jax.engine.replicas import choose_mode, stack, unstack
from rsstl_jax.engine.train_state import TrainState, learning_rate
from rsstl_jax.models import Estimator, Generator
from rsstl_jax.phases.alignment_terms import TERMS, Alignment
from rsstl_jax.phases.autoencoder import initial_params
from rsstl_jax.phases.distill_step import DistillContext, make_distill_state, make_distill_step
from rsstl_jax.phases.generators import TeacherFn, make_teacher_fn
from rsstl_jax.phases.specialise import make_localizer, training_plan
from rsstl_jax.phases.student_specs import (
    WEIGHTED,
    Variant,
    start_at_teacher,
    teacher_mask,
    term_weights,
)
from rsstl_jax.site_agnostic.teacher_outputs import (
    TeacherOutputs,
    join_teacher_fns,
    lookup_params,
    make_lookup_fn,
)
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Params

__all__ = ["Distillation", "make_distillation", "train_students"]

_AXES: dict[str, Any] = {
    "teachers": None,
    **dict.fromkeys(("weights", "margin", "teacher_mask", "learning_rate", "noise_key"), 0),
}
OWN = DistillContext(**_AXES)
"""Which parts of the context a student has for itself: all but teachers, their words and data."""


class Distillation(NamedTuple):
    """A step, and the trainings that it serves."""

    localizer: Localizer  # the network at the target
    step: Step  # from `make_distill_step`
    starts: dict[str, Any]  # {name of a training: () -> (state, key, context) at epoch 0}
    terms: dict[str, tuple[str, ...]]  # {name of a training: the terms of non-zero weight}


def make_distillation(
    config: ConfigDict,
    train: Fingerprints,
    generator: Generator,
    teachers: Params,
    students: Mapping[str, tuple[int, Variant]],
    *,
    recorder: Recorder,
    answers: TeacherOutputs | None = None,
) -> Distillation:
    """The one step that all these students share, and where each of them starts."""
    localizer = make_localizer(config, train)
    weights = {name: term_weights(config, variant) for name, (_, variant) in students.items()}
    of_student = {
        name: tuple(term for term in WEIGHTED[1:] if of_one.get(term, 0) > 0)
        for name, of_one in weights.items()
    }
    terms = tuple(term for term in TERMS if any(term in own for own in of_student.values()))
    width = localizer.network.extract_width
    estimator = Estimator(width, config.distill.estimator_width)
    own = config.distill
    alignment = Alignment(estimator, terms, "sum", own.num_iterations, own.similarity_over)
    ask, asked = _kinds(config, localizer, generator, teachers, answers)
    tx = training_plan(config, localizer, len(train), learning_rate=1.0)[2]
    fresh = partial(initial_params, config, localizer, train, recorder=recorder)
    fixed = config.teacher.noise == "fixed" and config.teacher.kind != "noise"

    def start(name: str) -> tuple[TrainState, jax.Array, DistillContext]:
        seed, variant = students[name]
        init_key, train_key = jax.random.split(jax.random.key(seed))
        estimator_key, noise_key = jax.random.split(jax.random.fold_in(init_key, 1))
        if answers and start_at_teacher(config, variant):
            student = answers.members[seed % len(answers.members)]
        else:
            student = fresh(init_key, name=name)
        theta: Params = {}
        if "mutual_information" in terms:
            pair = jnp.zeros((1, width))
            theta = estimator.init(estimator_key, pair, pair)["params"]
        given = lambda own, of_run: jnp.asarray(of_run if own is None else own, jnp.float32)  # noqa: E731
        context = DistillContext(
            asked,
            {term: jnp.asarray(weight, jnp.float32) for term, weight in weights[name].items()},
            given(variant.margin, config.distill.margin),
            teacher_mask(config, variant),
            jnp.asarray(learning_rate(config, variant.learning_rate), jnp.float32),
            noise_key if fixed else None,
            answers.position_m if answers else None,
            answers.pseudo_labelled() if answers else None,
            localizer.survey,
        )
        return make_distill_state(student, theta, tx), train_key, context

    starts = {name: partial(start, name) for name in students}
    step = make_distill_step(localizer, ask, alignment, tx, num_unlabelled=own.num_unlabelled)
    return Distillation(localizer, step, starts, of_student)


def _kinds(
    config: ConfigDict,
    localizer: Localizer,
    generator: Generator,
    teachers: Params,
    answers: TeacherOutputs | None,
) -> tuple[TeacherFn, Params]:
    """How the teachers of the configured kind are asked, and the parameters for it."""
    surrogates = make_teacher_fn(generator, config.teacher, scale_m=localizer.preprocessor.scale_m)
    if answers is None:
        return surrogates, teachers
    agnostic = make_lookup_fn(localizer.network), lookup_params(answers, localizer.network)
    if config.teacher.kind == "agnostic":
        return agnostic
    return join_teacher_fns(surrogates, agnostic[0]), (teachers, agnostic[1])


def train_students(
    config: ConfigDict,
    train: Fingerprints,
    generator: Generator,
    teachers: Params,
    students: Mapping[str, tuple[int, Variant]],
    *,
    recorder: Recorder,
    answers: TeacherOutputs | None = None,
) -> tuple[Localizer, dict[str, Params]]:
    """Trains students on the target under its teachers (phase 2, Alg. 3), or loads them."""
    localizer = make_localizer(config, train)
    shapes = localizer.shapes(train.num_access_points)
    found = {name: recorder.load_final(name, shapes) for name in students}
    waiting = [name for name, params in found.items() if params is None]
    if not waiting:
        return localizer, found
    job = make_distillation(
        config, train, generator, teachers, students, recorder=recorder, answers=answers
    )
    data = make_batch(train, localizer.preprocessor)
    batch_size, epochs, _ = training_plan(config, localizer, len(train))
    for mode, names in _groups(job, data, waiting, batch_size, config.run.replicas, recorder):
        alone = mode == "loop"
        begun = [job.starts[name]() for name in names]
        states, keys, contexts = zip(*begun, strict=True)
        state = fit(
            job.step,
            states[0] if alone else stack(states),
            data,
            keys[0] if alone else stack(keys),
            epochs=epochs,
            batch_size=batch_size,
            name=names[0] if alone else _group_name(names),
            recorder=recorder,
            context=contexts[0] if alone else stack(contexts, OWN),
            replication=None if alone else Replication(names, mode, OWN),
            omit={name: set(WEIGHTED[1:]) - set(job.terms[name]) for name in names},
        )
        trained = state.params["student"]
        for index, name in enumerate(names):
            found[name] = trained if alone else unstack(trained, index)
            recorder.save_final(name, found[name], epochs)
    return localizer, found


def _groups(
    job: Distillation,
    data: Any,
    waiting: Sequence[str],
    batch_size: int,
    mode: str,
    recorder: Recorder,
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(mode, names) of each program to run: first those that an earlier start has begun with."""
    left = list(waiting)
    for record in recorder.records():
        names = tuple(record.get("replicas", ()))
        if any(name in left for name in names) and all(name in job.starts for name in names):
            left = [name for name in left if name not in names]
            yield record["mode"], names
    # A training that was begun alone goes on alone: its last state is its own.
    begun = {record.get("run") for record in recorder.records() if "epoch" in record}
    grouped = {name for r in recorder.records() for name in r.get("replicas", ())}
    for name in [name for name in left if name in begun - grouped]:
        left.remove(name)
        yield "loop", (name,)
    if not left:
        return
    # What was chosen stays, so that a run that goes on is the run that was begun; what was chosen
    # for fewer says nothing of more.
    chosen = next(
        (r for r in recorder.records() if r.get("asked") == mode and r.get("of", 0) >= len(left)),
        None,
    )
    if chosen is None:
        found, size = choose_mode(
            job.step,
            [job.starts[name] for name in left],
            data,
            batch_size=batch_size,
            context_axes=OWN,
            mode=mode,
        )
        chosen = {"run": "replicas", "asked": mode, "of": len(left), "mode": found, "size": size}
        if mode != "loop":
            recorder.log(chosen)
    mode, size = chosen["mode"], chosen["size"]
    for i in range(0, len(left), size):
        names = tuple(left[i : i + size])
        if mode != "loop":
            recorder.log({"run": _group_name(names), "mode": mode, "replicas": names})
        yield mode, names


def _group_name(names: tuple[str, ...]) -> str:
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return f"replicas-{digest[:12]}"
