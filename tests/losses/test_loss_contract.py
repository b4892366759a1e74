"""What every loss promises: checked arguments, kept dtypes, a docstring, and every transform."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from running import pass_on_eight_devices

from rsstl_jax import losses


def penalty(real, generated):
    critic = lambda x: jnp.sum(jnp.square(x), axis=1)  # noqa: E731
    return losses.gradient_penalty(critic, real, generated, jax.random.key(0))


# Function, names of its two arrays.
PAIRS = {
    "angular_similarity_loss": (losses.angular_similarity_loss, "student", "teacher"),
    "localization_loss": (losses.localization_loss, "predicted", "actual"),
    "mutual_information_bound": (
        losses.mutual_information_bound,
        "joint_scores",
        "product_scores",
    ),
    "mutual_information_loss": (losses.mutual_information_loss, "joint_scores", "product_scores"),
    "transmitting_matrix": (losses.transmitting_matrix, "z_in", "z_out"),
    "functional_information": (losses.functional_information, "z_in", "z_out"),
    "functional_information_loss": (
        losses.functional_information_loss,
        "student_fi",
        "teacher_fi",
    ),
    "critic_loss": (losses.critic_loss, "real_scores", "generated_scores"),
    "gradient_penalty": (penalty, "real", "generated"),
}
ONE_ARRAY = {"generator_loss": "generated_scores", "product_pairs": "x"}


def test_every_loss_of_two_or_one_arrays_is_covered_here():
    elsewhere = {"combine", "normalize_weights"}
    assert PAIRS.keys() | ONE_ARRAY.keys() | elsewhere == set(losses.__all__)


@pytest.mark.parametrize("name", PAIRS)
def test_unequal_shapes_raise_and_name_argument_and_shapes(name):
    function, first, second = PAIRS[name]
    message = rf"{first} has shape \(3, 2\) but {second} has shape \(1, 2\)"
    with pytest.raises(ValueError, match=message):
        function(jnp.ones((3, 2)), jnp.ones((1, 2)))


@pytest.mark.parametrize("name", PAIRS)
def test_integers_and_empty_arrays_raise(name):
    function, first, second = PAIRS[name]
    with pytest.raises(TypeError, match=f"{first} must hold floating-point numbers, got .* int32"):
        function(np.ones((3, 2), np.int32), jnp.ones((3, 2)))
    with pytest.raises(TypeError, match=f"{second} must hold floating-point"):
        function(jnp.ones((3, 2)), np.ones((3, 2), np.int32))
    with pytest.raises(ValueError, match=rf"{first} must not be empty, got shape \(0, 2\)"):
        function(jnp.ones((0, 2)), jnp.ones((0, 2)))


@pytest.mark.parametrize(
    "odd",
    [None, "1.0", np.ones((3, 2), ">f4"), np.ones((3, 2), object), np.ma.ones((3, 2)), [[1.0], []]],
    ids=repr,
)
def test_what_jax_cannot_hold_is_named(odd):
    with pytest.raises(TypeError, match="teacher must hold floating-point numbers, got"):
        losses.angular_similarity_loss(jnp.ones((3, 2)), odd)


@pytest.mark.parametrize("name", ONE_ARRAY)
def test_integers_raise_where_there_is_one_array(name):
    with pytest.raises(TypeError, match=f"{ONE_ARRAY[name]} must hold floating-point numbers"):
        getattr(losses, name)(jnp.ones(3, jnp.int32))


@pytest.mark.parametrize("name", PAIRS)
def test_dtype_is_kept_and_precision_follows_it(name):
    function = jax.jit(PAIRS[name][0])
    first, second = np.random.default_rng(0).uniform(0.5, 1.5, (2, 4, 3))
    with jax.enable_x64(True):
        if name == "gradient_penalty":
            second = first  # The interpolation weights of a key differ from dtype to dtype.
        exact = function(first, second)
        assert exact.dtype == jnp.float64
        for dtype, tolerance in ((jnp.dtype("float32"), 1e-5), (jnp.dtype("bfloat16"), 0.1)):
            rounded = function(first.astype(dtype), second.astype(dtype))
            assert rounded.dtype == dtype
            # Bfloat16 inputs are 2^-9 off already: a difference of two carries that absolutely.
            np.testing.assert_allclose(
                np.asarray(rounded, np.float64), exact, rtol=tolerance, atol=tolerance / 5
            )


@pytest.mark.parametrize("name", ["transmitting_matrix", "functional_information"])
def test_spectral_products_run_at_the_highest_precision(name):
    """TF32 would leave three digits; the second width makes the pooling a product, too."""
    function = lambda x, y: jnp.sum(getattr(losses, name)(x, y))  # noqa: E731
    assert_products_are_precise(jax.grad(function), jnp.ones((4, 6)), jnp.ones((4, 3)))


def test_penalty_runs_the_critic_at_the_highest_precision():
    x = jnp.ones((4, 3))
    critic = lambda weight: lambda x: jnp.tanh(x @ weight)  # noqa: E731
    function = lambda w: losses.gradient_penalty(critic(w), x, -x, jax.random.key(0))  # noqa: E731
    assert_products_are_precise(jax.grad(function), jnp.ones(3))


def assert_products_are_precise(function, *args):
    text = str(jax.make_jaxpr(function)(*args))
    assert "dot_general" in text
    assert text.count("= dot_general[") == text.count("(Precision.HIGHEST, Precision.HIGHEST)")


@pytest.mark.parametrize("name", losses.__all__)
def test_docstring_has_its_parts_in_order(name):
    text = getattr(losses, name).__doc__
    parts = ["Args:", "Returns:", "Raises:", "Notes:", "Example:", "Reference:"]
    starts = {part: text.find(f"    {part}\n") for part in parts}
    found = [start for start in starts.values() if start >= 0]
    assert found == sorted(found) and {"Args:", "Returns:", "Example:"} <= {
        part for part in parts if starts[part] >= 0
    }


@pytest.mark.parametrize("name", [name for name in PAIRS if name != "gradient_penalty"])
def test_a_nan_is_no_perfect_score(name):
    function, whole = jax.jit(PAIRS[name][0]), np.ones((3, 2), np.float32)
    lost = whole.copy()
    lost[1, 0] = np.nan
    for arrays in ((lost, whole), (whole, lost)):
        assert np.isnan(function(*arrays)).any()


def test_a_critic_that_says_nan_has_no_penalty_but_nan():
    critic = lambda x: jnp.sum(x, axis=1) * jnp.nan  # noqa: E731
    x = np.ones((3, 2), np.float32)
    assert np.isnan(jax.jit(lambda x: losses.gradient_penalty(critic, x, x, jax.random.key(0)))(x))


def test_half_precision_holds_what_its_squares_do_not():
    far = jnp.array([[300.0, 0.0]], jnp.float16)
    of_opposite = jax.jit(lambda far: losses.angular_similarity_loss(far, -far))(far)
    assert float(of_opposite) == pytest.approx(1.98, abs=0.01)
    error, gradient = jax.jit(
        jax.value_and_grad(lambda at: losses.localization_loss(at, jnp.zeros_like(at)).mean())
    )(far)
    assert error.dtype == jnp.float16 and float(error) == 300.0
    np.testing.assert_array_equal(gradient, [[1.0, 0.0]])


# The matrix of transforms, dtypes and meshes, in a process that has eight devices.
@pytest.mark.parametrize(
    "chosen",
    [
        # Without a mesh a loss has its values and gradients in the other files. Most losses are
        # parts of an alignment or of the penalty.
        pytest.param(
            "explicit and float32 and (Alignment or penalty or callable or localization)"
            " or not test_all_transforms_agree",
            id="one mesh",
        ),
        pytest.param("", id="every dtype", marks=pytest.mark.slow),
    ],
)
def test_every_loss_composes_with_every_transform_in_every_dtype_on_every_mesh(chosen):
    pass_on_eight_devices("tests/losses/transform_matrix.py", "-k", chosen)
