"""A network trained alone: metres, schedules, seeds, and the same bits after an interruption."""

import math
from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from tiny import (
    NUM_ROWS,
    assert_same_bits,
    broken_off,
    differing,
    draw_params,
    make_part,
    make_tiny_config,
)

from rsstl_jax import NETWORKS, Network, default_config
from rsstl_jax.engine import site_network
from rsstl_jax.engine.fit_network import make_localization_step
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.engine.site_network import predict_m
from rsstl_jax.engine.train_state import make_optimizer, make_state
from rsstl_jax.models import Regressor
from rsstl_jax.phases.specialise import specialise
from rsstl_jax.store.recorder import Recorder

EPOCHS = 4


def train(workdir, seed=0, checkpoint_every_s=30.0, **fields):
    config = make_tiny_config(**{"train.epochs": EPOCHS} | fields)
    recorder = Recorder(workdir, log_every_epochs=2, checkpoint_every_s=checkpoint_every_s)
    job = make_site_job(config, make_part())
    params = specialise(job, seed=seed, name="alone", recorder=recorder)
    return params, recorder.records()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole"))


def test_the_loss_is_the_mean_distance_in_metres():
    """With all parameters zero the network answers with the origin."""
    part = make_part()
    job = make_site_job(default_config(), part)
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), job.shapes)
    tx = optax.sgd(1.0)
    step = jax.jit(make_localization_step(job.site_network, tx))
    state, metrics = step(make_state(zeros, tx), job.data, jax.random.key(0), None)
    apart_m = part.position_m - part.position_m.mean(axis=0)[None]
    expected = np.linalg.norm(apart_m, axis=1).mean()
    np.testing.assert_allclose(metrics["localization"], expected, rtol=1e-6)
    # Only the last bias has a gradient: the mean of the unit vectors from the true places, which
    # is in metres per unit of the scale.
    units = -apart_m / np.linalg.norm(apart_m, axis=1, keepdims=True)
    bias = state.params["regressor"]["Dense_0"]["bias"]
    expected = -units.mean(axis=0) * job.site_network.preprocessor.scale_m
    np.testing.assert_allclose(bias, expected, rtol=1e-4)
    assert differing(state.params, zeros) == {"regressor/Dense_0/bias"}


def test_prediction_is_origin_plus_scale_times_place_in_any_chunks(monkeypatch):
    part = make_part("home", "test")
    at_site = make_site_job(make_tiny_config(), make_part()).site_network
    params = draw_params(at_site.network, jnp.zeros((1, part.num_access_points)))
    prep = at_site.preprocessor
    place = at_site.network.apply({"params": params}, prep.encode(part.rss_dbm)).location
    expected = prep.origin_m[None] + prep.scale_m * np.asarray(place, np.float64)
    ours = predict_m(at_site, params, part)
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, expected, atol=1e-3)  # float32 metres around 1000
    monkeypatch.setattr(site_network, "EVALUATION_ROWS", 4)
    np.testing.assert_allclose(predict_m(at_site, params, part), expected, atol=1e-3)


def test_augmentation_acts_where_a_key_is_given_only():
    part = make_part()
    config = make_tiny_config(**{"model.dnn.dropout": 0.0})
    at_site = make_site_job(config, part).site_network
    params = draw_params(at_site.network, jnp.zeros((1, part.num_access_points)))
    represent = jax.jit(lambda key: at_site.represent(params, part.rss_dbm, key=key).frame)
    first, second = represent(jax.random.key(0)), represent(jax.random.key(1))
    assert np.abs(first - second).max() > 0
    plain = at_site.represent(params, part.rss_dbm).frame
    still = at_site.network.apply({"params": params}, at_site.preprocessor.encode(part.rss_dbm))
    np.testing.assert_array_equal(plain, still.frame)


class Noisy(nn.Module):
    @nn.compact
    def __call__(self, x, *, train=False):
        return nn.Dense(4)(x + jax.random.normal(self.make_rng("noise"), x.shape) if train else x)


def test_a_part_may_draw_under_any_name(monkeypatch):
    part = make_part()
    make = lambda _: Network(Noisy(), Noisy(), Regressor(), 4, 4, "linear")  # noqa: E731
    monkeypatch.setitem(NETWORKS, "noisy", make)
    at_site = make_site_job(make_tiny_config(network="noisy"), part).site_network
    params = draw_params(at_site.network, jnp.zeros((1, part.num_access_points)))
    keys = jax.random.split(jax.random.key(0))
    first, second = (at_site.represent(params, part.rss_dbm, key=key).extract for key in keys)
    assert np.abs(first - second).max() > 0


def test_the_plan_follows_the_site():
    config = make_tiny_config(**{"train.epochs": 3, "train.batch_size": 20})
    for num_rows, batch_size, num_steps in ((20, 20, 3), (19, 19, 3), (21, 20, 3)):
        job = make_site_job(config, make_part().take(range(num_rows)))
        assert (job.batch_size, job.num_steps) == (batch_size, num_steps)
    config.train.batch_size = 8
    assert make_site_job(config, make_part()).num_steps == 6  # 21 fingerprints, two whole batches


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_step_size_follows_its_schedule(schedule):
    """Adam's update under a constant gradient is the step size itself."""
    tx = make_optimizer(0.1, schedule, 4)
    state, sizes = tx.init(jnp.zeros(())), []
    for _ in range(5):
        update, state = tx.update(jnp.ones(()), state)
        sizes.append(-float(update))
    falling = [0.1 * (1 + math.cos(math.pi * step / 4)) / 2 for step in range(5)]
    np.testing.assert_allclose(sizes, falling if schedule == "cosine" else [0.1] * 5, atol=1e-6)


def test_training_lowers_the_error(tmp_path):
    fields = {"train.epochs": 40, "train.learning_rate": 0.02, "train.batch_size": 128}
    fields |= {"model.dnn.dropout": 0.0, "augment.access_point_dropout": 0.0}
    fields |= {"augment.gain_offset_db": 0.0, "augment.reading_noise_db": 0.0}
    records = train(tmp_path, **fields)[1]
    assert [record["epoch"] for record in records] == list(range(1, 41))
    assert {record["batch_size"] for record in records} == {NUM_ROWS["train"]}
    # Against the origin as an answer, which is where it starts.
    assert records[-1]["localization"] < 0.6 * records[0]["localization"]


def test_the_same_seed_gives_the_same_bits_and_another_one_others(whole, tmp_path):
    again, records = train(tmp_path / "again")
    assert_same_bits(again, whole[0])
    assert records == whole[1]
    assert len(differing(train(tmp_path / "other", seed=1)[0], whole[0])) == 8


def test_a_resumed_training_equals_the_uninterrupted_one(whole, tmp_path, monkeypatch):
    """Broken off with the metrics of epoch 4 on disk and the state of epoch 2."""
    with broken_off(monkeypatch, at=EPOCHS):
        train(tmp_path, checkpoint_every_s=0)
    assert (tmp_path / "checkpoints" / "alone" / "latest" / "2").is_dir()
    params, records = train(tmp_path, checkpoint_every_s=0)
    assert_same_bits(params, whole[0])
    assert records == whole[1]


def test_a_finished_training_is_loaded(whole, tmp_path, monkeypatch):
    train(tmp_path)
    monkeypatch.setattr(import_module("rsstl_jax.engine.fit_network"), "fit", None)
    params, records = train(tmp_path)
    assert_same_bits(params, whole[0])
    assert records == whole[1]


def test_a_network_scales_the_learning_rate_of_its_site():
    """Adam's first update of a parameter is the learning rate against the gradient's sign."""
    config = default_config()
    config.train.learning_rate = 1e-3
    config.model.cnnloc.learning_rate_factor = 3.0
    for network, expected in (("dnn", 1e-3), ("cnnloc", 3e-3)):
        config.network = network
        tx = make_site_job(config, make_part()).optimizer()
        update, _ = tx.update(jnp.ones(()), tx.init(jnp.zeros(())))
        np.testing.assert_allclose(update, -expected, rtol=1e-5)
