"""Surrogate teachers: the generator, its critic, and many of them as one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import draw_params

from rsstl_jax import ConfigError, default_config, make_network
from rsstl_jax.models.generator import Critic, Generator, make_generator


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def test_parameters_counted_by_hand():
    """128 -> 300 -> 256 -> 300, and 300 -> 256 -> 256 -> 1."""
    generator = make_generator(make_network(default_config()))
    key = jax.random.key(0)
    params = jax.eval_shape(generator.init, key, jax.ShapeDtypeStruct((1, 128), jnp.float32))
    assert count(params) == (128 * 300 + 300) + (300 * 256 + 256) + (256 * 300 + 300)
    params = jax.eval_shape(Critic().init, key, jax.ShapeDtypeStruct((1, 300), jnp.float32))
    assert count(params) == (300 * 256 + 256) + (256 * 256 + 256) + (256 + 1)


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def dense(x, layer):
    return x @ np.asarray(layer["kernel"], np.float64) + np.asarray(layer["bias"])


@pytest.mark.parametrize(
    ("activation", "end"), [("relu", lambda x: np.maximum(x, 0)), ("linear", lambda x: x)]
)
def test_generator_is_three_layers_that_end_as_the_extractor_does(activation, end):
    generator = Generator(6, 5, activation, hidden_width=7)
    code = normal(9, 4)
    params = draw_params(generator, code)
    frame, extract = jax.jit(generator.apply)({"params": params}, code)
    by_hand = leaky(dense(np.asarray(code, np.float64), params["framer"]))
    np.testing.assert_allclose(frame, by_hand, atol=1e-6)
    by_hand = dense(leaky(dense(by_hand, params["hidden"])), params["extractor"])
    np.testing.assert_allclose(extract, end(by_hand), atol=1e-6)
    assert (np.asarray(extract) < 0).any() == (activation == "linear")


def test_generator_fits_the_network_it_stands_in_for():
    config = default_config()
    config.model.dnn.hidden_width = 24
    network = make_network(config)
    generator = make_generator(network, 10)
    shapes = lambda module, x: jax.eval_shape(module.init_with_output, jax.random.key(0), x)[0]  # noqa: E731
    out = shapes(network, jnp.ones((2, 5)))
    frame, extract = shapes(generator, jnp.ones((2, 3)))
    assert (frame.shape, extract.shape) == (out.frame.shape, out.extract.shape)
    assert generator.extract_activation == network.extract_activation == "relu"
    with pytest.raises(ConfigError, match="extract_activation is 'tanh'; it must be one of relu"):
        Generator(6, 5, "tanh")


def test_critic_scores_each_row_by_itself():
    """Batch normalisation would mix rows, which the gradient penalty forbids."""
    rows = normal(6, 5)
    critic = Critic(8)
    params = {"params": draw_params(critic, rows)}
    score = jax.jit(critic.apply)
    scores = score(params, rows)
    alone = [score(params, rows[i : i + 1])[0] for i in range(6)]
    np.testing.assert_allclose(scores, alone, rtol=1e-5, atol=1e-6)
    assert np.ptp(scores) > 0
