"""Eq. 1: the angular similarity loss."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from rsstl_jax.losses import angular_similarity_loss

of_jit = jax.jit(angular_similarity_loss)
slopes_of = jax.jit(jax.value_and_grad(angular_similarity_loss))


def batches(seed, batch=6, width=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, batch, width)).astype(np.float32)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1, 6]), st.floats(0.0, 0.5))
def test_matches_the_reference(seed, batch, margin):
    student, teacher = batches(seed, batch)
    expected = reference.angular_similarity_loss(student, teacher, margin)
    ours = of_jit(student, teacher, margin=margin)
    np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize("angle", [0.0, 1e-3, 0.5, math.pi / 2, 3.0, math.pi])
def test_matches_the_closed_form_of_a_known_angle(angle):
    """At a small angle, a cosine rounded to float32 would leave an error of 1e-4 in the loss."""
    student = jnp.array([[2.0, 0.0]])
    teacher = 3.0 * jnp.array([[math.cos(angle), math.sin(angle)]])
    loss = angular_similarity_loss(student, teacher)
    np.testing.assert_allclose(loss, 1 - math.cos(angle + 0.2), rtol=1e-5)


def test_the_mean_is_taken_before_the_arc_cosine():
    """Angles 0 and pi/2 have the mean cosine 1/2: the angle of the mean is pi/3."""
    student = jnp.array([[1.0, 0.0], [1.0, 0.0]])
    teacher = jnp.array([[1.0, 0.0], [0.0, 1.0]])
    loss = of_jit(student, teacher)
    np.testing.assert_allclose(loss, 1 - math.cos(math.pi / 3 + 0.2), rtol=1e-6)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_value_and_gradient_at_both_ends_of_the_cosine(sign):
    student = batches(0)[0]
    value, gradient = slopes_of(student, sign * student)
    # At c = -1 a rounding of 1 + c by 2.4e-7 shows as its root times sin(0.2) = 1e-4.
    rtol = 1e-6 if sign > 0 else 1e-4
    np.testing.assert_allclose(value, 1 - sign * math.cos(0.2), rtol=rtol)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() < 1.0


@pytest.mark.parametrize("seed", range(5))
def test_a_difference_of_rounding_has_no_gradient(seed):
    """Compiled programs round equal vectors differently, and a root is steepest at zero."""
    student, _ = batches(seed, batch=1)
    teacher = student.copy()
    teacher[0, seed % 4] = np.nextafter(teacher[0, seed % 4], np.float32(9))
    value, gradient = slopes_of(student, teacher)
    np.testing.assert_allclose(value, 1 - math.cos(0.2), rtol=1e-6)
    assert not gradient.any()


def test_gradient_matches_finite_differences():
    with jax.enable_x64(True):
        student, teacher = batches(1).astype(np.float64)
        loss = jax.jit(lambda s, t, margin: angular_similarity_loss(s, t, margin=margin))
        check_grads(loss, (student, teacher, 0.2), order=1, rtol=1e-6)


def test_a_small_step_against_the_gradient_lowers_the_loss_near_alignment():
    student, teacher = batches(2)
    student = teacher + 1e-3 * student
    value, gradient = slopes_of(student, teacher)
    assert of_jit(student - 1e-3 * np.asarray(gradient), teacher) < value


def test_zero_vectors_count_as_orthogonal():
    student, teacher = batches(3, batch=2)
    student[0] = 0.0
    value, gradient = slopes_of(student, teacher)
    np.testing.assert_allclose(
        value, reference.angular_similarity_loss(student, teacher, 0.2), rtol=1e-5
    )
    np.testing.assert_array_equal(gradient[0], np.zeros(4))
    assert np.abs(gradient[1]).max() > 0
    zeros = np.zeros((2, 4), np.float32)
    np.testing.assert_allclose(of_jit(zeros, zeros), 1 + math.sin(0.2), rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(6)), st.floats(1e-3, 1e3))
def test_permuting_the_batch_scaling_and_swapping_change_nothing(seed, order, scale):
    student, teacher = batches(seed)
    loss = of_jit(student, teacher)
    order = np.array(order)
    permuted = of_jit(student[order], teacher[order])
    scaled = of_jit(student * np.float32(scale), teacher)
    swapped = of_jit(teacher, student)
    np.testing.assert_allclose([permuted, scaled, swapped], [loss] * 3, rtol=1e-5)


def test_a_traced_margin_compiles_once_and_vmaps():
    student, teacher = batches(4)
    traces = []

    @jax.jit
    def loss(margin):
        traces.append(None)
        return angular_similarity_loss(student, teacher, margin=margin)

    margins = jnp.array([0.0, 0.1, 0.5])
    expected = [reference.angular_similarity_loss(student, teacher, float(m)) for m in margins]
    np.testing.assert_allclose([loss(margin) for margin in margins], expected, rtol=1e-5)
    assert len(traces) == 1
    np.testing.assert_allclose(jax.vmap(loss)(margins), expected, rtol=1e-5)


def test_a_margin_that_is_not_a_scalar_raises():
    with pytest.raises(ValueError, match=r"margin must have 0 axes, got shape \(2,\)"):
        angular_similarity_loss(jnp.ones((2, 3)), jnp.ones((2, 3)), margin=jnp.ones(2))


@pytest.mark.parametrize(
    "margin", [-0.1, "0.2", 0.2j, None, math.pi / 2, 11.5, math.nan, np.float32(2), jnp.array(2.0)]
)
def test_a_margin_that_is_no_acute_angle_raises(margin):
    """11.5 is the default of 0.2 radians in degrees."""
    with pytest.raises(ValueError, match=r"margin must be an angle in \[0, pi/2\) radians, got"):
        angular_similarity_loss(jnp.ones((2, 3)), jnp.ones((2, 3)), margin=margin)


def test_the_dtype_of_a_gradient_is_that_of_its_array():
    student, teacher = batches(5)
    half = jnp.asarray(student, jnp.float16)
    loss, gradients = jax.value_and_grad(angular_similarity_loss, (0, 1))(half, teacher)
    assert [loss.dtype, *(g.dtype for g in gradients)] == ["float32", "float16", "float32"]
