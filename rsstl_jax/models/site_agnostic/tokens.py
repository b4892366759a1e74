"""A fingerprint as a set of tokens: its access points, and positions of similar fingerprints."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rsstl_jax._numerics import safe_norm, safe_sqrt, top_k
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.models.site_agnostic.support import EXPONENTS, POWER, Support

NUM_CANDIDATES = 64
"""Support fingerprints that are compared closely with a fingerprint."""

NUM_RETRIEVED = 10
"""The most similar candidates, whose mean position is retrieved."""

NUM_COMPARED = 64
"""Strongest access points on which they are compared; distances are exact where there are fewer."""


class Tokens(NamedTuple):
    """What a site-agnostic network sees of a fingerprint; no length depends on the plan's unit."""

    query: jax.Array  # float[B, 1, 7]: Of the fingerprint as a whole
    access_points: jax.Array  # float[B, K, 9]: Of its strongest access points
    neighbours: jax.Array  # float[B, M, 14]: Of the positions of its nearest support fingerprints
    # float[B, 1 + K + M, 2]: Anchor, centroids and positions, in the support's unit
    position: jax.Array
    valid: jax.Array  # bool[B, 1 + K + M]: Which tokens there are
    scale: jax.Array  # float[B]: The local unit of length, in the support's unit
    inverse_temperature: jax.Array  # float scalar
    retrieved: jax.Array  # float[B, 2]: Mean position of the most similar support fingerprints
    retrieval: jax.Array  # float scalar


class _Detected(NamedTuple):
    """The strongest known access points of each fingerprint; level 0 where there are fewer."""

    column: jax.Array
    level: jax.Array


class _Frame(NamedTuple):
    """Origin and unit of length around each fingerprint."""

    anchor: jax.Array
    scale: jax.Array

    def locate(self, position: jax.Array) -> list[jax.Array]:
        """Positions float[B, T, 2] as features: from the anchor, in local units, and how far."""
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


def make_tokens(level: jax.Array, support: Support, settings: AgnosticSettings) -> Tokens:
    """Tokens of a batch of fingerprints at a site."""
    level = jnp.where(support.num_detections[None, :] > 0, level, 0.0)
    num_strongest = settings.num_access_points
    compared = max(NUM_COMPARED, num_strongest)
    strongest, column = top_k(level, min(compared, level.shape[1]))
    detected = _Detected(column, strongest)
    candidates = _find_candidates(level, detected, support, num_strongest)
    detected = jax.tree.map(lambda leaf: leaf[:, :num_strongest], detected)
    frame = _local_frame(detected, support)
    points, centroid = _access_points(detected, frame, support)
    number = settings.num_neighbours
    neighbours, position, valid = _neighbours(candidates, frame, support, number)
    query = _query(level, frame, support, candidates)
    first = jnp.ones_like(valid[:, :1])
    return Tokens(
        query[:, None],
        points,
        neighbours,
        jnp.concatenate([frame.anchor[:, None], centroid, position], axis=1),
        jnp.concatenate([first, detected.level > 0, valid], axis=1),
        frame.scale,
        support.inverse_temperature,
        _retrieve(candidates, frame, support),
        support.retrieval,
    )


def _local_frame(detected: _Detected, support: Support) -> _Frame:
    weight = detected.level**POWER
    total = weight.sum(axis=1, keepdims=True)
    share = weight / jnp.where(total > 0, total, 1.0)
    centroid = support.centroid[detected.column]
    anchor = jnp.where(
        total > 0, jnp.einsum("bk,bkd->bd", share, centroid), support.center[None, :]
    )
    apart = jnp.square(centroid - anchor[:, None]).sum(axis=-1)
    reach = (share * (jnp.square(support.spread[detected.column]) + apart)).sum(axis=1)
    radius = jnp.where(support.radius > 0, support.radius, 1.0)
    scale = jnp.where(total[:, 0] > 0, safe_sqrt(reach), radius)
    return _Frame(anchor, jnp.maximum(scale, 1e-3 * radius))


def _access_points(
    detected: _Detected, frame: _Frame, support: Support
) -> tuple[jax.Array, jax.Array]:
    """Features float[B, K, 9] and centroids of the access points."""
    position = support.centroid[detected.column]
    num_detections = support.num_detections[detected.column]
    features = [
        *frame.locate(position),
        3 * detected.level,
        3 * (detected.level - support.maximum[detected.column]),
        3 * (detected.level - detected.level[:, :1]),
        support.spread[detected.column] / frame.scale[:, None],
        0.3 * jnp.log1p(num_detections),
        num_detections / jnp.maximum(support.number, 1.0),
    ]
    return jnp.stack(features, axis=-1), position


def _find_candidates(
    level: jax.Array, detected: _Detected, support: Support, num_strongest: int
) -> _Candidates:
    norm = jnp.maximum(safe_norm(level), 1e-6)
    cosine = level @ support.level.T / norm[:, None] / support.norm[None, :]
    cosine, row = top_k(
        jnp.where(support.valid[None, :], cosine, -1.0), min(NUM_CANDIDATES, support.level.shape[0])
    )
    theirs = support.level[row[:, :, None], detected.column[:, None, :]]
    levels = detected.level[:, None]
    smaller = jnp.minimum(theirs, levels)
    both = smaller > 0
    common = both.sum(axis=-1).astype(level.dtype)
    apart = jnp.where(both, theirs - levels, 0.0)
    gain = apart.sum(axis=-1) / jnp.maximum(common, 1)
    squares = jnp.square(apart).sum(axis=-1) / jnp.maximum(common, 1)
    totals = [
        (level**e).sum(axis=1)[:, None] + support.mass[row, i] for i, e in enumerate(EXPONENTS)
    ]
    shared = [(smaller**e).sum(axis=-1) for e in EXPONENTS]
    num_detected = (detected.level > 0).sum(axis=1).astype(level.dtype)
    # Once more on the strongest alone: of many detected ones, the weak are the noisy ones.
    strongest = smaller[..., :num_strongest].sum(axis=-1)
    distances = [_sorensen(*pair) for pair in zip(shared, totals, strict=True)]
    distances.append(_sorensen(strongest, totals[EXPONENTS.index(1)]))
    candidates = _Candidates(
        row=row,
        # A row that only fills the support up comes last.
        nearness=jnp.where(cosine < 0, 2.0, distances[0]),
        distances=tuple(distances),
        cosine=cosine,
        gain=gain,
        deviation=safe_sqrt(squares - jnp.square(gain)),
        common=common / jnp.maximum(num_detected, 1)[:, None],
    )
    order = jnp.argsort(candidates.nearness, axis=1)
    return jax.tree.map(lambda leaf: jnp.take_along_axis(leaf, order, axis=1), candidates)


def _retrieve(candidates: _Candidates, frame: _Frame, support: Support) -> jax.Array:
    """Mean position of the most similar candidates; the anchor where nothing is in common."""
    similarity = jnp.maximum(1 - candidates.nearness[:, :NUM_RETRIEVED], 0.0)
    # Of the highest, so that no power makes all of them 0.
    highest = similarity[:, :1]
    weight = (similarity / jnp.where(highest > 0, highest, 1.0)) ** support.retrieval_power
    total = weight.sum(axis=1, keepdims=True)
    position = support.position[candidates.row[:, :NUM_RETRIEVED]]
    mean = jnp.einsum("bc,bcd->bd", weight, position) / jnp.where(total > 0, total, 1.0)
    return jnp.where(total > 0, mean, frame.anchor)


def _sorensen(shared: jax.Array, total: jax.Array) -> jax.Array:
    return 1 - 2 * shared / jnp.where(total > 0, total, 1.0)


def _neighbours(
    candidates: _Candidates, frame: _Frame, support: Support, number: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Features float[B, M, 14], positions and validity of the nearest different positions."""
    num_candidates = candidates.row.shape[1]
    number = min(number, num_candidates)
    present = candidates.cosine >= 0
    ids = support.position_id[candidates.row]
    same = (ids[:, :, None] == ids[:, None, :]) & present[:, None, :]
    earlier = jnp.tril(jnp.ones((num_candidates, num_candidates), bool), -1)
    first = present & ~(same & earlier[None]).any(axis=-1)
    votes = same.sum(axis=-1).astype(candidates.nearness.dtype)
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
        jnp.broadcast_to(jnp.arange(number, dtype=votes.dtype) / number, valid.shape),
    ]
    return jnp.where(valid[..., None], jnp.stack(features, axis=-1), 0.0), position, valid


def _query(level: jax.Array, frame: _Frame, support: Support, candidates: _Candidates) -> jax.Array:
    """Features float[B, 7] of the fingerprint, the density of the support among them."""
    number = (level > 0).sum(axis=1).astype(level.dtype)
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
