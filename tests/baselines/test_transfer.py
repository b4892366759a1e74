"""What moves between sites in sequential and collective transfer, and what does not."""

import jax
import numpy as np
import optax
import pytest
from tiny import differing, make_part, make_tiny_config

from rsstl_jax.baselines.collective import _freeze_body, collective_transfer
from rsstl_jax.baselines.transfer import scratch, sequential_transfer
from rsstl_jax.baselines.transfer_network import get_body
from rsstl_jax.engine.train_state import make_optimizer, make_state
from rsstl_jax.store.recorder import Recorder

SOURCES = ("mall", "campus")


@pytest.fixture(scope="module")
def config():
    return make_tiny_config(sources=",".join(SOURCES))


def parts():
    return {source: make_part(source) for source in SOURCES}


def test_sequential_visits_the_largest_source_first_and_every_site_once(config, tmp_path):
    sources = {"campus": make_part("campus").take(range(10)), "mall": make_part("mall")}
    recorder = Recorder(tmp_path)
    _, params = sequential_transfer(config, make_part(), sources, seed=0, recorder=recorder)
    order = list(dict.fromkeys(record["run"] for record in recorder.records()))
    assert order == ["seed-0/sequential-mall", "seed-0/sequential-campus", "seed-0/sequential"]
    assert params["framer"]["encoder"]["kernel"].shape == (6, 256)


def test_sequential_starts_at_the_target_with_the_carried_body(config, tmp_path):
    recorder = Recorder(tmp_path)
    _, carried = sequential_transfer(config, make_part(), parts(), seed=0, recorder=recorder)
    _, alone = scratch(config, make_part(), seed=0, recorder=recorder)
    # one seed, one recipe: the body is the only difference
    assert differing(carried, alone)


def test_collective_keeps_the_body_frozen_at_first(config, tmp_path):
    recorder = Recorder(tmp_path, checkpoint_every_s=0.0)
    collective_transfer(config, make_part(), parts(), seed=0, recorder=recorder)
    runs = list(dict.fromkeys(record["run"] for record in recorder.records()))
    assert runs == [
        "seed-0/collective-sources",
        "seed-0/collective-frozen",
        "seed-0/collective-free",
    ]
    localizer, _ = scratch(config, make_part(), seed=1, recorder=recorder)
    shapes = localizer.shapes(6)
    body = recorder.load_final("seed-0/collective-sources", get_body(shapes))
    _, state = recorder.load_latest(
        "seed-0/collective-frozen", _frozen_state(localizer, shapes, config)
    )
    assert not differing(get_body(state.params), body)
    final = recorder.load_final("seed-0/collective", shapes)
    assert differing(get_body(final), body)


def _frozen_state(localizer, shapes, config):
    tx = make_optimizer(config.train.learning_rate, config.train.schedule, 2)
    tx = optax.multi_transform({"site": tx, "body": optax.set_to_zero()}, _freeze_body)
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    return make_state(zeros, tx)


def test_transfer_that_has_finished_is_loaded(config, tmp_path):
    first = collective_transfer(config, make_part(), parts(), seed=0, recorder=Recorder(tmp_path))[
        1
    ]
    recorder = Recorder(tmp_path)
    before = len(recorder.records())
    again = collective_transfer(config, make_part(), parts(), seed=0, recorder=recorder)[1]
    assert not differing(first, again)
    assert len(recorder.records()) == before
