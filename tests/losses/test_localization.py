"""Eq. 2: the localisation error of a sample."""

import jax
import jax.numpy as jnp
import numpy as np
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from rsstl_jax.losses import localization_loss


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1, 7]), st.sampled_from([2, 3]))
def test_matches_the_reference_per_sample(seed, batch, axes):
    predicted, actual = np.random.default_rng(seed).normal(0, 50, (2, batch, axes))
    expected = reference.localization_loss(predicted, actual)
    ours = localization_loss(predicted, actual)
    assert ours.shape == (batch,)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_hand_arithmetic():
    errors_m = localization_loss(jnp.array([[3.0, 4.0], [6.0, 8.0]]), jnp.zeros((2, 2)))
    np.testing.assert_allclose(errors_m, [5.0, 10.0])


def test_gradient_is_the_unit_error_and_zero_at_zero_error():
    predicted = jnp.array([[3.0, 4.0], [1.0, 1.0]])
    actual = jnp.array([[0.0, 0.0], [1.0, 1.0]])
    gradient = jax.grad(lambda p: localization_loss(p, actual).sum())(predicted)
    np.testing.assert_allclose(gradient, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-6)


def test_gradient_matches_finite_differences():
    with jax.enable_x64(True):
        pair = np.random.default_rng(0).normal(size=(2, 3, 2))
        check_grads(jax.jit(localization_loss), tuple(pair), order=1, rtol=1e-6)
