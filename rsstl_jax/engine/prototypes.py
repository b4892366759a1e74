"""Mean fingerprints of a site's positions: what floor, building and radius are read off."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jax.typing import ArrayLike
from numpy.typing import NDArray

from rsstl_jax._numerics import top_k, unit_vectors
from rsstl_jax.data import Fingerprints, Preprocessor, encode_rss
from rsstl_jax.engine.floor_head import detection_odds, label_scores, train_head
from rsstl_jax.errors import DamagedError
from rsstl_jax.store.arrays import read_arrays, write_arrays
from rsstl_jax.types import Params

NUM_NEAREST, LEVEL_POWER, WEIGHT_POWER = 10, 1.5, 16
VOTE_POWER, LEAST_VOTE = 1.0, 0.02
"""Chosen on parts of train with positions, and on UJI also phones, held out."""

NO_LABEL = -(2**31)
"""Stands for a floor or building that a site does not name."""


_log = logging.getLogger(__name__)


class Prototypes(NamedTuple):
    """The labelled positions of a site, each with the mean of its fingerprints."""

    level: jax.Array  # float[P, A]: mean level in the linear encoding, 0...1
    position_m: jax.Array  # float[P, 2]: from the preprocessor's origin
    label: jax.Array  # int[P]: row of `labels`
    labels: jax.Array  # int[C, 2]: the site's different (building, floor), in order
    head: Params | None = None  # of `label_scores`: an earlier version trained none


class Nearest(NamedTuple):
    """The prototypes nearest to each fingerprint."""

    row: jax.Array  # int[n, K]
    similarity: jax.Array  # float[n, K]: cosine of the powed levels, largest first
    weight: jax.Array  # float[n, K]: sums to 1


def linear_level(preprocessor: Preprocessor, rss_dbm: ArrayLike) -> jax.Array:
    """Levels in the linear encoding, whatever encoding the network reads."""
    return encode_rss(rss_dbm, floor_dbm=preprocessor.floor_dbm)


class PositionGroups(NamedTuple):
    """The fingerprints of a part by position, building and floor."""

    labels: NDArray[np.int64]  # int[C, 2]: different (building, floor), in order
    label: NDArray[np.int64]  # int[P]: row of `labels`
    first: NDArray[np.int64]  # int[P]: the group's first fingerprint
    group: NDArray[np.int64]  # int[n]: each fingerprint's group


def group_by_position(part: Fingerprints) -> PositionGroups:
    column = lambda values: np.full(len(part), NO_LABEL) if values is None else values  # noqa: E731
    label_rows = np.column_stack([column(part.building), column(part.floor)]).astype(np.int64)
    labels, label = np.unique(label_rows, axis=0, return_inverse=True)
    keys = np.column_stack([part.position_m, label.reshape(-1)])
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return PositionGroups(labels, label.reshape(-1)[first], first, group.reshape(-1))


def make_prototypes(
    part: Fingerprints, preprocessor: Preprocessor, saved: Prototypes | None = None
) -> Prototypes:
    """A prototype for each position, building and floor of a part; those saved, if equal."""
    groups = group_by_position(part)
    level = np.asarray(linear_level(preprocessor, part.rss_dbm))
    sums = np.zeros((len(groups.first), level.shape[1]))
    np.add.at(sums, groups.group, level)
    made = Prototypes(
        jnp.asarray(sums / np.bincount(groups.group)[:, None], jnp.float32),
        jnp.asarray(preprocessor.center(part.position_m[groups.first])),
        jnp.asarray(groups.label, jnp.int32),
        jnp.asarray(groups.labels, jnp.int32),
    )
    if saved is not None and saved.head is not None:
        pairs = zip(made[:-1], saved[:-1], strict=True)
        if all(np.array_equal(one, other) for one, other in pairs):
            return saved
    label = groups.label[groups.group]
    _log.info("learning the floors of %s", part.dataset)
    head = train_head(part, label, len(groups.labels), preprocessor)
    if head is not None:
        odds = detection_odds(made.level, made.label, len(groups.labels))
        head = {**head, "detection": odds}
    return made._replace(head=head)


@jax.jit
def level_direction(level: jax.Array) -> jax.Array:
    """Levels, float[n, A] in the linear encoding, as what cosines are taken of."""
    return unit_vectors(level**LEVEL_POWER)


def find_nearest(
    prototypes: Prototypes, level: jax.Array, direction: jax.Array | None = None
) -> Nearest:
    """The prototypes that resemble each fingerprint; their directions, where they are at hand."""
    theirs = level_direction(prototypes.level) if direction is None else direction
    number = min(NUM_NEAREST, prototypes.level.shape[0])
    similarity, row = top_k(level_direction(level) @ theirs.T, number)
    weight = jnp.maximum(similarity, 1e-2) ** WEIGHT_POWER
    return Nearest(row, similarity, weight / weight.sum(axis=1, keepdims=True))


def vote(prototypes: Prototypes, nearest: Nearest, level: jax.Array) -> jax.Array:
    """int[n]: the likeliest label within the likeliest building."""
    num_labels = prototypes.labels.shape[0]
    weight = jnp.einsum(
        "nk,nkc->nc",
        nearest.weight,
        jax.nn.one_hot(prototypes.label[nearest.row], num_labels, dtype=nearest.weight.dtype),
    )
    if prototypes.head is not None:
        of_votes = VOTE_POWER * jnp.log(weight + LEAST_VOTE)
        weight = jax.nn.softmax(of_votes + label_scores(prototypes.head, level, num_labels))
    building = prototypes.labels[:, 0]
    same = (building[:, None] == building[None, :]).astype(weight.dtype)
    of_building = weight @ same
    chosen = of_building >= of_building.max(axis=1, keepdims=True) * (1 - 1e-5)
    return jnp.argmax(jnp.where(chosen, weight, -1.0), axis=1).astype(jnp.int32)


def write_prototypes(file: str | Path, prototypes: Prototypes) -> None:
    """Writes prototypes as a compressed NumPy file."""
    tree = {name: leaf for name, leaf in prototypes._asdict().items() if leaf is not None}
    write_arrays(file, flatten_dict(jax.device_get(tree), sep="/"))


def read_prototypes(file: str | Path, num_access_points: int) -> Prototypes:
    """Reads what `write_prototypes` wrote, and checks that its arrays fit each other."""
    arrays: dict[str, Any] = read_arrays(file, *Prototypes._fields[:-1])
    prototypes = Prototypes(**{name: arrays[name] for name in Prototypes._fields[:-1]})
    num, num_labels = len(prototypes.label), len(prototypes.labels)
    shapes: Mapping[str, tuple[int, ...]] = {
        "level": (num, num_access_points),
        "position_m": (num, 2),
        "label": (num,),
        "labels": (num_labels, 2),
    }
    for name, shape in shapes.items():
        array = getattr(prototypes, name)
        if array.shape != shape or 0 in shape:
            raise DamagedError(f"{file}: {name} has shape {array.shape}; {shape} is expected")
    head = unflatten_dict(arrays, sep="/").get("head")
    return jax.tree.map(jnp.asarray, prototypes._replace(head=head))
