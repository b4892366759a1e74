"""Choosing fingerprints of a part: a validation part at other positions, a smaller target."""

import math
import operator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.data.site import Fingerprints
from rsstl_jax.errors import DataError


def grouped_validation_split(
    part: Fingerprints, *, fraction: float, seed: int
) -> tuple[Fingerprints, Fingerprints]:
    """(what remains, part 'validation'): no position, floor or building has fingerprints in both.

    A random split of UTSIndoorLoc reports an error of 0.3 m where new positions give 8.7 m.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction is {fraction}; it must be above 0 and below 1")
    number = position_numbers(part)
    num_positions = int(number.max()) + 1
    if num_positions < 2:
        raise DataError(f"{part.dataset} {part.part}: one position only, which cannot be split")
    num_held = min(max(round(fraction * num_positions), 1), num_positions - 1)
    held = np.isin(number, _order(num_positions, seed)[:num_held])
    validation = replace(part.take(np.flatnonzero(held)), part="validation")
    return part.take(np.flatnonzero(~held)), validation


def target_fraction(part: Fingerprints, *, fraction: float, seed: int) -> Fingerprints:
    """floor(fraction * n) random fingerprints, at least 1; fractions of one seed are nested."""
    return part.take(np.sort(_cut(part, fraction, seed)[0]))


def target_rest(part: Fingerprints, *, fraction: float, seed: int) -> Fingerprints:
    """The fingerprints that `target_fraction` leaves; their positions count as unknown."""
    rest = _cut(part, fraction, seed)[1]
    if not len(rest):
        raise DataError(
            f"{part.dataset} {part.part}: a fraction of {fraction} leaves none of {len(part)} "
            "fingerprints"
        )
    return part.take(np.sort(rest))


def spread_evenly(part: Fingerprints, most: int | None) -> Fingerprints:
    """At most so many fingerprints, spread evenly over a part."""
    if most is None or most >= len(part):
        return part
    return part.take(np.linspace(0, len(part) - 1, most, dtype=int))


def _cut(
    part: Fingerprints, fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that are kept, and the others."""
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; it must be above 0 and up to 1")
    # 0.29 * 100 is 28.999999999999996
    num_kept = max(math.floor(fraction * len(part) + 1e-9), 1)
    order = _order(len(part), seed)
    return order[:num_kept], order[num_kept:]


def _order(number: int, seed: int) -> NDArray[np.int64]:
    """The order that a seed stands for."""
    # NumPy takes None for a seed, and draws another order every time.
    return np.random.default_rng(operator.index(seed)).permutation(number)


def position_numbers(part: Fingerprints) -> NDArray[np.int64]:
    """int64[n]. Equal numbers, from 0, for fingerprints of one position, floor and building."""
    labels = [label for label in (part.floor, part.building) if label is not None]
    columns = np.column_stack([part.position_m, *labels])
    return np.unique(columns, axis=0, return_inverse=True)[1].reshape(-1)
