"""A fingerprint as a set of tokens: access points it hears, and places where others heard alike."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rsstl_jax._numerics import safe_norm, safe_sqrt, top_k
from rsstl_jax.models.site_agnostic.support import EXPONENTS, POWER, Support

__all__ = ["Tokens", "make_tokens"]


class Tokens(NamedTuple):
    """What a site-agnostic network sees of a fingerprint; no length depends on the plan's unit.

    Args:
        query: float[B, 1, 7]. Of the fingerprint as a whole.
        access_points: float[B, K, 9]. Of its strongest access points.
        neighbours: float[B, M, 14]. Of the places of its nearest support fingerprints.
        position: float[B, 1 + K + M, 2]. Anchor, centroids and places, in the support's unit.
        valid: bool[B, 1 + K + M]. Which tokens there are; the first always is.
        scale: float[B]. The local unit of length, in the support's unit.
        sharpness: float scalar. The support's.

    Example:
        >>> from rsstl_jax.models import make_support
        >>> support = make_support(jnp.eye(3), jnp.ones((3, 2)), jnp.arange(3))
        >>> make_tokens(jnp.eye(3), support, num_access_points=2, num_neighbours=2).position.shape
        (3, 5, 2)
    """

    query: jax.Array
    access_points: jax.Array
    neighbours: jax.Array
    position: jax.Array
    valid: jax.Array
    scale: jax.Array
    sharpness: jax.Array


class _Heard(NamedTuple):
    """The strongest known access points of each fingerprint; level 0 where there are fewer."""

    column: jax.Array
    level: jax.Array


class _Frame(NamedTuple):
    """Origin and unit of length around each fingerprint."""

    anchor: jax.Array
    scale: jax.Array

    def locate(self, position: jax.Array) -> list[jax.Array]:
        """Places float[B, T, 2] as features: from the anchor, in local units, and how far."""
        away = (position - self.anchor[:, None]) / self.scale[:, None, None]
        return [away[..., 0], away[..., 1], safe_norm(away)]


class _Candidates(NamedTuple):
    """Support fingerprints that resemble each fingerprint, float[B, C] each, the nearest first."""

    row: jax.Array
    nearness: jax.Array
    distances: tuple[jax.Array, ...]
    cosine: jax.Array
    gain: jax.Array
    deviation: jax.Array
    common: jax.Array


def make_tokens(
    level: jax.Array,
    support: Support,
    *,
    num_access_points: int,
    num_neighbours: int,
    num_candidates: int = 64,
    num_compared: int = 64,
) -> Tokens:
    """Tokens of a batch of fingerprints at a site.

    The anchor is the mean centroid of the access points that a fingerprint hears, weighted by
    power; the local unit of length is how far around it they are heard. Candidates are the support
    fingerprints of the largest cosine, by one matrix product. These are compared on the access
    points that the fingerprint hears, by Sorensen distances of the levels to several powers,

        d_e(q, s) = 1 - 2 sum_a min(q_a, s_a)^e / sum_a (q_a^e + s_a^e)

    and the nearest *places* by the first one become tokens: many scans of one place are one token
    with many votes.

    Args:
        level: float[B, A]. Fingerprints in the linear encoding, 0...1; 0 where undetected.
        support: of the site.
        num_access_points: K, tokens of access points.
        num_neighbours: M, tokens of places.
        num_candidates: support fingerprints that are compared closely, at least M.
        num_compared: strongest access points on which they are compared, at least K; distances are
            exact where a fingerprint hears no more.

    Returns:
        Tokens. All numbers shrink to what the site has.

    The order of access points, or of the support, changes nothing but ties. Memory grows with B
    times the larger of S and candidates x compared, never with B x S x A.

    Example:
        >>> from rsstl_jax.models import make_support
        >>> support = make_support(jnp.eye(3), jnp.ones((3, 2)), jnp.arange(3))
        >>> tokens = make_tokens(jnp.eye(3), support, num_access_points=2, num_neighbours=2)
        >>> tokens.valid.sum(axis=1).tolist()
        [4, 4, 4]
    """
    level = jnp.where(support.hearers[None, :] > 0, level, 0.0)
    compared = max(num_compared, num_access_points)
    strongest, column = top_k(level, min(compared, level.shape[1]))
    heard = _Heard(column, strongest)
    candidates = _find_candidates(level, heard, support, num_candidates, num_access_points)
    heard = jax.tree.map(lambda leaf: leaf[:, :num_access_points], heard)
    frame = _local_frame(heard, support)
    points, point_position = _access_points(heard, frame, support)
    places, place_position, place_valid = _places(candidates, frame, support, num_neighbours)
    query = _query(level, frame, support, candidates)
    first = jnp.ones_like(place_valid[:, :1])
    return Tokens(
        query[:, None],
        points,
        places,
        jnp.concatenate([frame.anchor[:, None], point_position, place_position], axis=1),
        jnp.concatenate([first, heard.level > 0, place_valid], axis=1),
        frame.scale,
        support.sharpness,
    )


def _local_frame(heard: _Heard, support: Support) -> _Frame:
    weight = heard.level**POWER
    total = weight.sum(axis=1, keepdims=True)
    share = weight / jnp.where(total > 0, total, 1.0)
    centroid = support.centroid[heard.column]
    anchor = jnp.where(
        total > 0, jnp.einsum("bk,bkd->bd", share, centroid), support.center[None, :]
    )
    apart = jnp.square(centroid - anchor[:, None]).sum(axis=-1)
    reach = (share * (jnp.square(support.spread[heard.column]) + apart)).sum(axis=1)
    radius = jnp.where(support.radius > 0, support.radius, 1.0)
    scale = jnp.where(total[:, 0] > 0, safe_sqrt(reach), radius)
    return _Frame(anchor, jnp.maximum(scale, 1e-3 * radius))


def _access_points(heard: _Heard, frame: _Frame, support: Support) -> tuple[jax.Array, jax.Array]:
    """Features float[B, K, 9] and centroids of the access points."""
    position = support.centroid[heard.column]
    hearers = support.hearers[heard.column]
    features = [
        *frame.locate(position),
        3 * heard.level,
        3 * (heard.level - support.maximum[heard.column]),
        3 * (heard.level - heard.level[:, :1]),
        support.spread[heard.column] / frame.scale[:, None],
        0.3 * jnp.log1p(hearers),
        hearers / jnp.maximum(support.number, 1.0),
    ]
    return jnp.stack(features, axis=-1), position


def _find_candidates(
    level: jax.Array, heard: _Heard, support: Support, number: int, num_strongest: int
) -> _Candidates:
    norm = jnp.maximum(safe_norm(level), 1e-6)
    cosine = level @ support.level.T / norm[:, None] / support.norm[None, :]
    cosine, row = top_k(
        jnp.where(support.valid[None, :], cosine, -1.0), min(number, support.level.shape[0])
    )
    theirs = support.level[row[:, :, None], heard.column[:, None, :]]
    own = heard.level[:, None]
    smaller = jnp.minimum(theirs, own)
    both = smaller > 0
    common = both.sum(axis=-1)
    apart = jnp.where(both, theirs - own, 0.0)
    gain = apart.sum(axis=-1) / jnp.maximum(common, 1)
    squares = jnp.square(apart).sum(axis=-1) / jnp.maximum(common, 1)
    totals = [
        (level**e).sum(axis=1)[:, None] + support.mass[row, i] for i, e in enumerate(EXPONENTS)
    ]
    shared = [(smaller**e).sum(axis=-1) for e in EXPONENTS]
    # Once more on the strongest alone: where most is heard, the weak readings are the noisy ones.
    strongest = smaller[..., :num_strongest].sum(axis=-1)
    distances = [_sorensen(*pair) for pair in zip(shared, totals, strict=True)]
    distances.append(_sorensen(strongest, totals[EXPONENTS.index(1)]))
    found = _Candidates(
        row=row,
        # A row that only fills the support up comes last.
        nearness=jnp.where(cosine < 0, 2.0, distances[0]),
        distances=tuple(distances),
        cosine=cosine,
        gain=gain,
        deviation=safe_sqrt(squares - jnp.square(gain)),
        common=common / jnp.maximum((heard.level > 0).sum(axis=1), 1)[:, None],
    )
    order = jnp.argsort(found.nearness, axis=1)
    return jax.tree.map(lambda leaf: jnp.take_along_axis(leaf, order, axis=1), found)


def _sorensen(shared: jax.Array, total: jax.Array) -> jax.Array:
    return 1 - 2 * shared / jnp.where(total > 0, total, 1.0)


def _places(
    candidates: _Candidates, frame: _Frame, support: Support, number: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Features float[B, M, 14], positions and validity of the nearest different places."""
    num_candidates = candidates.row.shape[1]
    number = min(number, num_candidates)
    present = candidates.cosine >= 0
    place = support.place[candidates.row]
    same = (place[:, :, None] == place[:, None, :]) & present[:, None, :]
    earlier = jnp.tril(jnp.ones((num_candidates, num_candidates), bool), -1)
    first = present & ~(same & earlier[None]).any(axis=-1)
    votes = same.sum(axis=-1)
    rank = jnp.where(first, jnp.arange(num_candidates)[None, :], num_candidates)
    chosen = top_k(-rank.astype(jnp.float32), number)[1]
    take = lambda array: jnp.take_along_axis(array, chosen, axis=1)  # noqa: E731
    near = jax.tree.map(take, candidates)
    valid = take(first)
    position = jnp.where(valid[..., None], support.position[near.row], frame.anchor[:, None])
    features = [
        *frame.locate(position),
        *near.distances,
        5 * (near.nearness - near.nearness[:, :1]),
        near.cosine,
        10 * near.gain,
        10 * near.deviation,
        near.common,
        0.3 * jnp.log(jnp.maximum(take(votes), 1)),
        jnp.broadcast_to(jnp.arange(number) / number, valid.shape),
    ]
    return jnp.where(valid[..., None], jnp.stack(features, axis=-1), 0.0), position, valid


def _query(level: jax.Array, frame: _Frame, support: Support, candidates: _Candidates) -> jax.Array:
    """Features float[B, 7] of the fingerprint, the density of the support among them."""
    number = (level > 0).sum(axis=1)
    radius = jnp.where(support.radius > 0, support.radius, 1.0)
    spacing = radius / jnp.sqrt(jnp.maximum(support.number, 1.0))
    features = [
        0.3 * jnp.log1p(number),
        3 * level.max(axis=1),
        10 * level.sum(axis=1) / jnp.maximum(number, 1),
        candidates.distances[0][:, 0],
        jnp.log(frame.scale / radius),
        jnp.log(spacing / frame.scale),
        jnp.broadcast_to(0.1 * jnp.log1p(support.number), frame.scale.shape),
    ]
    return jnp.stack(features, axis=-1)
