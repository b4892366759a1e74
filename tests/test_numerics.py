"""What is written for CPUs gives what NumPy gives: copies, their gradient, the largest values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from rsstl_jax._numerics import spread, top_k


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_slice_is_the_array(x, axis):
    spreads = np.asarray(jax.jit(spread, static_argnums=(1, 2))(x, axis, 5))
    np.testing.assert_array_equal(spreads, np.repeat(np.expand_dims(x, axis), 5, axis))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("size", [1, 5])
def test_the_gradient_is_the_sum_over_the_new_axis(x, axis, size):
    sent = np.random.default_rng(1).normal(size=(*x.shape[:axis], size, *x.shape[axis:]))
    sent = sent.astype(np.float32)
    gradient = jax.jit(jax.grad(lambda x: (spread(x, axis, size) * sent).sum()))(x)
    np.testing.assert_allclose(gradient, sent.sum(axis), rtol=1e-5, atol=1e-6)


def test_the_gradient_is_that_of_finite_differences(x):
    with jax.enable_x64(True):
        check_grads(lambda x: jnp.sin(spread(x, 1, 3)), (x.astype(np.float64),), order=2)


def test_replicas_have_gradients_of_their_own(x):
    def loss(x):
        return (spread(x, 0, 2) ** 2).sum()

    each = [jax.grad(loss)(row) for row in x]
    np.testing.assert_allclose(jax.vmap(jax.grad(loss))(x), each, rtol=1e-6)


def test_the_largest_are_found_in_order_and_the_first_of_equal_ones():
    x = np.random.default_rng(2).integers(0, 9, (4, 60)).astype(np.float32)
    values, index = jax.jit(top_k, static_argnums=1)(x, 20)
    expected = np.argsort(-x, axis=1, kind="stable")[:, :20]
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_array_equal(values, np.take_along_axis(x, expected, axis=1))


def test_replicas_and_gradients_pass_through_the_search_for_the_largest(x):
    values, _ = jax.vmap(lambda row: top_k(row, 2))(x)
    np.testing.assert_array_equal(values, -np.sort(-x, axis=1)[:, :2])
    gradient = jax.grad(lambda x: top_k(x, 2)[0].sum())(x)
    np.testing.assert_array_equal(gradient, x >= np.sort(x, axis=1)[:, -2:-1])
