"""A site's own fingerprints as what a network with a support is trained and used with."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rsstl_jax._numerics import top_k
from rsstl_jax.data import Fingerprints, Preprocessor
from rsstl_jax.models import Support, make_support

__all__ = [
    "Survey",
    "at_places",
    "count_places",
    "deal_folds",
    "draw_support",
    "make_survey",
    "place_numbers",
    "survey_shapes",
    "whole_support",
]

MIN_SUPPORT, MAX_SUPPORT = 512, 2048
"""Fingerprints of a support in training; sizes are log-uniform."""


NUM_FOLDS = 10


class Survey(NamedTuple):
    """The fingerprints of a site with known places."""

    level: jax.Array  # float[R, A]: Readings in the linear encoding
    position: jax.Array  # float[R, 2]: Places, from the site's origin, in units of its scale
    place: jax.Array  # int[R]: Equal numbers for fingerprints of one place


def place_numbers(part: Fingerprints) -> np.ndarray:
    """The number of each fingerprint's place in the plane."""
    place = np.unique(part.position_m, axis=0, return_inverse=True)[1]
    return place.reshape(-1).astype(np.int32)


def deal_folds(place: np.ndarray) -> np.ndarray:
    """Deals the places of a part into ten folds, or into as many as there are places."""
    num_places = int(place.max()) + 1
    return np.random.default_rng(0).permutation(num_places)[place] % min(NUM_FOLDS, num_places)


def make_survey(train: Fingerprints, preprocessor: Preprocessor) -> Survey:
    """A train part as a survey."""
    if preprocessor.encoding != "linear":
        raise ValueError(f"encoding is {preprocessor.encoding!r}; a survey needs 'linear'")
    return Survey(
        preprocessor.encode(train.rss_dbm),
        jnp.asarray(preprocessor.center(train.position_m) / preprocessor.scale_m),
        jnp.asarray(place_numbers(train)),
    )


def survey_shapes(num_rows: int, num_access_points: int) -> Survey:
    """Shapes and dtypes of a survey of so many fingerprints."""
    return jax.eval_shape(
        lambda: Survey(
            jnp.zeros((num_rows, num_access_points)),
            jnp.zeros((num_rows, 2)),
            jnp.zeros(num_rows, jnp.int32),
        )
    )


def count_places(survey: Survey) -> int:
    """How many places a survey has."""
    return len(np.unique(np.asarray(survey.place)))


def whole_support(survey: Survey) -> Support:
    """All of a survey as support: what a network is used with."""
    return jax.jit(make_support)(*survey)


def at_places(place: jax.Array, asked: jax.Array) -> jax.Array:
    """Which fingerprints were taken at the place of one of the asked ones."""
    # A place has at most as high a number as there are rows.
    return jnp.zeros(len(place), bool).at[place[asked]].set(True)[place]


def draw_support(key: jax.Array, survey: Survey, asked: jax.Array) -> Support:
    """A support to train with: drawn from the survey, no row at the place of an asked one."""
    order_key, size_key = jax.random.split(key)
    number = len(survey.place)
    order = jnp.where(
        at_places(survey.place, asked), -1.0, jax.random.uniform(order_key, (number,))
    )
    rank, rows = top_k(order, min(MAX_SUPPORT, number))
    ratio = MAX_SUPPORT / MIN_SUPPORT
    size = MIN_SUPPORT * jnp.exp(jax.random.uniform(size_key) * math.log(ratio))
    valid = (rank >= 0) & (jnp.arange(len(rank)) < size)
    level, position, place = (leaf[rows] for leaf in survey)
    return make_support(level, position, place, valid)
