"""Functional information: the spectral norm of a block, read off its input and output."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec
from jax.typing import ArrayLike

from rsstl_jax._numerics import (
    as_floating,
    check_rank,
    check_same_shape,
    common_dtype,
    partition_freely,
    unit_vectors,
    widen,
)
from rsstl_jax.spectral import top_singular_value


def transmitting_matrix(z_in: ArrayLike, z_out: ArrayLike) -> jax.Array:
    """Transmitting matrix of a block, from its input and output features of one batch.

    T = A^T A with A = Zhat_in Zhat_out^T / B, Zhat the features of each sample divided by their
    Euclidean norm (the paper's Eq. 8).

    Differs: rows are samples, where the paper has columns; A is divided by B, or the top singular
    value would grow to B; features of unequal width are brought to the narrower one by adaptive
    average pooling, bin i of m being [floor(i d / m), ceil((i + 1) d / m)), and normed after.

    Args:
        z_in: float[B, D1]. features before the block, any scale.
        z_out: float[B, D2]. features after it.

    Returns:
        float[B, B]. symmetric positive semi-definite; entries in [-1/B, 1/B], trace <= 1. A zero
        vector gives a zero row and gradient zero.

    Notes:
        For training use `functional_information`, which needs no T.

    Example:
        >>> print(transmitting_matrix(jnp.eye(2), 3.0 * jnp.eye(2)))
        [[0.25 0.  ]
         [0.   0.25]]

    Reference:
        Shang et al., Lipschitz Continuity Guided Knowledge Distillation, ICCV 2021.
    """
    z_in, z_out = _checked(z_in, z_out)

    def product(z_in: jax.Array, z_out: jax.Array) -> jax.Array:
        a = _sample_products(z_in, z_out)
        return jnp.matmul(a.T, a, precision=lax.Precision.HIGHEST)

    matrix = partition_freely(product, (z_in, z_out), PartitionSpec())
    return matrix.astype(common_dtype(z_in, z_out))


def functional_information(
    z_in: ArrayLike, z_out: ArrayLike, *, num_iterations: int = 10
) -> jax.Array:
    """Spectral norm of a block, estimated from its input and output features of one batch.

    sigma = sqrt(top eigenvalue of T), T of Eq. 8, by Algorithm 1: the arguments of the difference
    in J_FI (the paper's Eq. 11).

    Differs: Eq. 10 forgets the square root that Algorithm 1 takes. It is computed as the top
    singular value of A (see `transmitting_matrix`), so that T is never formed.

    Args:
        z_in: float[B, D1]. features before the block: `frame`; any scale.
        z_out: float[B, D2]. features after it: `extract`.
        num_iterations: power iterations, >= 1, static.

    Returns:
        float[]. in [0, 1]; at the paper's scale, B times that.

    Notes:
        The gradient's cost does not depend on `num_iterations`; it is zero where A is zero. Second
        derivatives are those of |A v| at constant v, and not sigma's. The iteration starts from
        all ones, which suits features of mostly positive products; see
        `rsstl_jax.spectral.top_singular_value`.

    Example:
        >>> x = jnp.ones((4, 6))
        >>> print(f"{functional_information(x, x[:, :3]):.4f}")
        1.0000
    """
    z_in, z_out = _checked(z_in, z_out)

    def norm(z_in: jax.Array, z_out: jax.Array) -> jax.Array:
        a = _sample_products(z_in, z_out)
        return top_singular_value(a, num_iterations=num_iterations).value

    value = partition_freely(norm, (z_in, z_out), PartitionSpec())
    return value.astype(common_dtype(z_in, z_out))


def functional_information_loss(student_fi: ArrayLike, teacher_fi: ArrayLike) -> jax.Array:
    """Difference between the functional information of teachers and student.

    |sigma_teacher - sigma_student|: the summands of J_FI (the paper's Eq. 11).

    Differs: unreduced; the sum over teachers is the caller's.

    Args:
        student_fi: float[...]. `functional_information` of the student, >= 0.
        teacher_fi: float[...]. that of the teacher or teachers, of equal shape.

    Returns:
        float[...]. absolute differences, >= 0, with gradient zero at zero.

    Example:
        >>> print(f"{functional_information_loss(0.5, 0.75):.2f}")
        0.25
    """
    student_fi = as_floating("student_fi", student_fi)
    teacher_fi = as_floating("teacher_fi", teacher_fi)
    check_same_shape("student_fi", student_fi, "teacher_fi", teacher_fi)
    dtype = common_dtype(student_fi, teacher_fi)
    difference = teacher_fi.astype(dtype) - student_fi.astype(dtype)
    # jnp.abs has gradient one at zero.
    return difference * lax.stop_gradient(jnp.sign(difference))


def _checked(z_in: ArrayLike, z_out: ArrayLike) -> tuple[jax.Array, jax.Array]:
    z_in = as_floating("z_in", z_in)
    z_out = as_floating("z_out", z_out)
    check_rank("z_in", z_in, 2)
    check_rank("z_out", z_out, 2)
    if z_in.shape[0] != z_out.shape[0]:
        raise ValueError(
            f"z_in has shape {z_in.shape} but z_out has shape {z_out.shape}: "
            "their batches must be equal."
        )
    return z_in, z_out


def _sample_products(z_in: jax.Array, z_out: jax.Array) -> jax.Array:
    """A[k, l] = <unit input of sample k, unit output of sample l> / B, in at least float32."""
    z_in, z_out = widen(z_in, z_out), widen(z_out, z_in)
    width = min(z_in.shape[1], z_out.shape[1])
    unit_in = unit_vectors(_adaptive_average_pool(z_in, width))
    unit_out = unit_vectors(_adaptive_average_pool(z_out, width))
    return jnp.matmul(unit_in, unit_out.T, precision=lax.Precision.HIGHEST) / z_in.shape[0]


def _adaptive_average_pool(z: jax.Array, bins: int) -> jax.Array:
    width = z.shape[1]
    if width == bins:
        return z
    averages = np.zeros((width, bins))
    for i in range(bins):
        start, stop = i * width // bins, -(-(i + 1) * width // bins)
        averages[start:stop, i] = 1 / (stop - start)
    return jnp.matmul(z, jnp.asarray(averages, z.dtype), precision=lax.Precision.HIGHEST)
