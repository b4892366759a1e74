"""Eq. 8 and Eq. 11: the transmitting matrix and functional information."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from rsstl_jax.losses import (
    functional_information,
    functional_information_loss,
    transmitting_matrix,
)

of_jit = jax.jit(functional_information)
slopes_of = jax.jit(jax.value_and_grad(functional_information, argnums=(0, 1)))


def features(seed, batch, width_in, width_out):
    rng = np.random.default_rng(seed)
    # Mostly positive, as after the networks' ReLU.
    z_in = rng.normal(1, 1, (batch, width_in)).astype(np.float32)
    return z_in, rng.normal(1, 1, (batch, width_out)).astype(np.float32)


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize(
    ("width_in", "width_out"), [(4, 4), (9, 3), (3, 9), (7, 4), (4, 7), (6, 5), (8, 1), (1, 1)]
)
def test_transmitting_matrix_matches_the_reference(batch, width_in, width_out):
    z_in, z_out = features(batch, batch, width_in, width_out)
    expected = reference.transmitting_matrix(z_in, z_out)
    np.testing.assert_allclose(jax.jit(transmitting_matrix)(z_in, z_out), expected, atol=1e-6)


def test_wide_features_are_pooled_before_they_are_normalised():
    """Bins [0, 2) and [1, 3) of (2, 0, 2) average to (1, 1): parallel to (1, 1), cosine 1."""
    t = transmitting_matrix(jnp.array([[2.0, 0.0, 2.0]]), jnp.array([[1.0, 1.0]]))
    np.testing.assert_allclose(t, [[1.0]], rtol=1e-6)


@pytest.mark.parametrize(("width_in", "width_out"), [(64, 33), (32, 128), (300, 300)])
def test_functional_information_is_the_largest_singular_value(width_in, width_out):
    """The widths are those of the networks' frame and extract."""
    z_in, z_out = features(0, 8, width_in, width_out)
    a = reference.sample_products(z_in, z_out)
    ours = of_jit(z_in, z_out)
    np.testing.assert_allclose(ours, np.linalg.norm(a, 2), rtol=1e-5)
    np.testing.assert_allclose(ours, reference.functional_information(z_in, z_out, 10), rtol=1e-5)


def test_linear_block_has_the_gain_of_its_worst_direction():
    """Orthonormal inputs, A = I W^T / B: a rotation has every singular value 1 / B."""
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))
    ours = of_jit(np.eye(4, dtype=np.float32), rotation.astype(np.float32))
    np.testing.assert_allclose(ours, 1 / 4, rtol=1e-5)


def test_gradient_matches_finite_differences_and_the_gradient_of_svd():
    def by_svd(z_in, z_out):
        rows = [z / jnp.linalg.norm(z, axis=1, keepdims=True) for z in (z_in, z_out)]
        return jnp.linalg.svd(rows[0] @ rows[1].T / len(z_in), compute_uv=False)[0]

    with jax.enable_x64(True):
        z_in, z_out = (z.astype(np.float64) for z in features(1, 5, 4, 4))
        estimate = jax.jit(functools.partial(functional_information, num_iterations=60))
        check_grads(estimate, (z_in, z_out), order=1, rtol=1e-6)
        ours = jax.grad(estimate, argnums=(0, 1))(z_in, z_out)
        exact = jax.jit(jax.grad(by_svd, argnums=(0, 1)))(z_in, z_out)
        np.testing.assert_allclose(ours, exact, atol=1e-10)
        check_grads(jax.jit(transmitting_matrix), (z_in, z_out[:, :3]), order=1, rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(5)), st.floats(1e-3, 1e3))
def test_permuting_the_batch_and_scaling_samples_change_nothing(seed, order, scale):
    z_in, z_out = features(seed, 5, 6, 4)
    value = of_jit(z_in, z_out)
    order = np.array(order)
    scales = np.linspace(1, scale, 5, dtype=np.float32)[:, None]
    permuted = of_jit(z_in[order], z_out[order])
    scaled = of_jit(z_in * scales, z_out)
    np.testing.assert_allclose([permuted, scaled], [value, value], rtol=1e-5)
    assert 0 <= value <= 1 + 1e-6


def test_zero_vectors_give_finite_gradients():
    z_in, z_out = features(2, 4, 6, 3)
    z_in[1] = 0.0
    _, gradients = slopes_of(z_in, z_out)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    np.testing.assert_array_equal(gradients[0][1], np.zeros(6))
    dead = np.zeros((4, 6), np.float32)
    value, (gradient, _) = slopes_of(dead, z_out)
    assert value == 0
    np.testing.assert_array_equal(gradient, dead)


def test_one_sample_gives_its_cosine():
    """<(3, 4), (1, 0)> / 5 = 0.6."""
    value = of_jit(jnp.array([[3.0, 4.0]]), jnp.array([[2.0, 0.0]]))
    np.testing.assert_allclose(value, 0.6, rtol=1e-6)


def test_difference_matches_the_reference_with_zero_gradient_at_zero():
    student, teachers = jnp.full(3, 0.5), jnp.array([0.25, 0.5, 1.0])
    expected = reference.functional_information_loss(student, teachers)
    np.testing.assert_allclose(functional_information_loss(student, teachers), expected)
    gradient = jax.grad(lambda s: functional_information_loss(s, teachers).sum())(student)
    np.testing.assert_array_equal(gradient, [1.0, 0.0, -1.0])


def test_unequal_batches_raise():
    with pytest.raises(ValueError, match=r"z_in has shape \(4, 2\) but z_out has shape \(3, 2\)"):
        transmitting_matrix(jnp.ones((4, 2)), jnp.ones((3, 2)))
    with pytest.raises(ValueError, match=r"z_out must have 2 axes, got shape \(4, 2, 1\)"):
        functional_information(jnp.ones((4, 2)), jnp.ones((4, 2, 1)))
