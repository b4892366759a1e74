"""WGAN-GP terms against closed forms of linear, quadratic and tanh critics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from rsstl_jax.losses import critic_loss, generator_loss, gradient_penalty

TANH_CRITIC = {
    "first": np.random.default_rng(0).normal(size=(3, 4)),
    "bias": np.random.default_rng(1).normal(size=4),
    "last": np.random.default_rng(2).normal(size=4),
}


def tanh_critic(params, x):
    return jnp.tanh(x @ params["first"] + params["bias"][None, :]) @ params["last"]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([(1,), (6,), (6, 1)]), st.permutations(range(6)))
def test_scores_match_the_reference_in_any_order(seed, shape, order):
    real, generated = np.random.default_rng(seed).normal(size=(2, *shape)).astype(np.float32)
    expected = reference.critic_loss(real, generated)
    np.testing.assert_allclose(critic_loss(real, generated), expected, atol=1e-6)
    expected = reference.generator_loss(generated)
    np.testing.assert_allclose(generator_loss(generated), expected, atol=1e-6)
    if shape[0] == len(order):
        permuted = critic_loss(real[np.array(order)], generated)
        np.testing.assert_allclose(permuted, critic_loss(real, generated), atol=1e-6)


def test_generator_and_critic_pull_generated_scores_apart():
    scores = jnp.zeros(4)
    by_critic = jax.grad(critic_loss, argnums=(0, 1))(scores, scores)
    np.testing.assert_allclose(by_critic, np.full((2, 4), [[-0.25], [0.25]]))
    np.testing.assert_allclose(jax.grad(generator_loss)(scores), np.full(4, -0.25))


@pytest.mark.parametrize(("slope", "expected"), [((3.0, 4.0), 16.0), ((0.6, 0.8), 0.0)])
@pytest.mark.parametrize("keep_axis", [False, True])
def test_linear_critic_has_the_penalty_of_its_slope(slope, expected, keep_axis):
    """(|w| - 1)^2 whatever the samples: (5 - 1)^2 = 16 and (1 - 1)^2 = 0."""
    real, generated = np.random.default_rng(0).normal(size=(2, 5, 2)).astype(np.float32)
    slope = jnp.array(slope)

    def critic(x):
        return (x @ slope)[:, None] if keep_axis else x @ slope

    find = jax.jit(lambda real, generated, key: gradient_penalty(critic, real, generated, key))
    np.testing.assert_allclose(find(real, generated, jax.random.key(0)), expected, atol=1e-6)


def test_tanh_critic_matches_the_reference():
    """With real = generated the interpolated samples are known, whatever the key."""
    params = jax.tree.map(lambda p: jnp.asarray(p, jnp.float32), TANH_CRITIC)
    x = np.random.default_rng(3).normal(size=(6, 3)).astype(np.float32)
    expected_scores = reference.tanh_critic(x, **TANH_CRITIC)
    scores = jax.jit(tanh_critic)(params, x)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-4, atol=1e-5)
    critic = lambda x: tanh_critic(params, x)  # noqa: E731
    penalty = jax.jit(lambda x, key: gradient_penalty(critic, x, x, key))(x, jax.random.key(0))
    expected = reference.tanh_critic_gradient_penalty(x, **TANH_CRITIC)
    np.testing.assert_allclose(penalty, expected, rtol=1e-4)


def test_interpolation_is_uniform_between_real_and_generated():
    """C = |x|^2 / 2 has the gradient x = e c, so the penalty averages int (e c - 1)^2 de.

    For c = 3 that is c^2 / 3 - c + 1 = 1, with a standard deviation of 1.18 a sample: 0.012 for
    the mean of 10000. Five of those are allowed; one shared weight would miss by 1 or so.
    """
    real, generated = jnp.full((10_000, 1), 3.0), jnp.zeros((10_000, 1))
    critic = lambda x: jnp.sum(jnp.square(x), axis=1) / 2  # noqa: E731
    find = jax.jit(lambda key: gradient_penalty(critic, real, generated, key))
    penalty = find(jax.random.key(0))
    np.testing.assert_allclose(penalty, 1.0, atol=0.06)
    assert penalty != find(jax.random.key(1))


def test_gradient_in_the_critic_matches_finite_differences():
    with jax.enable_x64(True):
        x, y = np.random.default_rng(4).normal(size=(2, 5, 3))
        key = jax.random.key(0)
        penalty = lambda p: gradient_penalty(lambda x: tanh_critic(p, x), x, y, key)  # noqa: E731
        check_grads(jax.jit(penalty), (TANH_CRITIC,), order=1, rtol=1e-6)


def test_flat_critic_has_penalty_one_and_zero_gradient():
    x = jnp.ones((4, 2))
    penalty = lambda slope: gradient_penalty(lambda x: x @ slope, x, -x, jax.random.key(0))  # noqa: E731
    value, gradient = jax.jit(jax.value_and_grad(penalty))(jnp.zeros(2))
    np.testing.assert_allclose(value, 1.0)
    np.testing.assert_array_equal(gradient, jnp.zeros(2))


def test_jit_and_vmap_over_sources_equal_a_loop():
    real, generated = np.random.default_rng(5).normal(size=(2, 3, 6, 2)).astype(np.float32)
    keys = jax.random.split(jax.random.key(0), 3)
    penalty = lambda r, g, k: gradient_penalty(lambda x: jnp.sum(jnp.tanh(x), 1), r, g, k)  # noqa: E731
    batched = jax.jit(jax.vmap(penalty))(real, generated, keys)
    alone = [jax.jit(penalty)(*one) for one in zip(real, generated, keys, strict=True)]
    np.testing.assert_allclose(batched, alone, rtol=1e-5)


def test_samples_with_several_axes_have_one_slope_each():
    """C = sum of the 2 x 3 entries has the slope sqrt(6)."""
    x = jnp.ones((4, 2, 3))
    penalty = gradient_penalty(lambda x: jnp.sum(x, (1, 2)), x, -x, jax.random.key(0))
    np.testing.assert_allclose(penalty, (6**0.5 - 1) ** 2, rtol=1e-5)


def test_a_critic_that_averages_its_scores_raises():
    x = jnp.ones((4, 2))
    with pytest.raises(ValueError, match=r"must return shape \(4,\) or \(4, 1\), got \(\)"):
        gradient_penalty(jnp.mean, x, x, jax.random.key(0))


@pytest.mark.parametrize("scores", [[1.0, 1.0], np.ones(2), jnp.ones(2, int), None])
def test_a_critic_that_returns_no_scores_raises(scores):
    with pytest.raises(TypeError, match="critic_fn must return floating-point scores"):
        gradient_penalty(lambda x: scores, jnp.ones((2, 3)), jnp.ones((2, 3)), jax.random.key(0))
