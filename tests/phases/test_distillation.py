"""Phase 2 as a whole: students as replicas of one program, their equality, and interruptions."""

from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import assert_same_bits, broken_off, differing, draw_params, make_part, make_tiny_config

from rsstl_jax import make_network
from rsstl_jax.engine.replicas import stack
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.errors import ConfigError
from rsstl_jax.models.generator import make_generator
from rsstl_jax.phases.distillation import make_distillation, train_students
from rsstl_jax.phases.specialise import specialise
from rsstl_jax.phases.student_specs import STUDENTS, StudentSpec, plan_student
from rsstl_jax.phases.teacher_set import TeacherSet
from rsstl_jax.store.recorder import Recorder

students_module = import_module("rsstl_jax.phases.distillation")
EPOCHS = 4
NO_ALIGNMENT = {
    f"distill.weights.{term}": 0.0
    for term in ("similarity", "mutual_information", "functional_information")
}


def make_stack(config):
    generator = make_generator(make_network(config), 8)
    draws = [draw_params(generator, jnp.zeros((1, 6)), seed=seed) for seed in range(2)]
    return TeacherSet(generator, stack(draws), {})


def planned(job, students):
    return {
        name: (seed, plan_student(job.config, job.network, spec))
        for name, (seed, spec) in students.items()
    }


def train_all(workdir, students, checkpoint_every_s=30.0, log_every_epochs=2, **fields):
    """({name: parameters}, records) of students under the teachers of "mall" and "campus"."""
    config = make_tiny_config("mall,campus", **{"train.epochs": EPOCHS} | fields)
    recorder = Recorder(
        workdir, log_every_epochs=log_every_epochs, checkpoint_every_s=checkpoint_every_s
    )
    job, teachers = make_site_job(config, make_part()), make_stack(config)
    before = jax.tree.map(np.array, teachers.params)
    trained = train_students(job, teachers, planned(job, students), recorder=recorder)
    assert_same_bits(teachers.params, before)
    return trained, recorder.records()


def train(workdir, seed=0, spec=STUDENTS["distilled"], **fields):
    trained, records = train_all(workdir, {"student": (seed, spec)}, **fields)
    return trained["student"], records


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    config = make_tiny_config(**{"train.epochs": EPOCHS})
    recorder = Recorder(tmp_path_factory.mktemp("alone"), log_every_epochs=2)
    job = make_site_job(config, make_part())
    return specialise(job, seed=0, name="alone", recorder=recorder)


@pytest.mark.parametrize("keys", ["threefry2x32", "rbg"])
def test_without_alignment_the_student_is_the_stand_alone_one(alone, tmp_path, keys):
    """Same start, batches, augmentation and dropout, and a localisation weight of 3 / 3."""
    with jax.default_prng_impl(keys):  # No training depends on JAX's default.
        student, records = train(tmp_path, **NO_ALIGNMENT)
    for leaf, want in zip(jax.tree.leaves(student), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(leaf, want, rtol=1e-4, atol=1e-6)
    assert records[0].keys() == {
        "run",
        "epoch",
        "batch_size",
        "total",
        "localization",
        "gradient_norm",
    }
    assert all(record["total"] == record["localization"] for record in records)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"similarty": 1.0}, "weights has 'similarty', which is no term of this step"),
        ({"soft_target": 1.0}, "weights has 'soft_target', which is no term of this step"),
    ],
)
def test_a_weight_without_its_term_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        trace_step(lambda context: {"weights": context.weights | change})


@pytest.mark.parametrize("shape", [(7, 2), (8,), (8, 3)])
def test_soft_targets_of_too_few_fingerprints_are_refused(shape):
    """A row that is not there would be the last one."""
    change = {"soft_target_m": jax.ShapeDtypeStruct(shape, np.float32)}
    with pytest.raises(ValueError, match=r"soft_target_m has shape .*; \[n, 2\] is .* at least 8"):
        trace_step(lambda context: {"weights": context.weights | {"soft_target": 1.0}} | change)


def trace_step(change):
    config = make_tiny_config("mall,campus")
    job = make_site_job(config, make_part())
    students = planned(job, {"student": (0, STUDENTS["distilled"])})
    distillation = make_distillation(job, make_stack(config), students, recorder=None)
    state, key, context = jax.eval_shape(distillation.starts["student"])
    batch = jax.eval_shape(lambda: jax.tree.map(lambda leaf: leaf[:8], job.data))
    jax.eval_shape(distillation.step, state, batch, key, context._replace(**change(context)))


ABLATIONS = {
    "standalone": STUDENTS["standalone"],
    "distilled": STUDENTS["distilled"],
    "mutual": StudentSpec({"similarity": 0.0, "functional_information": 0.0}),
    "from-mall": StudentSpec(sources=("mall",)),
    "wide": StudentSpec({"similarity": 2.0}, margin=0.7, learning_rate=3e-3),
}


def mixed(seeds=(0, 1)):
    return {f"seed-{s}/{n}": (s, spec) for s in seeds for n, spec in ABLATIONS.items()}


@pytest.fixture(scope="module")
def in_turn(tmp_path_factory):
    return train_all(tmp_path_factory.mktemp("loop"), mixed())


@pytest.mark.slow
def test_both_modes_give_the_same_students(in_turn, tmp_path):
    trained, records = train_all(tmp_path, mixed(), **{"run.replicas": "vmap"})
    assert trained.keys() == in_turn[0].keys()
    for name, params in trained.items():
        for leaf, want in zip(
            jax.tree.leaves(params), jax.tree.leaves(in_turn[0][name]), strict=True
        ):
            np.testing.assert_allclose(leaf, want, rtol=2e-3, atol=2e-4, err_msg=name)
    told = [{k: v for k, v in r.items() if k != "total"} for r in records if "epoch" in r]
    by_name = lambda records: {(r["run"], r["epoch"]): set(r) for r in records if "epoch" in r}  # noqa: E731
    assert {key: value - {"total"} for key, value in by_name(in_turn[1]).items()} == by_name(told)


def test_students_of_a_seed_differ_by_their_spec_alone(in_turn, tmp_path):
    """Each of the mixed program equals the one of a program of its terms, to rounding."""
    with_all_terms, with_none = ("seed-0/from-mall", "seed-1/wide"), ("seed-0/standalone",)
    for names in (with_all_terms, with_none):
        students = {name: mixed()[name] for name in names}
        for name, params in train_all(tmp_path / names[0], students)[0].items():
            for leaf, want in zip(
                jax.tree.leaves(params), jax.tree.leaves(in_turn[0][name]), strict=True
            ):
                np.testing.assert_allclose(leaf, want, rtol=2e-3, atol=2e-4, err_msg=name)
    trained = in_turn[0]
    assert len({np.asarray(jax.tree.leaves(p)[0]).tobytes() for p in trained.values()}) == 10


def test_terms_that_a_student_does_not_have_are_not_written_down(in_turn):
    of_run = {record["run"]: set(record) for record in in_turn[1] if "epoch" in record}
    common = {"run", "epoch", "batch_size", "total", "localization", "gradient_norm"}
    assert of_run["seed-0/standalone"] == common
    assert of_run["seed-1/mutual"] == common | {"mutual_information"}


@pytest.mark.parametrize(("mode", "times"), [("loop", 1), ("vmap", 2)])
def test_a_sweep_over_weights_compiles_once(tmp_path, monkeypatch, mode, times):
    """Seeds, weights, margins, learning rates and teachers are values, not programs.

    Under vmap once more: what memory the program takes is asked of one over a few rows.
    """
    traced = []
    make = students_module.make_distill_step

    def counting(*args, **kwargs):
        step = make(*args, **kwargs)

        def counted(*inputs):
            traced.append(1)
            return step(*inputs)

        return counted

    monkeypatch.setattr(students_module, "make_distill_step", counting)
    sweep = {
        f"seed-{i % 3}/point-{i}": (
            i % 3,
            StudentSpec(
                {"similarity": 0.1 * i, "mutual_information": 0.05 * (6 - i)},
                margin=0.01 * i,
                sources=("mall",) if i % 2 else None,
                learning_rate=1e-3 * (1 + i),
            ),
        )
        for i in range(6)
    }
    trained, _ = train_all(tmp_path, sweep, **{"run.replicas": mode})
    # A scan traces its body once; nothing is traced for the five others.
    assert len(trained) == 6 and len(traced) == times


def test_specs_of_what_the_run_does_not_have_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="a student has the teacher of office; sources is 'mall"):
        train(tmp_path, spec=StudentSpec(sources=("office",)))
    with pytest.raises(ConfigError, match="a student has no sources; name at least one"):
        train(tmp_path, spec=StudentSpec(sources=()))
    with pytest.raises(ConfigError, match="similiarity is not a field of the configuration"):
        train(tmp_path, spec=StudentSpec({"similiarity": 1.0}))


@pytest.mark.slow
def test_a_group_that_was_broken_off_goes_on_as_it_was(tmp_path, monkeypatch):
    """Its state is saved at epoch 2; then another mode is asked for, and more students."""
    mode = "vmap"
    some = {name: own for name, own in mixed((0,)).items() if "from" not in name}
    whole, records = train_all(tmp_path / "whole", some, **{"run.replicas": mode})
    fields = {"checkpoint_every_s": 0}
    with broken_off(monkeypatch, at=EPOCHS):
        train_all(tmp_path / "run", some, **fields, **{"run.replicas": mode})
    trained, again = train_all(tmp_path / "run", mixed((0,)), **fields)
    for name, params in whole.items():
        assert_same_bits(trained[name], params)
    assert "seed-0/from-mall" in trained
    of_some = [r for r in again if r["run"] != "seed-0/from-mall"]
    key = lambda record: (record["run"], record.get("epoch", 0))  # noqa: E731
    assert sorted(of_some, key=key) == sorted(records, key=key)


@pytest.mark.slow
def test_the_groups_of_a_run_stay(tmp_path, monkeypatch):
    """A machine with other memory at the next start does not change the run."""
    groups_module = import_module("rsstl_jax.phases.replica_groups")
    students, fields = list(mixed().items()), {"run.replicas": "vmap"}
    for number, size in ((3, 2), (6, 3)):
        monkeypatch.setattr(groups_module, "replicas_that_fit", lambda *_, size=size, **__: size)
        _, records = train_all(tmp_path, dict(students[:number]), **fields)
    groups = [len(r["replicas"]) for r in records if "replicas" in r]
    assert groups == [2, 3]  # the third student of the first start was trained alone


def test_a_run_begun_in_a_mode_that_is_no_more_is_refused(tmp_path):
    names = list(mixed())[:2]
    Recorder(tmp_path).log({"run": "replicas-0", "mode": "map", "replicas": names})
    with pytest.raises(ConfigError, match=r"begun with run\.replicas=map, which"):
        train_all(tmp_path, {name: mixed()[name] for name in names})


def test_with_alignment_it_is_another_one(whole, alone):
    assert len(differing(whole[0], alone)) == 8
    terms = {"localization", "similarity", "mutual_information", "functional_information"}
    assert whole[1][0].keys() == {"run", "epoch", "batch_size", "total", "gradient_norm"} | terms


def test_the_same_seed_gives_the_same_bits_and_another_one_others(whole, tmp_path):
    both = {name: (seed, STUDENTS["distilled"]) for name, seed in (("student", 0), ("other", 1))}
    trained, records = train_all(tmp_path, both)
    assert_same_bits(trained["student"], whole[0])
    assert [record for record in records if record["run"] == "student"] == whole[1]
    assert len(differing(trained["other"], whole[0])) == 8


def test_a_resumed_training_equals_the_uninterrupted_one(whole, tmp_path, monkeypatch):
    """Broken off with the metrics of epoch 4 on disk and the state of epoch 2."""
    with broken_off(monkeypatch, at=EPOCHS):
        train(tmp_path, checkpoint_every_s=0)
    student, records = train(tmp_path, checkpoint_every_s=0)
    assert_same_bits(student, whole[0])
    assert records == whole[1]
    assert [record["epoch"] for record in records] == [1, 2, 3, 4]


def test_a_specs_learning_rate_stands_for_that_of_the_configuration(tmp_path):
    """CNNLoc multiplies it by a factor of its own, which the spec does not replace."""
    config = make_tiny_config(network="cnnloc")
    config.model.cnnloc.learning_rate_factor = 3.0
    job = make_site_job(config, make_part())
    specs = {"run": StudentSpec(), "given": StudentSpec(learning_rate=config.train.learning_rate)}
    students = planned(job, {name: (0, spec) for name, spec in specs.items()})
    distillation = make_distillation(job, make_stack(config), students, recorder=Recorder(tmp_path))
    rates = [float(distillation.starts[name]()[2].learning_rate) for name in specs]
    assert rates == pytest.approx([3 * config.train.learning_rate] * 2)


def test_a_term_that_makes_no_sense_for_the_network_is_refused():
    config = make_tiny_config(network="baat")
    network, forced = make_network(config), StudentSpec({"functional_information": 1.0})
    with pytest.raises(ConfigError, match="force_functional_information=True weighs it"):
        plan_student(config, network, forced)
    config.distill.force_functional_information = True
    assert plan_student(config, network, forced).weights["functional_information"] == 1
