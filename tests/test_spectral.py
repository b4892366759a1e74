"""Power iteration against SVD, closed forms, finite differences and Algorithm 1."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from rsstl_jax.spectral import top_eigenvalue, top_singular_value

singular_of = jax.jit(top_singular_value, static_argnames="num_iterations")
eigen_of = jax.jit(top_eigenvalue, static_argnames="num_iterations")


def matrix_with_spectrum(singular_values, rows, columns, seed=0):
    """Random orthogonal bases around the given singular values, in float64."""
    rng = np.random.default_rng(seed)
    left, _ = np.linalg.qr(rng.normal(size=(rows, len(singular_values))))
    right, _ = np.linalg.qr(rng.normal(size=(columns, len(singular_values))))
    return left @ np.diag(singular_values) @ right.T


@pytest.fixture
def gapped():
    """7 x 5 matrix with ratio 1/2 between its two top singular values: v gains 2 bits a step."""
    return matrix_with_spectrum([3.0, 1.5, 0.5, 0.1], 7, 5)


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_top_singular_value_matches_svd(gapped, transform):
    left, values, right = np.linalg.svd(gapped)
    pair = transform(functools.partial(top_singular_value, num_iterations=30))(gapped)
    np.testing.assert_allclose(pair.value, values[0], rtol=1e-6)
    np.testing.assert_allclose(np.abs(pair.vector @ right[0]), 1.0, rtol=1e-6)
    assert pair.residual < 1e-5
    with jax.enable_x64(True):
        gradient = jax.grad(lambda a: top_singular_value(a, num_iterations=60).value)(gapped)
        np.testing.assert_allclose(gradient, np.outer(left[:, 0], right[0]), atol=1e-12)


def test_top_eigenvalue_matches_eigh_and_algorithm_1(gapped):
    matrix = gapped.T @ gapped
    values, vectors = np.linalg.eigh(matrix)
    with jax.enable_x64(True):
        pair = eigen_of(matrix, num_iterations=40)
        np.testing.assert_allclose(pair.value, values[-1], rtol=1e-12)
        np.testing.assert_allclose(pair.value, reference.top_eigenvalue(matrix, 40), rtol=1e-12)
        gradient = jax.jit(jax.grad(lambda m: top_eigenvalue(m, num_iterations=60).value))(matrix)
        np.testing.assert_allclose(gradient, np.outer(vectors[:, -1], vectors[:, -1]), atol=1e-12)
        # Algorithm 1 reads |T v| off the previous vector: never above the Rayleigh quotient of
        # the new one, and both below the eigenvalue. (Its start is not normalised: one step is
        # too few for it.)
        for count in (2, 3, 4):
            value = eigen_of(matrix, num_iterations=count).value
            assert reference.top_eigenvalue(matrix, count) <= value <= values[-1]


def test_singular_gradient_matches_the_gradient_of_svd(gapped):
    with jax.enable_x64(True):
        slopes = jax.jit(
            lambda a: (
                jax.grad(lambda a: top_singular_value(a, num_iterations=60).value ** 2)(a),
                jax.grad(lambda a: jnp.linalg.svd(a, compute_uv=False)[0] ** 2)(a),
            )
        )
        ours, exact = slopes(gapped)
        np.testing.assert_allclose(ours, exact, atol=1e-11)


def test_gradients_match_finite_differences(gapped):
    singular = jax.jit(lambda a: top_singular_value(a, num_iterations=60).value)
    # Of a symmetric matrix: elsewhere v v^T is not the derivative of an eigenvalue.
    eigen = jax.jit(lambda a: top_eigenvalue(a @ a.T, num_iterations=60).value)
    with jax.enable_x64(True):
        check_grads(singular, (gapped,), order=1, modes=("fwd", "rev"), rtol=1e-6)
        check_grads(eigen, (gapped,), order=1, modes=("fwd", "rev"), rtol=1e-6)


def test_residual_bounds_the_error_before_convergence(gapped):
    matrix = gapped.T @ gapped
    with jax.enable_x64(True):
        for count in (1, 2, 4):
            eigen = eigen_of(matrix, num_iterations=count)
            distance = np.abs(np.linalg.eigvalsh(matrix) - eigen.value).min()
            assert 0 < distance <= eigen.residual
            singular = singular_of(gapped, num_iterations=count)
            values = np.linalg.svd(gapped, compute_uv=False)
            assert 0 < np.abs(values - singular.value).min() <= singular.residual


def test_matvec_forms_agree_with_the_matrix(gapped):
    matrix = jnp.asarray(gapped.T @ gapped, jnp.float32)
    expected = top_eigenvalue(matrix)
    partial = jax.tree_util.Partial(jnp.matmul, matrix)
    for matvec in (partial, functools.partial(jnp.matmul, matrix), lambda v: matrix @ v):
        pair = top_eigenvalue(matvec, dim=5)
        np.testing.assert_allclose(pair.value, expected.value, rtol=1e-5)
        np.testing.assert_allclose(pair.vector, expected.vector, atol=1e-5)
    gradient = jax.grad(lambda m: top_eigenvalue(lambda v: m @ v, dim=5).value)(matrix)
    np.testing.assert_allclose(gradient, np.outer(expected.vector, expected.vector), atol=1e-5)


def test_a_partial_matvec_is_not_traced_again_for_new_leaves():
    traces = []

    def scale(diagonal, v):
        traces.append(None)
        return diagonal * v

    first = top_eigenvalue(jax.tree_util.Partial(scale, jnp.array([4.0, 1.0])), dim=2)
    count = len(traces)
    second = top_eigenvalue(jax.tree_util.Partial(scale, jnp.array([1.0, 9.0])), dim=2)
    assert len(traces) == count > 0
    np.testing.assert_allclose([first.value, second.value], [4.0, 9.0], rtol=1e-5)


class Scaling:
    """A mutable module, as those of Flax NNX are."""

    scale = 1.0

    def product(self, v):
        return self.scale * v


def test_a_callable_is_asked_anew_after_what_it_refers_to_has_changed():
    module = Scaling()
    for module.scale in (1.0, 3.0):
        value = top_eigenvalue(module.product, dim=2).value
        np.testing.assert_allclose(value, module.scale, rtol=1e-6)


@pytest.mark.parametrize(
    ("matvec", "dim", "error", "message"),
    [
        (jnp.sin, 0, ValueError, "dim must be at least 1, got 0"),
        (jnp.sin, 2.5, TypeError, "dim must be an integer, got 2.5"),
        (jnp.sin, "2", TypeError, "dim must be an integer, got '2'"),
        (lambda v: v.astype(int), 2, TypeError, "matvec must return one floating-point array"),
        (lambda v: (v, v), 2, TypeError, "matvec must return one floating-point array"),
    ],
)
def test_what_is_no_product_of_vectors_is_refused(matvec, dim, error, message):
    with pytest.raises(error, match=message):
        top_eigenvalue(matvec, dim=dim)


def test_vmap_equals_a_loop():
    stack = np.random.default_rng(0).uniform(size=(3, 6, 4)).astype(np.float32)
    batched = jax.jit(jax.vmap(top_singular_value))(stack)
    for i, matrix in enumerate(stack):
        for ours, alone in zip(batched, singular_of(matrix), strict=True):
            np.testing.assert_allclose(ours[i], alone, atol=1e-6)
    gradients = jax.jit(jax.grad(lambda s: jax.vmap(top_singular_value)(s).value.sum()))(stack)
    alone = jax.jit(jax.grad(lambda a: top_singular_value(a).value))(stack[0])
    np.testing.assert_allclose(gradients[0], alone, atol=1e-6)


def test_zero_matrix_has_finite_value_and_gradient():
    zero = jnp.zeros((3, 3))
    for find, slope in ((top_eigenvalue, 1 / 3), (top_singular_value, 0.0)):
        pair = find(zero)
        assert pair.value == 0 and pair.residual == 0
        gradient = jax.jit(jax.grad(lambda a, find=find: find(a).value))(zero)
        # v v^T of the all-ones start for the eigenvalue, zero for the singular value.
        np.testing.assert_allclose(gradient, np.full((3, 3), slope), rtol=1e-6)


def test_orthogonal_start_is_finite_and_a_random_start_finds_the_top():
    """[[1, -1], [-1, 1]] has eigenvalues 2 along (1, -1) and 0 along the all-ones start."""
    matrix = jnp.array([[1.0, -1.0], [-1.0, 1.0]])
    for find in (top_eigenvalue, top_singular_value):
        assert find(matrix).value == 0
        assert np.isfinite(jax.jit(jax.grad(lambda a, find=find: find(a).value))(matrix)).all()
        np.testing.assert_allclose(find(matrix, key=jax.random.key(1)).value, 2.0, rtol=1e-5)


@pytest.mark.parametrize("find", [top_eigenvalue, top_singular_value])
def test_vector_and_residual_carry_no_gradient(find, gapped):
    matrix = (gapped.T @ gapped).astype(np.float32)

    def total(matrix):
        pair = find(matrix, num_iterations=2)
        return jnp.sum(pair.vector) + jnp.sum(pair.residual)

    np.testing.assert_array_equal(jax.jit(jax.grad(total))(matrix), np.zeros_like(matrix))


@pytest.mark.parametrize("form", ["matrix", "closure", "singular"])
def test_gradient_memory_does_not_grow_with_iterations(form):
    def value(matrix, num_iterations):
        if form == "singular":
            return top_singular_value(matrix, num_iterations=num_iterations).value
        operand = matrix if form == "matrix" else lambda v: jnp.sin(matrix) @ jnp.sin(v)
        dim = None if form == "matrix" else 64
        return top_eigenvalue(operand, num_iterations=num_iterations, dim=dim).value

    def temporary_bytes(num_iterations):
        gradient = jax.jit(jax.grad(functools.partial(value, num_iterations=num_iterations)))
        compiled = gradient.lower(jnp.ones((64, 64))).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    few, many = temporary_bytes(2), temporary_bytes(500)
    # One kept vector of 64 floats an iteration would be 498 * 256 bytes = 124 KiB more.
    assert many - few < 4096


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(-25, 25))
def test_singular_value_is_homogeneous_over_the_range_of_float32(seed, exponent):
    matrix = np.random.default_rng(seed).uniform(size=(4, 3)).astype(np.float32)
    scale = np.float32(10.0) ** np.float32(exponent)
    scaled = singular_of(matrix * scale).value
    np.testing.assert_allclose(scaled, scale * singular_of(matrix).value, rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1, 4]), st.sampled_from([1, 3]))
def test_singular_value_lies_between_the_starts_gain_and_the_norm(seed, rows, columns):
    matrix = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    value = singular_of(matrix).value
    start = np.ones(columns) / np.sqrt(columns)
    exact = np.linalg.norm(matrix, 2)
    assert np.linalg.norm(matrix @ start) * (1 - 1e-5) <= value <= exact * (1 + 1e-5)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_dtype_is_kept(dtype):
    matrix = jnp.diag(jnp.array([4.0, 1.0], dtype))
    for find in (top_eigenvalue, top_singular_value):
        pair = find(matrix)
        assert {part.dtype for part in pair} == {jnp.dtype(dtype)}
        np.testing.assert_allclose(float(pair.value), 4.0, rtol=1e-2)


def test_bad_arguments_raise_with_a_message():
    with pytest.raises(TypeError, match="a must hold floating-point numbers, got dtype int32"):
        top_singular_value(jnp.ones((2, 2), jnp.int32))
    with pytest.raises(ValueError, match=r"matrix must be square, got shape \(2, 3\)"):
        top_eigenvalue(jnp.ones((2, 3)))
    with pytest.raises(ValueError, match=r"a must have 2 axes, got shape \(3,\)"):
        top_singular_value(jnp.ones(3))
    with pytest.raises(ValueError, match="num_iterations must be at least 1, got 0"):
        top_singular_value(jnp.ones((2, 2)), num_iterations=0)
    for lost in (2.5, 2.0, "2", None):
        for find in (top_singular_value, top_eigenvalue):
            with pytest.raises(TypeError, match=f"num_iterations must be an integer, got {lost!r}"):
                find(jnp.ones((2, 2)), num_iterations=lost)
    for count in (np.int64(2), np.array(2), jnp.array(2)):
        assert top_singular_value(jnp.eye(2), num_iterations=count).value == 1
    with pytest.raises(ValueError, match="dim must be given with a callable"):
        top_eigenvalue(jnp.sin)
    with pytest.raises(ValueError, match="dim=2 with a matrix"):
        top_eigenvalue(jnp.eye(2), dim=2)
    with pytest.raises(ValueError, match=r"map shape \(3,\) to itself, got \(2,\)"):
        top_eigenvalue(lambda v: v[:2], dim=3)


@pytest.mark.parametrize("find", [top_singular_value, top_eigenvalue])
def test_a_nan_is_no_value_of_zero(find):
    found = find(jnp.eye(3).at[0, 1].set(jnp.nan))
    assert bool(jnp.isnan(found.value)) and bool(jnp.isnan(found.residual))
