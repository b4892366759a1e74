"""What moves between sites in sequential and collective transfer, and what does not."""

import jax
import numpy as np
import optax
import pytest
from tiny import differing, make_part, make_tiny_config

from rsstl_jax.baselines.collective import _freeze_body, collective_transfer
from rsstl_jax.baselines.transfer import (
    get_body,
    make_transfer_job,
    sequential_transfer,
)
from rsstl_jax.config.recipes import site_config
from rsstl_jax.engine.train_state import make_optimizer, make_state
from rsstl_jax.store.recorder import Recorder

SOURCES = ("mall", "campus")


@pytest.fixture(scope="module")
def config():
    return make_tiny_config(sources=",".join(SOURCES))


@pytest.fixture(scope="module")
def job(config):
    return make_transfer_job(config, make_part())


def make_sources(config, *parts):
    parts = parts or [make_part(source) for source in SOURCES]
    return {
        part.dataset: make_transfer_job(site_config(config, part.dataset), part) for part in parts
    }


@pytest.mark.slow
def test_sequential_visits_the_largest_source_first_and_every_site_once(job, tmp_path):
    sources = make_sources(job.config, make_part("campus").take(range(10)), make_part("mall"))
    recorder = Recorder(tmp_path)
    params = sequential_transfer(job, sources, seed=0, recorder=recorder)
    order = list(dict.fromkeys(record["run"] for record in recorder.records()))
    assert order == ["seed-0/sequential-mall", "seed-0/sequential-campus", "seed-0/sequential"]
    assert params["framer"]["encoder"]["kernel"].shape == (6, 256)


def test_sequential_starts_at_the_target_with_the_carried_body(job, tmp_path):
    recorder = Recorder(tmp_path)
    sources = make_sources(job.config, make_part("mall"))
    carried = sequential_transfer(job, sources, seed=0, recorder=recorder)
    alone = sequential_transfer(job, {}, seed=0, recorder=recorder)
    # one seed, one recipe: the body is the only difference
    assert differing(carried, alone)
    # What has finished is loaded.
    before = len(recorder.records())
    again = sequential_transfer(job, sources, seed=0, recorder=Recorder(tmp_path))
    assert not differing(carried, again) and len(recorder.records()) == before


@pytest.mark.slow
def test_collective_keeps_the_body_frozen_at_first(job, tmp_path):
    recorder = Recorder(tmp_path, checkpoint_every_s=0.0)
    sources = make_sources(job.config)
    trained = collective_transfer(job, sources, seed=0, recorder=recorder)
    runs = list(dict.fromkeys(record["run"] for record in recorder.records()))
    assert runs == [
        "seed-0/collective-sources",
        "seed-0/collective-frozen",
        "seed-0/collective-free",
    ]
    shapes = job.shapes
    body = recorder.load_final("seed-0/collective-sources", get_body(shapes))
    frozen = _frozen_state(shapes, job.config)
    _, state = recorder.load_latest("seed-0/collective-frozen", frozen)
    assert not differing(get_body(state.params), body)
    final = recorder.load_final("seed-0/collective", shapes)
    assert differing(get_body(final), body)
    again = collective_transfer(job, sources, seed=0, recorder=Recorder(tmp_path))
    assert not differing(trained, again)


def _frozen_state(shapes, config):
    tx = make_optimizer(config.train.learning_rate, config.train.schedule, 2)
    tx = optax.multi_transform({"site": tx, "body": optax.set_to_zero()}, _freeze_body)
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    return make_state(zeros, tx)
