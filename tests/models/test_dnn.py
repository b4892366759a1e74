"""The DNN: what it is made of at each site, and where its dropout acts."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import draw_params

from rsstl_jax import default_config, make_network
from rsstl_jax.data import CARDS
from rsstl_jax.models import Regressor
from rsstl_jax.models.dnn import DenseStack

# Two hidden layers behind the framer (300 * 300 + 300 each) and the plane (300 * 2 + 2).
BEHIND_THE_FRAMER = 2 * 90_300 + 602
# The framer has A * 300 + 300.
FRAMER = {"uji": 156_300, "uts": 177_000, "tampere": 297_900, "tut7": 240_600}


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def initial(network, num_access_points):
    example = jax.ShapeDtypeStruct((1, num_access_points), jnp.float32)
    return jax.eval_shape(network.init, jax.random.key(0), example)["params"]


@pytest.mark.parametrize(
    ("name", "num_access_points"), [("uji", 520), ("uts", 589), ("tampere", 992), ("tut7", 801)]
)
def test_parameters_of_each_dataset_counted_by_hand(name, num_access_points):
    assert CARDS[name].num_access_points == num_access_points
    params = initial(make_network(default_config()), num_access_points)
    assert count(params["framer"]) == FRAMER[name]
    assert count(params["extractor"]) == 2 * 90_300
    assert count(params["regressor"]) == 602
    assert count(params) == FRAMER[name] + BEHIND_THE_FRAMER


def test_a_deeper_and_narrower_one_counted_by_hand():
    """5 -> 16 -> 16 -> 16 -> 16 -> 2: 5*16+16, three times 16*16+16, 16*2+2."""
    config = default_config()
    config.model.dnn.hidden_width, config.model.dnn.num_layers = 16, 4
    params = initial(make_network(config), 5)
    assert count(params) == 96 + 3 * 272 + 34
    assert len(params["extractor"]) == 3


def test_frame_and_extract_are_not_negative_and_the_position_may_be():
    x = np.random.default_rng(0).normal(size=(64, 12)).astype(np.float32)
    network = make_network(default_config())
    out = jax.jit(network.apply)({"params": draw_params(network, x)}, x)
    assert out.frame.min() == 0 and out.extract.min() == 0
    assert out.location.min() < 0 < out.location.max()


def test_the_extract_is_whole_in_training_and_the_regressor_drops_it():
    """One layer behind the framer, so that no dropout lies in front of extract but the frame's."""
    extractor, regressor = DenseStack((400,), dropout=0.5), Regressor(dropout=0.5)
    x = jnp.ones((1, 400))
    params = {"params": draw_params(extractor, x)}
    params["params"]["Dense_0"]["bias"] = jnp.full(400, 1e3)  # every unit is alive
    rngs = {"dropout": jax.random.key(1)}
    extract = extractor.apply(params, x, train=True, rngs=rngs)
    assert extract.min() > 0
    ones = {"params": {"Dense_0": {"kernel": jnp.ones((400, 2)), "bias": jnp.zeros(2)}}}
    dropped = regressor.apply(ones, jnp.ones((1, 400)), train=True, rngs=rngs)
    kept = dropped[0, 0] / 2  # what is kept of 400 ones is doubled
    assert 160 < kept < 240  # 200 +- 4 sd of a binomial with p = 1/2, n = 400
    assert regressor.apply(ones, jnp.ones((1, 400)))[0, 0] == 400


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_dropout_acts_in_training_only(dropout):
    config = default_config()
    config.model.dnn.update(hidden_width=32, dropout=dropout)
    network = make_network(config)
    x = jnp.ones((4, 9))
    params = {"params": draw_params(network, x)}
    eval_mode = jax.jit(network.apply)(params, x)
    in_training = jax.jit(partial(network.apply, train=True))
    train = [in_training(params, x, rngs={"dropout": jax.random.key(seed)}) for seed in (1, 2)]
    np.testing.assert_array_equal(train[0].frame, eval_mode.frame)  # no input dropout here
    assert np.array_equal(train[0].location, train[1].location) == (dropout == 0)
    assert np.array_equal(train[0].location, eval_mode.location) == (dropout == 0)


def test_input_dropout_hides_inputs_in_training_only():
    framer = DenseStack((1,), dropout=0.25)
    params = {"params": {"Dense_0": {"kernel": jnp.ones((400, 1)), "bias": jnp.zeros(1)}}}
    x = jnp.ones((1, 400))
    rngs = {"dropout": jax.random.key(0)}
    hidden = framer.apply(params, x, train=True, rngs=rngs)[0, 0] * 0.75
    assert 265 < hidden < 335  # 300 +- 4 sd of a binomial with p = 3/4, n = 400
    assert framer.apply(params, x)[0, 0] == 400
