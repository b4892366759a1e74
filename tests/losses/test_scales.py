"""No scale that a dtype holds is too large or too small: value and gradient, against float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference

from rsstl_jax import losses
from rsstl_jax._numerics import safe_norm, unit_vectors
from rsstl_jax.spectral import top_singular_value

WIDE = (1e-30, 1e-20, 1.0, 3e19, 1e30)
# The gradient of a float16 vector of size 1e-6 or 1e4 would be beyond its 65504 or below its 6e-8.
SCALES = {"float16": (1e-3, 1.0, 30.0), "bfloat16": WIDE, "float32": WIDE, "float64": WIDE}
TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 1e-5, "float64": 1e-9}


def unit(x, y):
    return jnp.sum(unit_vectors(x) * jnp.cos(jnp.arange(x.shape[1], dtype=x.dtype))[None])


# Function, and the power of the scale that its value grows with.
CASES = {
    "angular_similarity_loss": (losses.angular_similarity_loss, 0),
    "functional_information": (losses.functional_information, 0),
    "transmitting_matrix": (lambda x, y: losses.transmitting_matrix(x, y)[0, 1], 0),
    "unit_vectors": (unit, 0),
    "safe_norm": (lambda x, y: jnp.mean(safe_norm(x)), 1),
    "localization_loss": (lambda x, y: jnp.mean(losses.localization_loss(x, y)), 1),
    "top_singular_value": (lambda x, y: top_singular_value(x).value, 1),
}


def arrays_of(dtype, scale):
    x, y = np.random.default_rng(0).normal(1, 1, (2, 3, 4))
    return [jnp.asarray(scale * array, dtype) for array in (x, y)]


@functools.cache
def value_and_gradient(name):
    return jax.jit(jax.value_and_grad(CASES[name][0], argnums=(0, 1)))


@pytest.mark.parametrize("dtype", SCALES)
@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_at_every_scale(name, dtype):
    power, tolerance = CASES[name][1], TOLERANCE[dtype]
    with jax.enable_x64(True):
        for scale in SCALES[dtype]:
            arrays = arrays_of(dtype, scale)
            plain = [np.asarray(x, np.float64) / scale for x in arrays]
            value, gradients = value_and_gradient(name)(*arrays)
            expected, slopes = value_and_gradient(name)(*plain)
            assert value.dtype == dtype
            np.testing.assert_allclose(
                float(value) / scale**power, expected, rtol=tolerance, err_msg=f"{scale}"
            )
            for gradient, slope in zip(gradients, slopes, strict=True):
                np.testing.assert_allclose(
                    np.asarray(gradient, np.float64) * scale ** (1 - power),
                    slope,
                    rtol=10 * tolerance,
                    atol=tolerance * max(np.abs(slope).max(), 1e-9),
                    err_msg=f"{scale}",
                )


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 3e19, 1e30])
def test_opposite_vectors_are_no_match_and_small_ones_no_mismatch(scale):
    x = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    opposite = losses.angular_similarity_loss(scale * x, -scale * x)
    np.testing.assert_allclose(opposite, 1 + np.cos(0.2), rtol=1e-3)
    y = x + np.float32(0.1)
    ours = losses.angular_similarity_loss(np.float32(scale) * x, np.float32(scale) * y)
    np.testing.assert_allclose(ours, reference.angular_similarity_loss(x, y, 0.2), rtol=1e-4)


def test_float16_vectors_of_its_smallest_numbers_have_an_angle():
    x = jnp.asarray([[1e-6, 0.0]], jnp.float16)
    for sign, expected in ((1, 1 - np.cos(0.2)), (-1, 1 + np.cos(0.2))):
        loss = losses.angular_similarity_loss(x, sign * x)
        np.testing.assert_allclose(float(loss), expected, rtol=2e-3)


def test_the_norm_of_the_largest_and_of_lost_numbers():
    x = jnp.array([[3e38, 0.0], [jnp.inf, 1.0], [jnp.nan, 1.0], [0.0, 0.0]])
    np.testing.assert_array_equal(safe_norm(x), jnp.array([3e38, jnp.inf, jnp.nan, 0.0]))


@pytest.mark.parametrize(("dtype", "large"), [("float32", 3e38), ("float16", 6e4)])
def test_scores_of_any_size_have_a_finite_bound_and_its_gradient(dtype, large):
    scores = jnp.full(7, large, dtype)
    find = jax.value_and_grad(losses.mutual_information_loss, argnums=(0, 1))
    for joint, product, value, slopes in (
        (scores, scores, large, (0, 1)),
        (-scores, -scores, large, (-1, 0)),
        (scores, -scores, 0.0, (0, 0)),
        (-scores, scores, jnp.finfo(dtype).max, (-1, 1)),
    ):
        found, gradients = find(joint, product)
        np.testing.assert_allclose(float(found), float(value), rtol=1e-3)
        for gradient, slope in zip(gradients, slopes, strict=True):
            np.testing.assert_allclose(np.asarray(gradient, float), slope / 7, rtol=1e-3, atol=1e-6)
    assert float(losses.generator_loss(scores)) == pytest.approx(-large, rel=1e-3)
    assert float(losses.critic_loss(scores, scores)) == 0.0


@pytest.mark.parametrize(
    "name", [name for name in CASES if name not in ("unit_vectors", "safe_norm")]
)
def test_what_a_program_holds_as_constants_has_the_value_of_its_arguments(name):
    find, power = CASES[name]
    for scale in (1e-30, 1e-19, 1e19):
        x, y = arrays_of("float32", scale)
        expected = value_and_gradient(name)(x / np.float32(scale), y / np.float32(scale))[0]
        held = jax.jit(lambda x=x, y=y: find(x, y))()
        np.testing.assert_allclose(held / scale**power, expected, rtol=1e-4, err_msg=f"{scale}")
        # Computed of constants, which XLA then knows as well.
        made = jax.jit(lambda x=x, y=y: find(x + jnp.zeros_like(x), y + jnp.zeros_like(y)))()
        np.testing.assert_allclose(made / scale**power, expected, rtol=1e-4, err_msg=f"{scale}")
