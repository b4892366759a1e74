"""What a site-agnostic network knows of a site: arrays computed once from its radio map."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rsstl_jax._numerics import safe_norm, safe_sqrt

__all__ = ["EXPONENTS", "POWER", "Support", "make_support", "power_centroid"]

POWER = 6
"""Exponent from a level of 0...1 to a position's weight: strong readings count most."""

EXPONENTS = (1.5, 1, 3)
"""Powers of the levels that are compared; the first one ranks the neighbours."""


class Support(NamedTuple):
    """A site's labelled fingerprints, and where each access point is detected.

    Args:
        level: float[S, A]. Readings in the linear encoding, 0...1; 0 where undetected.
        position: float[S, 2]. In units of the site's scale; 0 in rows that do not count.
        position_id: int[S]. Equal numbers for fingerprints of one position.
        valid: bool[S]. False in rows that only fill an array up to a common size.
        norm: float[S]. Euclidean norm of each row of `level`; 1 where it is 0.
        mass: float[S, 3]. Sums over each row of `level`, to the power of `EXPONENTS`.
        centroid: float[A, 2]. Mean position of an access point's detections, weighted by power.
        spread: float[A]. Root of the weighted mean squared distance to the centroid.
        num_detections: float[A]. Fingerprints in which an access point is detected.
        maximum: float[A]. An access point's strongest level.
        center: float[2]. Mean position.
        radius: float scalar. Root of the mean squared distance to the center.
        number: float scalar. Fingerprints that count.
        inverse_temperature: float scalar. Factor on the scores of tokens: the larger, the fewer
            of them have a say; 1 in training.

    Example:
        >>> level = jnp.array([[1.0, 0.0], [1.0, 0.5]])
        >>> support = make_support(level, jnp.array([[0.0, 0.0], [2.0, 0.0]]), jnp.arange(2))
        >>> support.num_detections.tolist(), support.center.tolist()
        ([2.0, 1.0], [1.0, 0.0])
    """

    level: jax.Array
    position: jax.Array
    position_id: jax.Array
    valid: jax.Array
    norm: jax.Array
    mass: jax.Array
    centroid: jax.Array
    spread: jax.Array
    num_detections: jax.Array
    maximum: jax.Array
    center: jax.Array
    radius: jax.Array
    number: jax.Array
    inverse_temperature: jax.Array


def make_support(
    level: jax.Array,
    position: jax.Array,
    position_id: jax.Array,
    valid: jax.Array | None = None,
) -> Support:
    """Where each access point is detected, and what the search for neighbours needs.

        w_sa = level_sa^6,  centroid_a = sum_s w_sa p_s / sum_s w_sa,
        spread_a^2 = sum_s w_sa |p_s|^2 / sum_s w_sa - |centroid_a|^2

    Rows that are not valid change nothing, so supports of any size share one compiled program.

    Args:
        level: float[S, A]. Readings in the linear encoding, 0...1; 0 where undetected.
        position: float[S, 2]. In any unit of length.
        position_id: int[S]. Equal numbers for fingerprints of one position.
        valid: bool[S]. Which rows count; by default all.

    Returns:
        Support.

    An access point without a detection has centroid, spread, num_detections and maximum 0.

    Example:
        >>> support = make_support(
        ...     jnp.array([[1.0, 0.0], [1.0, 0.5]]), jnp.array([[0.0, 0.0], [2.0, 0.0]]),
        ...     jnp.arange(2))
        >>> support.centroid.tolist(), support.spread.tolist()
        ([[1.0, 0.0], [2.0, 0.0]], [1.0, 0.0])
    """
    if valid is None:
        valid = jnp.ones(level.shape[0], bool)
    level = jnp.where(valid[:, None], level, 0.0)
    position = jnp.where(valid[:, None], position, 0.0)
    number = valid.sum().astype(level.dtype)
    center = position.sum(axis=0) / jnp.maximum(number, 1.0)
    # Around the center, or the squares would swamp the spreads.
    around = jnp.where(valid[:, None], position - center[None, :], 0.0)
    squares = jnp.square(around).sum(axis=1)
    moments = jnp.concatenate([around, squares[:, None], jnp.ones_like(squares)[:, None]], axis=1)
    sums = (level**POWER).T @ moments
    means = sums[:, :3] / jnp.where(sums[:, 3:] > 0, sums[:, 3:], 1.0)
    detected = sums[:, 3:] > 0
    norm = safe_norm(level)
    return Support(
        level=level,
        position=position,
        position_id=position_id,
        valid=valid,
        norm=jnp.where(norm > 0, norm, 1.0),
        mass=jnp.stack([(level**e).sum(axis=1) for e in EXPONENTS], axis=1),
        centroid=jnp.where(detected, means[:, :2] + center[None, :], 0.0),
        spread=safe_sqrt(means[:, 2] - jnp.square(means[:, :2]).sum(axis=1)),
        num_detections=(level > 0).sum(axis=0).astype(level.dtype),
        maximum=level.max(axis=0),
        center=center,
        radius=safe_sqrt(squares.sum() / jnp.maximum(number, 1.0)),
        number=number,
        inverse_temperature=jnp.ones((), level.dtype),
    )


def power_centroid(level: jax.Array, support: Support) -> jax.Array:
    """The position of a fingerprint, by the centroids of its access points alone.

        y_b = sum_a w_ba centroid_a / sum_a w_ba,  w_ba = level_ba^6

    Args:
        level: float[B, A]. Fingerprints in the linear encoding, 0...1; 0 where undetected.
        support: of the site.

    Returns:
        float[B, 2]. In the support's unit; the mean position where no known access point is
        detected.

    Example:
        >>> support = make_support(jnp.eye(2), jnp.array([[0.0, 0.0], [2.0, 0.0]]), jnp.arange(2))
        >>> power_centroid(jnp.array([[0.5, 0.5], [0.0, 0.0]]), support).tolist()
        [[1.0, 0.0], [1.0, 0.0]]
    """
    weight = jnp.where(support.num_detections[None, :] > 0, level, 0.0) ** POWER
    total = weight.sum(axis=1, keepdims=True)
    mean = weight @ support.centroid / jnp.where(total > 0, total, 1.0)
    return jnp.where(total > 0, mean, support.center[None, :])
