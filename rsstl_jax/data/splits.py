"""Choosing fingerprints of a part: a validation part at other positions, a smaller target."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.config.rules import is_number
from rsstl_jax.data.site import Fingerprints
from rsstl_jax.errors import DataError


def grouped_validation_split(
    part: Fingerprints, *, fraction: float, seed: int
) -> tuple[Fingerprints, Fingerprints]:
    """Splits a part by position: no position has fingerprints on both sides.

    A random split of UTSIndoorLoc reports an error of 0.3 m where new positions give 8.7 m, because
    many fingerprints were taken at each position.

    Args:
        part: the train part.
        fraction: fraction of the positions (different x, y, floor and building) that is held out,
            above 0 and below 1; at least one position stays on either side.
        seed: chooses the positions.

    Returns:
        (Fingerprints, Fingerprints). What remains, and what is held out as part 'validation'; both
        in the order of `part`.

    Raises:
        ValueError: the fraction is outside its range, or the seed no whole number of at least 0.
        DataError: all fingerprints were taken at one position.

    Example:
        >>> from rsstl_jax.data import make_synthetic_site
        >>> part = make_synthetic_site("synthetic-office").train
        >>> train, validation = grouped_validation_split(part, fraction=0.2, seed=0)
        >>> len(train), len(validation), validation.part
        (480, 120, 'validation')
        >>> set(map(tuple, train.position_m)) & set(map(tuple, validation.position_m))
        set()
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction is {fraction}; it must be above 0 and below 1")
    number = position_numbers(part)
    num_positions = int(number.max()) + 1
    if num_positions < 2:
        raise DataError(f"{part.dataset} {part.part}: one position only, which cannot be split")
    num_held = min(max(round(fraction * num_positions), 1), num_positions - 1)
    held = np.isin(number, _rng(seed).permutation(num_positions)[:num_held])
    validation = replace(part.take(np.flatnonzero(held)), part="validation")
    return part.take(np.flatnonzero(~held)), validation


def target_fraction(part: Fingerprints, *, fraction: float, seed: int) -> Fingerprints:
    """A random fraction of a part, as if fewer fingerprints had been taken.

    It has floor(fraction * n) fingerprints, at least one: 199 and 1993 of UJI's 19,937 at 1 % and
    10 %, 910 of UTS's 9,108 and 69 of Tampere's 697 at 10 %, the published counts. With one seed a
    smaller fraction lies within a larger one.

    Args:
        part: the train part, n fingerprints.
        fraction: above 0 and up to 1; 1 gives all of them.
        seed: chooses the fingerprints.

    Returns:
        Fingerprints. Those chosen, in the order of `part`.

    Raises:
        ValueError: the fraction is outside its range, or the seed no whole number of at least 0.

    Example:
        >>> from rsstl_jax.data import make_synthetic_site
        >>> part = make_synthetic_site("synthetic-office").train
        >>> len(part), len(target_fraction(part, fraction=0.1, seed=0))
        (600, 60)
    """
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


def _rng(seed: int) -> np.random.Generator:
    # NumPy would take None for a seed that is another one at each call.
    if not is_number(seed) or seed != int(seed) or seed < 0:
        raise ValueError(f"seed is {seed!r}; it must be a whole number of at least 0")
    return np.random.default_rng(int(seed))


def _cut(
    part: Fingerprints, fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that are kept, and the others."""
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; it must be above 0 and up to 1")
    # 0.29 * 100 is 28.999999999999996
    num_kept = max(math.floor(fraction * len(part) + 1e-9), 1)
    order = _rng(seed).permutation(len(part))
    return order[:num_kept], order[num_kept:]


def position_numbers(part: Fingerprints) -> NDArray[np.int64]:
    """int64[n]. Equal numbers, from 0, for fingerprints of one position, floor and building."""
    labels = [label for label in (part.floor, part.building) if label is not None]
    columns = np.column_stack([part.position_m, *labels])
    return np.unique(columns, axis=0, return_inverse=True)[1].reshape(-1)
