"""What a site-agnostic network knows of a site: arrays computed once from its radio map."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rsstl_jax._numerics import safe_norm, safe_sqrt

POWER = 6
"""Exponent from a level of 0...1 to a position's weight: strong readings count most."""

EXPONENTS = (1.5, 1, 3)
"""Powers of the levels that are compared; the first one ranks the neighbours."""


class Support(NamedTuple):
    """A site's labelled fingerprints, and where each access point is detected."""

    level: jax.Array  # float[S, A]: Readings in the linear encoding, 0...1
    position: jax.Array  # float[S, 2]: In units of the site's scale
    position_id: jax.Array  # int[S]: Equal numbers for fingerprints of one position
    valid: jax.Array  # bool[S]: False in rows that only fill an array up to a common size
    norm: jax.Array  # float[S]: Euclidean norm of each row of `level`
    mass: jax.Array  # float[S, 3]: Sums over each row of `level`, to the power of `EXPONENTS`
    # float[A, 2]: Mean position of an access point's detections, weighted by power
    centroid: jax.Array
    spread: jax.Array  # float[A]: Root of the weighted mean squared distance to the centroid
    num_detections: jax.Array  # float[A]: Fingerprints in which an access point is detected
    maximum: jax.Array  # float[A]: An access point's strongest level
    center: jax.Array  # float[2]: Mean position
    radius: jax.Array  # float scalar
    number: jax.Array  # float scalar
    inverse_temperature: jax.Array  # float scalar
    retrieval: jax.Array  # float scalar, 0...1: Weight of the most similar fingerprints' position
    retrieval_power: jax.Array  # float scalar: Power of similarity, by which they are weighted


def make_support(
    level: jax.Array,
    position: jax.Array,
    position_id: jax.Array,
    valid: jax.Array | None = None,
) -> Support:
    """Where each access point is detected, and what the search for neighbours needs."""
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
        retrieval=jnp.zeros((), level.dtype),
        retrieval_power=jnp.ones((), level.dtype),
    )


def power_centroid(level: jax.Array, support: Support) -> jax.Array:
    """The position of a fingerprint, by the centroids of its access points alone."""
    weight = jnp.where(support.num_detections[None, :] > 0, level, 0.0) ** POWER
    total = weight.sum(axis=1, keepdims=True)
    mean = weight @ support.centroid / jnp.where(total > 0, total, 1.0)
    return jnp.where(total > 0, mean, support.center[None, :])
