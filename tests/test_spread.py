"""One array for several readers: NumPy's broadcasting, and the sum of what they send back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from rsstl_jax._spread import spread


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
        check_grads(
            lambda x: jnp.sin(spread(x, 1, 3)), (x.astype(np.float64),), order=1, modes=["rev"]
        )


def test_replicas_have_gradients_of_their_own(x):
    def loss(x):
        return (spread(x, 0, 2) ** 2).sum()

    each = [jax.grad(loss)(row) for row in x]
    np.testing.assert_allclose(jax.vmap(jax.grad(loss))(x), each, rtol=1e-6)
