"""A site's own fingerprints as what a network with a support is trained and used with."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rsstl_jax._cpu import top_k
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
    """The fingerprints of a site with known places.

    Args:
        level: float[R, A]. Readings in the linear encoding; 0 where undetected.
        position: float[R, 2]. Places, from the site's origin, in units of its scale.
        place: int[R]. Equal numbers for fingerprints of one place.

    Example:
        >>> Survey(jnp.eye(3), jnp.ones((3, 2)), jnp.arange(3)).level.shape
        (3, 3)
    """

    level: jax.Array
    position: jax.Array
    place: jax.Array


def place_numbers(part: Fingerprints) -> np.ndarray:
    """The number of each fingerprint's place in the plane.

    Args:
        part: fingerprints.

    Returns:
        int32[n]. Equal for equal positions, whatever the floor: a place found is a place.

    Example:
        >>> from rsstl_jax import load_site
        >>> int(place_numbers(load_site("synthetic-office").train).max())
        199
    """
    place = np.unique(part.position_m, axis=0, return_inverse=True)[1]
    return place.reshape(-1).astype(np.int32)


def deal_folds(place: np.ndarray) -> np.ndarray:
    """Deals the places of a part into ten folds, or into as many as there are places.

    What is located with the other folds as support has nothing of its own place among them.

    Args:
        place: int[n]. From `place_numbers`.

    Returns:
        int[n]. The fold of each fingerprint; always the same for the same places.

    Example:
        >>> deal_folds(np.array([0, 0, 1])).tolist()
        [0, 0, 1]
    """
    num_places = int(place.max()) + 1
    return np.random.default_rng(0).permutation(num_places)[place] % min(NUM_FOLDS, num_places)


def make_survey(train: Fingerprints, preprocessor: Preprocessor) -> Survey:
    """A train part as a survey.

    Args:
        train: the site's train part.
        preprocessor: fitted on it, of the linear encoding.

    Returns:
        Survey.

    Raises:
        ValueError: if the encoding is not linear.

    Example:
        >>> from rsstl_jax import load_site
        >>> from rsstl_jax.data import fit_preprocessor
        >>> train = load_site("synthetic-office").train
        >>> make_survey(train, fit_preprocessor(train, encoding="linear")).place.shape
        (600,)
    """
    if preprocessor.encoding != "linear":
        raise ValueError(f"encoding is {preprocessor.encoding!r}; a survey needs 'linear'")
    return Survey(
        preprocessor.encode(train.rss_dbm),
        jnp.asarray(preprocessor.center(train.position_m) / preprocessor.scale_m),
        jnp.asarray(place_numbers(train)),
    )


def survey_shapes(num_rows: int, num_access_points: int) -> Survey:
    """Shapes and dtypes of a survey of so many fingerprints.

    Args:
        num_rows: fingerprints.
        num_access_points: access points.

    Returns:
        Survey of jax.ShapeDtypeStruct.

    Example:
        >>> survey_shapes(600, 60).position.shape
        (600, 2)
    """
    return jax.eval_shape(
        lambda: Survey(
            jnp.zeros((num_rows, num_access_points)),
            jnp.zeros((num_rows, 2)),
            jnp.zeros(num_rows, jnp.int32),
        )
    )


def count_places(survey: Survey) -> int:
    """How many places a survey has.

    Args:
        survey: of the site.

    Returns:
        Number of different places.

    Example:
        >>> count_places(Survey(jnp.eye(4), jnp.ones((4, 2)), jnp.array([0, 0, 1, 2])))
        3
    """
    return len(np.unique(np.asarray(survey.place)))


def whole_support(survey: Survey) -> Support:
    """All of a survey as support: what a network is used with.

    Args:
        survey: of the site.

    Returns:
        Support.

    Example:
        >>> float(whole_support(Survey(jnp.eye(3), jnp.ones((3, 2)), jnp.arange(3))).number)
        3.0
    """
    return jax.jit(make_support)(*survey)


def at_places(place: jax.Array, asked: jax.Array) -> jax.Array:
    """Which fingerprints were taken at the place of one of the asked ones.

    Args:
        place: int[R]. From `place_numbers`.
        asked: int[B]. Rows that are asked about.

    Returns:
        bool[R].

    Example:
        >>> at_places(jnp.array([0, 0, 1, 2]), jnp.array([1, 3])).tolist()
        [True, True, False, True]
    """
    # A place has at most as high a number as there are rows.
    return jnp.zeros(len(place), bool).at[place[asked]].set(True)[place]


def draw_support(key: jax.Array, survey: Survey, asked: jax.Array) -> Support:
    """A support to train with: drawn from the survey, no row at the place of an asked one.

    Otherwise the network would learn to copy the neighbour at the very same place.

    Args:
        key: typed key of `jax.random.key`.
        survey: of the site.
        asked: int[B]. Rows of the survey that will be located.

    Returns:
        Support of 512 to 2048 fingerprints, log-uniform, or what there is.

    Example:
        >>> survey = Survey(jnp.eye(4), jnp.ones((4, 2)), jnp.array([0, 0, 1, 2]))
        >>> support = draw_support(jax.random.key(0), survey, jnp.array([0, 2]))
        >>> float(support.number), support.place[support.valid].tolist()
        (1.0, [2])
    """
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
