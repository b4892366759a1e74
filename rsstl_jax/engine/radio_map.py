"""A site's labelled fingerprints as what a network with a support is trained and used with."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rsstl_jax._numerics import top_k
from rsstl_jax.data import Fingerprints, Preprocessor
from rsstl_jax.models.site_agnostic.support import Support, make_support

MIN_SUPPORT, MAX_SUPPORT = 512, 2048
"""Fingerprints of a support in training; sizes are log-uniform."""

NUM_FOLDS = 10


class RadioMap(NamedTuple):
    """The labelled fingerprints of a site; saved students hold its fields by these names."""

    level: jax.Array  # float[R, A]: readings in the linear encoding
    position: jax.Array  # float[R, 2]: from the site's origin, in units of its scale
    place: jax.Array  # int[R]: equal numbers for fingerprints of one position


def position_ids(part: Fingerprints) -> np.ndarray:
    """int32[n]: equal numbers for fingerprints of one position in the plane."""
    ids = np.unique(part.position_m, axis=0, return_inverse=True)[1]
    return ids.reshape(-1).astype(np.int32)


def deal_folds(ids: np.ndarray) -> np.ndarray:
    """The fold of each fingerprint: positions are dealt into ten, or as many as there are."""
    num_positions = int(ids.max()) + 1
    return np.random.default_rng(0).permutation(num_positions)[ids] % min(NUM_FOLDS, num_positions)


def make_radio_map(train: Fingerprints, preprocessor: Preprocessor) -> RadioMap:
    """A training set as a radio map, by a preprocessor of the linear encoding."""
    return RadioMap(
        preprocessor.encode(train.rss_dbm),
        jnp.asarray(preprocessor.center(train.position_m) / preprocessor.scale_m),
        jnp.asarray(position_ids(train)),
    )


def radio_map_shapes(num_rows: int, num_access_points: int) -> RadioMap:
    """Shapes and dtypes of a radio map of so many fingerprints."""
    shape: Any = jax.ShapeDtypeStruct
    return RadioMap(
        shape((num_rows, num_access_points), jnp.float32),
        shape((num_rows, 2), jnp.float32),
        shape((num_rows,), jnp.int32),
    )


def full_support(radio_map: RadioMap) -> Support:
    """All of a radio map as support: what a network is used with."""
    return jax.jit(make_support)(*radio_map)


def at_same_position(ids: jax.Array, rows: jax.Array) -> jax.Array:
    """bool[R]: which fingerprints were taken at the position of one of these rows."""
    # No number is higher than there are fingerprints.
    return jnp.zeros(len(ids), bool).at[ids[rows]].set(True)[ids]


def draw_support(key: jax.Array, radio_map: RadioMap, queries: jax.Array) -> Support:
    """A random support to train with, without the positions of the queries, which are rows."""
    order_key, size_key = jax.random.split(key)
    number = len(radio_map.place)
    drawn = jax.random.uniform(order_key, (number,), jnp.float32)
    order = jnp.where(at_same_position(radio_map.place, queries), -1.0, drawn)
    rank, rows = top_k(order, min(MAX_SUPPORT, number))
    ratio = MAX_SUPPORT / MIN_SUPPORT
    size = MIN_SUPPORT * jnp.exp(jax.random.uniform(size_key, (), jnp.float32) * math.log(ratio))
    valid = (rank >= 0) & (jnp.arange(len(rank), dtype=jnp.float32) < size)
    level, position, ids = (leaf[rows] for leaf in radio_map)
    return make_support(level, position, ids, valid)
