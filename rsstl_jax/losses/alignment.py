"""Angular similarity of two batches of representations."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rsstl_jax._numerics import (
    as_floating,
    check_known,
    check_rank,
    check_same_shape,
    common_dtype,
    safe_norm,
    safe_sqrt,
    unit_vectors,
    widen,
)


def angular_similarity_loss(
    student: ArrayLike, teacher: ArrayLike, *, margin: ArrayLike = 0.2
) -> jax.Array:
    """Angular distance between two batches of representations, enlarged by a margin.

    J_Sim = max(0, 1 - cos(arccos(c) + margin)), with c the mean over the batch of the cosines
    between paired samples (the paper's Eq. 1).

    Differs: no arc cosine is taken, whose derivative is infinite at c = +-1:
    cos(arccos(c) + margin) = c cos(margin) - sqrt(1 - c^2) sin(margin).

    Args:
        student: float[B, D]. one side of each pair, any scale; Z_S of a specialised network.
        teacher: float[B, D]. the other side; Z_G of a generator. The loss is symmetric.
        margin: float[]. angle added to the mean one, radians, in [0, pi/2), else ValueError; may
            be traced.

    Returns:
        float[]. in [1 - cos(margin), 2]: the floor, 0.0199 for a margin of 0.2, is reached at
        c = 1 only, and 2 where the enlarged angle is pi.

    Notes:
        The cosine is averaged *before* the angle is taken, as printed: samples may disagree as
        long as the mean agrees. The gradient in a vector is inversely proportional to its scale,
        which the value does not depend on; that of the square root counts as zero at c = +-1. A
        zero vector has cosine 0 with everything, and gradient zero.

    Example:
        >>> x = jnp.array([[3.0, 4.0], [1.0, 0.0]])
        >>> print(f"{angular_similarity_loss(x, 2.0 * x):.4f}")
        0.0199

    Reference:
        Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition, CVPR 2019.
    """
    student = as_floating("student", student)
    teacher = as_floating("teacher", teacher)
    check_same_shape("student", student, "teacher", teacher)
    check_rank("student", student, 2)
    check_margin(margin)
    gap = _mean_cosine_gap(widen(student, teacher), widen(teacher, student))
    angle = jnp.asarray(margin, gap.dtype)
    cosine = 1 - gap
    sine = safe_sqrt(gap * (2 - gap))
    loss = jnp.maximum(0, 1 - (cosine * jnp.cos(angle) - sine * jnp.sin(angle)))
    return loss.astype(common_dtype(student, teacher))


def check_margin(margin: ArrayLike) -> None:
    """Raise unless the margin is a scalar in [0, pi/2); a traced one has no value to check yet."""
    check_rank("margin", margin, 0)
    angle = "an angle in [0, pi/2) radians"
    check_known("margin", margin, lambda x: (x >= 0) & (x < math.pi / 2), angle)


def _mean_cosine_gap(student: jax.Array, teacher: jax.Array) -> jax.Array:
    """Mean of 1 - cosine, as half the squared distance of unit vectors.

    1 - c^2 of a rounded c near 1 loses half the digits; the distance does not.
    """
    squares = jnp.sum(jnp.square(unit_vectors(student) - unit_vectors(teacher)), axis=1)
    # What rounding alone leaves between equal vectors would have the steepest slope of all.
    rounding = (8 * jnp.finfo(squares.dtype).eps) ** 2
    squares = jnp.where(squares <= rounding, 0, squares)
    zero = (safe_norm(student) <= 0) | (safe_norm(teacher) <= 0)
    return jnp.mean(jnp.where(zero, 1, squares / 2))
