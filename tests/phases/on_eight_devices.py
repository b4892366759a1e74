"""Trainings on eight virtual devices against one; `test_many_devices.py` gives it a process."""

import json
from functools import partial
from importlib import import_module

import jax
import numpy as np
import optax
import pytest
from phases.test_distillation import ABLATIONS, make_stack, planned, train_all
from tiny import ONE_TERM, assert_same_bits, broken_off, make_part, make_tiny_config

from rsstl_jax.config import default_config
from rsstl_jax.engine.loop import make_epochs
from rsstl_jax.engine.mesh import make_mesh
from rsstl_jax.engine.prototypes import make_prototypes
from rsstl_jax.engine.replicas import Replication, replica_sharding, spread
from rsstl_jax.engine.saved_student import Student
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.engine.train_state import make_state
from rsstl_jax.errors import ConfigError
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.models.site_agnostic.token_network import make_agnostic
from rsstl_jax.phases.distillation import make_distillation
from rsstl_jax.site_agnostic.episodes import make_sources
from rsstl_jax.site_agnostic.training import init_agnostic, make_episode_step
from rsstl_jax.store.checkpoint import load_checkpoint, save_checkpoint

locator_module = import_module("rsstl_jax.engine.locator")
EPOCHS = 4


@pytest.fixture(scope="module")
def three():
    names = ("standalone", "distilled", "wide")
    return {f"seed-0/{name}": (0, ABLATIONS[name]) for name in names}


@pytest.fixture(scope="module")
def on_one(three, tmp_path_factory):
    return train_all(tmp_path_factory.mktemp("one"), three)


def assert_same_run(run, other):
    assert run[0].keys() == other[0].keys()
    for name, params in other[0].items():
        assert_same_bits(run[0][name], params)
    of_epochs = lambda records: sorted(json.dumps(r) for r in records if "epoch" in r)  # noqa: E731
    assert of_epochs(run[1]) == of_epochs(other[1])


def test_replicas_have_the_bits_of_one_device(three, tmp_path):
    """Three students on two devices, of one term: the slow tests have them all."""
    on_two = train_all(tmp_path / "two", three, **ONE_TERM, **{"run.mesh": "replica:2"})
    assert_same_run(on_two, train_all(tmp_path / "one", three, **ONE_TERM))


@pytest.mark.slow
def test_replicas_go_on_with_another_number_of_devices(three, on_one, tmp_path, monkeypatch):
    """Three students on two devices are stopped after epoch 2; a single one takes them up."""
    with broken_off(monkeypatch, at=EPOCHS):
        train_all(tmp_path, three, checkpoint_every_s=0, **{"run.mesh": "replica:2"})
    assert_same_run(train_all(tmp_path, three), on_one)


@pytest.mark.slow
def test_a_run_goes_on_with_fewer_devices_twice(on_one, three, tmp_path, monkeypatch):
    """Six students on eight devices, then on four, then on one."""
    six = three | {name.replace("seed-0", "seed-1"): (1, own[1]) for name, own in three.items()}
    every = {"checkpoint_every_s": 0, "log_every_epochs": 1}
    for mesh, epoch in (("replica:8", 3), ("replica:4", 4)):
        with broken_off(monkeypatch, at=epoch):
            train_all(tmp_path, six, **every, **{"run.mesh": mesh})
    trained, _ = train_all(tmp_path, six, **every)
    for name, params in on_one[0].items():
        assert_same_bits(trained[name], params)


@pytest.mark.parametrize(
    ("saved_on", "loaded_on"),
    [("", "replica:2"), ("replica:8", "replica:2"), ("replica:2,data:2", "")],
)
def test_a_saved_state_goes_on_with_other_devices(tmp_path, saved_on, loaded_on):
    """Three replicas, a number that no mesh divides."""
    names = Replication(("a", "b", "c"))
    whole = {"w": np.arange(6.0, dtype=np.float32).reshape(3, 2), "n": np.arange(3)}

    def laid(mesh, state):
        sharding = replica_sharding(make_mesh(mesh), names)
        put = sharding.put if sharding else partial(jax.tree.map, jax.numpy.array)
        return sharding, put(state)

    _, state = laid(saved_on, whole)
    save_checkpoint(tmp_path, state, step=4, count=3 if saved_on else None)
    sharding, like = laid(loaded_on, jax.tree.map(np.zeros_like, whole))
    step, loaded = load_checkpoint(tmp_path, like, count=3 if loaded_on else None)
    assert step == 4
    assert all(leaf.sharding == like[name].sharding for name, leaf in loaded.items())
    assert_same_bits(sharding.gather(loaded) if sharding else loaded, whole)


# A number of a step comes out of about ten sums, one after the other, of at most 64 addends each;
# a sum of n of them in another order differs by at most n 2^-24 of their magnitudes' sum.
TOLERANCE = 10 * 64 * 2.0**-24

SMALL = {
    "baat": {"model.baat.token_width": 8, "model.baat.num_heads": 2, "model.baat.num_blocks": 1},
    "bayescnn": {"model.bayescnn.channels": (2,), "model.bayescnn.dense_width": 8},
    "cnnloc": {"model.cnnloc.pretrain_epochs": 0},
    "agnostic": {"teacher.kind": "noise"},
}


def first_step(network, mesh, batch_size):
    """Losses of all terms and the gradients of a first step, with unlabelled fingerprints."""
    fields = SMALL.get(network, {}) | {"network": network, "train.batch_size": batch_size}
    config = make_tiny_config(
        "mall,campus",
        **fields,
        **{"distill.force_functional_information": True},
    )
    job = make_site_job(config, make_part())
    students = planned(job, {"student": (0, ABLATIONS["distilled"])})
    job.config.distill.num_unlabelled = 6
    distillation = make_distillation(job, make_stack(config), students, recorder=None)
    state, key, context = distillation.starts["student"]()
    context = context._replace(unlabelled=jax.tree.map(lambda leaf: leaf[:7], job.data))
    program = partial(make_epochs, distillation.step, batch_size=batch_size, num_epochs=1)
    rows = jax.tree.map(lambda leaf: leaf[: batch_size + 1], job.data)
    run = spread(program, make_mesh(mesh) if mesh else None, rows, context, None)
    state, metrics, _ = jax.device_get(run(state, key))
    moments = [leaf for part in state.opt_state.values() for leaf in jax.tree.leaves(part[0].mu)]
    return metrics, moments


def assert_same_step(step, expected_step):
    (metrics, moments), (expected, expected_moments) = step, expected_step
    assert metrics.keys() == expected.keys() >= {"functional_information", "mutual_information"}
    for name, value in metrics.items():
        np.testing.assert_allclose(value, expected[name], rtol=TOLERANCE, err_msg=name)
    # Some gradients are 0 but for rounding, as that of an attention's key bias.
    largest = max(np.abs(want).max(initial=0) for want in expected_moments)
    for moment, want in zip(moments, expected_moments, strict=True):
        np.testing.assert_allclose(moment, want, rtol=0, atol=TOLERANCE * largest)


@pytest.mark.parametrize(
    ("network", "mesh", "batch_size"),
    [
        ("dnn", "data:4", 6),  # 4 devices divide neither the batch nor what is given
        pytest.param("dnn", "replica:2,data:2", 8, marks=pytest.mark.slow),
        pytest.param("baat", "data:2", 8, marks=pytest.mark.slow),
        pytest.param("bayescnn", "data:2", 8, marks=pytest.mark.slow),
        pytest.param("cnnloc", "data:2", 8, marks=pytest.mark.slow),
        pytest.param("agnostic", "data:2", 4, marks=pytest.mark.slow),
    ],
)
def test_a_batch_on_many_devices_is_that_of_one(network, mesh, batch_size):
    assert_same_step(first_step(network, mesh, batch_size), first_step(network, "", batch_size))


def first_episodes(mesh, per_step=4):
    """Loss and gradient norm of the first steps of a pretraining, of some episodes each."""
    settings = default_config().agnostic.episodes
    settings.update(num_queries=6, min_support=4, max_support=8)
    network = AgnosticSettings(4, 4, 8, 1, 2, 8)
    parts, tx = [make_part("mall"), make_part("campus")], optax.sgd(0.0)
    step = make_episode_step(make_agnostic(network), settings, tx, num_rows=21)
    program = partial(make_epochs, step, batch_size=per_step, num_epochs=1)
    devices = make_mesh(mesh) if mesh else None
    run = spread(program, devices, np.arange(8), make_sources(parts), None)
    state = make_state(init_agnostic(network, jax.random.key(0)), tx)
    return run(state, jax.random.key(1))[1]


def test_episodes_on_many_devices_are_those_of_one():
    shared, expected = first_episodes("data:4"), first_episodes("")
    for name, value in shared.items():
        np.testing.assert_allclose(value, expected[name], rtol=TOLERANCE, err_msg=name)


def test_scans_on_many_devices_have_the_answers_of_one(monkeypatch):
    monkeypatch.setattr(locator_module, "EVALUATION_ROWS", 8)
    job, part = make_site_job(make_tiny_config(), make_part()), make_part()
    student = Student(
        job.site_network,
        job.init(jax.random.key(0)),
        part.access_points,
        part.dataset,
        prototypes=make_prototypes(part, job.site_network.preprocessor),
    )
    expected = student.answer(part.rss_dbm)
    student.devices = jax.devices()[:2]
    answers = vars(student.answer(part.rss_dbm))
    for name, want in vars(expected).items():
        np.testing.assert_array_equal(answers[name], want, err_msg=name)


def test_more_devices_than_there_are_are_refused():
    message = r"'replica:3,data:3', which is 9 devices; JAX finds 8 \(cpu\): .* at most 8"
    with pytest.raises(ConfigError, match=message):
        make_mesh("replica:3,data:3")
