"""Differentiable power iteration: the largest eigenvalue or singular value of a matrix.

The vector is iterated under a stop-gradient and the value is read off it once, differentiably.
So the gradient costs one product, and its memory does not depend on the number of iterations.
"""

import functools
import operator
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec
from jax.tree_util import Partial
from jax.typing import ArrayLike

from rsstl_jax._numerics import (
    as_floating,
    check_rank,
    explicit_mesh,
    partition_freely,
    safe_norm,
    widen,
)

__all__ = ["PowerIteration", "top_eigenvalue", "top_singular_value"]

# TF32 and bfloat16 passes of accelerators would stop the iteration at three digits.
_product = functools.partial(jnp.matmul, precision=lax.Precision.HIGHEST)


class PowerIteration(NamedTuple):
    """A value of a matrix, the vector it belongs to, and how well they fit.

    Args:
        value: float[]. the eigenvalue or singular value; the one part that carries a gradient.
        vector: float[D]. the unit vector of the last iteration, under a stop-gradient.
        residual: float[]. distance from an exact pair, in the unit of `value`, >= 0, under a
            stop-gradient. Some exact value of the (symmetric) matrix lies within it of `value`.

    Example:
        >>> top_eigenvalue(jnp.eye(2)).vector.shape
        (2,)
    """

    value: jax.Array
    vector: jax.Array
    residual: jax.Array


def top_eigenvalue(
    matrix_or_matvec: ArrayLike | Callable[[jax.Array], jax.Array],
    *,
    num_iterations: int = 10,
    dim: int | None = None,
    key: jax.Array | None = None,
) -> PowerIteration:
    """Largest eigenvalue of a symmetric positive semi-definite matrix, by power iteration.

    v <- M v / |M v|, `num_iterations` times; value = v^T M v (the paper's Algorithm 1).

    Differs: Algorithm 1 draws a matrix v, takes norms along axis 1 and returns the square root of
    |M v|. Here v is one vector, all-ones unless `key` is given; the value is the Rayleigh
    quotient, whose error is the square of the vector's; and the square root is the caller's.

    Args:
        matrix_or_matvec: float[D, D]. symmetric and positive semi-definite (of a symmetric
            matrix that is not, the eigenvalue of largest magnitude); or a callable that maps
            float[D] to the product float[D]. A callable is traced anew at every call, whatever it
            refers to; a `jax.tree_util.Partial` of a pure function is compiled once, and what
            changes are its leaves.
        num_iterations: fixed number of iterations, >= 1, static.
        dim: length D >= 1 of a callable's vector; left out for a matrix, which brings its own.
        key: random key of a Gaussian start; None starts from all ones.

    Returns:
        PowerIteration. `value` float[], in the unit of the matrix; `vector` float[D]; `residual`
        float[] = |M v - value v|. All in the matrix's dtype; bfloat16 is iterated in float32.

    Raises:
        TypeError: the matrix, or what the callable returns, is not floating-point, or
            `num_iterations` or `dim` is no integer.
        ValueError: the matrix is not square, a number is below 1, `dim` is missing for a callable
            or given for a matrix, or the callable does not return float[D].

    Notes:
        The gradient is that of v^T M v at constant v: v v^T for a matrix, exact as far as v has
        converged. Second derivatives are not the eigenvalue's, since v is constant.
        A zero matrix gives value 0 and gradient v v^T of the start. A start orthogonal to the top
        eigenvector never turns to it but for rounding: the value is the largest one among the
        others. All-ones suits matrices of mostly positive entries, whose top eigenvector is nearly
        constant; for other matrices give a `key`.

    Example:
        >>> diagonal = jnp.array([4.0, 1.0])
        >>> print(f"{top_eigenvalue(jnp.diag(diagonal)).value:.4f}")
        4.0000
        >>> matvec = jax.tree_util.Partial(jnp.multiply, diagonal)
        >>> print(f"{top_eigenvalue(matvec, dim=2).value:.4f}")
        4.0000

    Reference:
        Golub and Van Loan, Matrix Computations, section 7.3.1.
    """
    num_iterations = _count("num_iterations", num_iterations)
    if callable(matrix_or_matvec):
        if dim is None:
            raise ValueError("dim must be given with a callable: the length of its vector.")
        # A Partial is kept as it is: wrapped again, its leaves would become static. Any other
        # callable becomes a new one: of the same, such as a method, JAX would keep old constants.
        is_partial = isinstance(matrix_or_matvec, Partial)
        matvec = matrix_or_matvec if is_partial else Partial(lambda v: matrix_or_matvec(v))
        start = _start_vector(_count("dim", dim), jnp.zeros(()).dtype, key)
        return _matvec_eigenpair(matvec, start, num_iterations)
    if dim is not None:
        raise ValueError(f"dim goes with a callable only, got dim={dim} with a matrix.")
    matrix = as_floating("matrix", matrix_or_matvec)
    check_rank("matrix", matrix, 2)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"matrix must be square, got shape {matrix.shape}.")
    start = _start_vector(matrix.shape[1], widen(matrix).dtype, key)
    find = functools.partial(_matrix_eigenpair, num_iterations=num_iterations)
    return partition_freely(find, (matrix, start), PartitionSpec())


def top_singular_value(
    a: ArrayLike, *, num_iterations: int = 10, key: jax.Array | None = None
) -> PowerIteration:
    """Largest singular value (spectral norm) of a matrix, by power iteration on A^T A.

    v <- A^T (A v), normalised, `num_iterations` times; value = |A v|: the square root of the top
    eigenvalue of T = A^T A (the paper's Algorithm 1 with Eq. 8), and T is never formed.

    Differs: as `top_eigenvalue`; and Eq. 10 equates an eigenvalue of W^T W with the norm of W,
    where the norm is its square root, as Algorithm 1 has it.

    Args:
        a: float[M, D]. any matrix.
        num_iterations: fixed number of iterations, >= 1, static.
        key: random key of a Gaussian start; None starts from all ones.

    Returns:
        PowerIteration. `value` float[] >= 0, in the unit of `a`; `vector` float[D], the right
        singular vector v; `residual` float[] = |A^T u - value v| with u = A v / |A v|. All in the
        dtype of `a`; bfloat16 is iterated in float32.

    Raises:
        TypeError, ValueError: as `top_eigenvalue`; the matrix need not be square.

    Notes:
        The gradient is that of |A v| at constant v: u v^T, zero for a zero matrix. All else as
        `top_eigenvalue`, of the right singular vectors.

    Example:
        >>> a = jnp.array([[3.0, 0.0], [0.0, -1.0], [0.0, 0.0]])
        >>> print(f"{top_singular_value(a).value:.4f}")
        3.0000

    Reference:
        Golub and Van Loan, Matrix Computations, section 8.6; Miyato et al., Spectral
        Normalization for Generative Adversarial Networks, ICLR 2018.
    """
    num_iterations = _count("num_iterations", num_iterations)
    matrix = as_floating("a", a)
    check_rank("a", matrix, 2)
    start = _start_vector(matrix.shape[1], widen(matrix).dtype, key)
    find = functools.partial(_singular_pair, num_iterations=num_iterations)
    return partition_freely(find, (matrix, start), PartitionSpec())


@functools.partial(jax.jit, static_argnames="num_iterations")
def _matvec_eigenpair(matvec: Partial, start: jax.Array, num_iterations: int) -> PowerIteration:
    image = jax.eval_shape(matvec, start)
    if not jnp.issubdtype(getattr(image, "dtype", bool), jnp.floating):
        raise TypeError(f"matvec must return one floating-point array, got {image}.")
    if image.shape != start.shape:
        raise ValueError(f"matvec must map shape {start.shape} to itself, got {image.shape}.")
    start = _varying_as(start.astype(image.dtype), image)
    mesh = explicit_mesh(image)
    if mesh is None:
        return _eigenpair(matvec, start, num_iterations)
    # A product with a matrix whose rows lie on several devices lies on these, too.
    everywhere = NamedSharding(mesh, PartitionSpec())
    whole = lambda v: jax.sharding.reshard(matvec(v), everywhere)  # noqa: E731
    return _eigenpair(whole, jax.sharding.reshard(start, everywhere), num_iterations)


@functools.partial(jax.jit, static_argnames="num_iterations")
def _matrix_eigenpair(matrix: jax.Array, start: jax.Array, num_iterations: int) -> PowerIteration:
    peak, scaled = _scale_to_one(matrix.astype(start.dtype))
    start = _varying_as(start, matrix)
    pair = _eigenpair(functools.partial(_product, scaled), start, num_iterations)
    return _rescaled(pair, peak, matrix.dtype)


def _eigenpair(
    matvec: Callable[[jax.Array], jax.Array], start: jax.Array, num_iterations: int
) -> PowerIteration:
    vector = _iterate(matvec, start, num_iterations)
    image = matvec(vector)
    value = _product(vector, image)
    residual = lax.stop_gradient(safe_norm(image - value * vector))
    return PowerIteration(value, vector, residual)


@functools.partial(jax.jit, static_argnames="num_iterations")
def _singular_pair(a: jax.Array, start: jax.Array, num_iterations: int) -> PowerIteration:
    peak, scaled = _scale_to_one(a.astype(start.dtype))
    start = _varying_as(start, a)
    vector = _iterate(lambda v: _product(_product(scaled, v), scaled), start, num_iterations)
    image = _product(scaled, vector)
    value = safe_norm(image)
    # |A^T u - value v| times value, to divide by a value of zero nowhere.
    mismatch = safe_norm(_product(image, scaled) - jnp.square(value) * vector)
    residual = lax.stop_gradient(mismatch / jnp.where(value > 0, value, 1))
    return _rescaled(PowerIteration(value, vector, residual), peak, a.dtype)


def _iterate(
    step: Callable[[jax.Array], jax.Array], start: jax.Array, num_iterations: int
) -> jax.Array:
    """Unit vector after `num_iterations` of v <- step(v); no gradient passes."""

    def body(vector: jax.Array, _: None) -> tuple[jax.Array, None]:
        # Stopped inside the loop, so that nothing is kept for what `step` closes over either.
        image = lax.stop_gradient(step(vector))
        norm = safe_norm(image)
        # A vector of the null space is kept: there is no direction to turn to.
        return jnp.where(norm > 0, image / jnp.where(norm > 0, norm, 1), vector), None

    vector, _ = lax.scan(body, start, length=num_iterations)
    return vector


def _start_vector(dim: int, dtype: jnp.dtype, key: jax.Array | None) -> jax.Array:
    start = jnp.ones(dim, dtype) if key is None else jax.random.normal(key, (dim,), dtype)
    return start / safe_norm(start)


def _varying_as(start: jax.Array, array: jax.Array | jax.ShapeDtypeStruct) -> jax.Array:
    """The start, with a copy of its own on each device where the array differs in a shard_map."""
    return start + jnp.zeros_like(array, shape=start.shape, dtype=start.dtype)


def _scale_to_one(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Largest magnitude and the matrix over it: A^T A of small numbers would underflow."""
    peak = lax.stop_gradient(jnp.max(jnp.abs(matrix)))
    peak = jnp.where(peak > 0, peak, 1)
    return peak, matrix / peak


def _rescaled(pair: PowerIteration, peak: jax.Array, dtype: jnp.dtype) -> PowerIteration:
    return PowerIteration(
        (peak * pair.value).astype(dtype),
        pair.vector.astype(dtype),
        (peak * pair.residual).astype(dtype),
    )


def _count(name: str, number: int) -> int:
    """The number as Python's own int, which compilation keys can hold; at least 1."""
    try:
        count = operator.index(number)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {number!r}.") from None
    if count < 1:
        raise ValueError(f"{name} must be at least 1, got {count}.")
    return count
