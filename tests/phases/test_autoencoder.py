"""The start of a training, and CNNLoc's auto-encoder."""

import jax
import numpy as np
import pytest
from flax import linen as nn
from tiny import make_part, make_tiny_config

from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.errors import ConfigError
from rsstl_jax.models import NETWORKS, Network, Regressor
from rsstl_jax.models.cnnloc import make_cnnloc
from rsstl_jax.phases.specialise import initial_params
from rsstl_jax.store.recorder import Recorder


class Map(nn.Module):
    """A framer that makes a map float[B, 6, 4]."""

    @nn.compact
    def __call__(self, x, *, train=False):
        return nn.Dense(4)(x[..., None])


class Narrow(nn.Module):
    """A decoder that takes nothing but the frame, float[B, 4]."""

    @nn.compact
    def __call__(self, frame, num_access_points):
        assert frame.shape[1:] == (4,)
        return nn.Dense(num_access_points)(frame)


class Flat(nn.Module):
    @nn.compact
    def __call__(self, x, *, train=False):
        return nn.Dense(3)(x.reshape(len(x), -1))


class Wide(nn.Module):
    """A decoder that makes more columns than there are access points."""

    @nn.compact
    def __call__(self, frame, num_access_points):
        return nn.Dense(num_access_points + 1)(frame)


def start(config, recorder, name="seed-0/standalone"):
    job = make_site_job(config, make_part())
    return initial_params(job, jax.random.key(0), name=name, recorder=recorder)


def test_reconstruction_error_of_the_auto_encoder_falls(tmp_path):
    config = make_tiny_config(network="cnnloc", **{"model.cnnloc.pretrain_epochs": 30})
    recorder = Recorder(tmp_path)
    start(config, recorder)
    errors = [record["reconstruction"] for record in recorder.records()]
    assert len(errors) == 30
    assert errors[-1] < 0.5 * errors[0]


def test_both_students_of_a_seed_start_from_one_auto_encoder(tmp_path):
    config = make_tiny_config(network="cnnloc", **{"model.cnnloc.pretrain_epochs": 2})
    recorder = Recorder(tmp_path)
    first = start(config, recorder, "seed-0/standalone")
    second = start(config, recorder, "seed-0/distilled")
    assert len(recorder.records()) == 2
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_the_decoder_is_given_the_average_of_a_feature_map(tmp_path, monkeypatch):
    make = lambda config: Network(Map(), Flat(), Regressor(), 4, 3, "linear", Narrow())  # noqa: E731
    monkeypatch.setitem(NETWORKS, "own", make)
    recorder = Recorder(tmp_path)
    start(make_tiny_config(network="own", **{"model.cnnloc.pretrain_epochs": 2}), recorder)
    assert len(recorder.records()) == 2


def test_a_decoder_of_another_width_is_named(tmp_path, monkeypatch):
    make = lambda config: make_cnnloc(config).clone(decoder=Wide())  # noqa: E731
    monkeypatch.setitem(NETWORKS, "cnnloc", make)
    with pytest.raises(
        ConfigError, match=r"decoder is a Wide, which makes .*must make float\[B, A"
    ):
        start(make_tiny_config(network="cnnloc"), Recorder(tmp_path))


def test_networks_without_a_decoder_start_fresh(tmp_path):
    config = make_tiny_config()
    recorder = Recorder(tmp_path)
    fresh = make_site_job(config, make_part()).init(jax.random.key(0))
    jax.tree.map(np.testing.assert_array_equal, start(config, recorder), fresh)
    assert recorder.records() == []
