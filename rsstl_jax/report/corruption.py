"""Test fingerprints as a changed site or another phone would give them; undetected is NaN."""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.data.site import MAX_DBM, Fingerprints

Readings = NDArray[np.float32]
"""float32[n, A], dBm."""


def lose_access_points(rss_dbm: Readings, fraction: float, rng: np.random.Generator) -> Readings:
    """A fraction of the access points that some scan detects is detected by none."""
    changed = rss_dbm.copy()
    changed[:, _choose(rss_dbm, fraction, rng)] = np.nan
    return changed


def exchange_access_points(
    rss_dbm: Readings, fraction: float, rng: np.random.Generator
) -> Readings:
    """A fraction of the detected access points has moved: each has the levels of another one."""
    changed, chosen = rss_dbm.copy(), _choose(rss_dbm, fraction, rng)
    changed[:, chosen] = rss_dbm[:, np.roll(chosen, 1)]
    return changed


def _choose(rss_dbm: Readings, fraction: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Columns of the nearest whole number of detected access points; more contain fewer."""
    detected = np.flatnonzero(~np.isnan(rss_dbm).all(axis=0))
    return rng.permutation(detected)[: math.floor(fraction * len(detected) + 0.5)]


def drop_readings(rss_dbm: Readings, fraction: float, rng: np.random.Generator) -> Readings:
    """Every scan misses a fraction of its readings, rounded down; a larger one contains these."""
    order = np.where(np.isnan(rss_dbm), np.inf, rng.random(rss_dbm.shape))
    count = (~np.isnan(rss_dbm)).sum(axis=1)
    # A tenth of ten is 1, not 0.999...
    number = np.floor(fraction * count + 1e-9)
    return np.where(_rank(order) < number[:, None], np.float32(np.nan), rss_dbm)


def keep_strongest(rss_dbm: Readings, number: float, rng: np.random.Generator) -> Readings:
    """Every scan keeps its `number` strongest readings; of equal ones the first columns."""
    return np.where(_rank(-rss_dbm) < number, rss_dbm, np.float32(np.nan))


def _rank(values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Each value's rank in its row, from 0; NaN has the last."""
    return np.argsort(np.argsort(values, axis=1, kind="stable"), axis=1)


def shift_levels(rss_dbm: Readings, offset_db: float, rng: np.random.Generator) -> Readings:
    """Every level is higher by an offset, within the range that can be detected."""
    return _detectable(rss_dbm, rss_dbm + np.float32(offset_db))


def stretch_levels(rss_dbm: Readings, slope: float, rng: np.random.Generator) -> Readings:
    """Levels are `slope` times as far from their mean, within the range that can be detected."""
    mean_dbm = np.float32(np.nanmean(rss_dbm, dtype=np.float64))
    return _detectable(rss_dbm, rss_dbm + np.float32(slope - 1) * (rss_dbm - mean_dbm))


def _detectable(before_dbm: Readings, after_dbm: Readings) -> Readings:
    """Levels below the weakest reading of before are undetected, those above 0 dBm are 0 dBm."""
    weakest_dbm = np.nanmin(before_dbm)
    kept = np.minimum(after_dbm, np.float32(MAX_DBM))
    return np.where(kept < weakest_dbm, np.float32(np.nan), kept)


@dataclass(frozen=True)
class Axis:
    """One kind of corruption, and how strong it is made."""

    label: str
    corrupt: Callable[[Readings, float, np.random.Generator], Readings]
    strengths: tuple[float, ...]
    none: float  # the one of `strengths` that changes nothing
    random: bool = True  # whether another draw corrupts otherwise

    @property
    def coordinates(self) -> NDArray[np.float64]:
        """Where the strengths lie on the axis: evenly spaced where one is infinite."""
        if np.isfinite(self.strengths).all():
            return np.asarray(self.strengths, np.float64)
        return np.arange(len(self.strengths), dtype=np.float64)

    def mean(self, values: Sequence[float]) -> float:
        """The area under a curve over the length of the axis, by the trapezoidal rule."""
        at = self.coordinates
        return float(np.trapezoid(np.asarray(values, np.float64), at) / np.ptp(at))

    def mean_added(self, values: Sequence[float]) -> float:
        """The mean of what the corruption adds."""
        return self.mean(values) - values[self.strengths.index(self.none)]


_FRACTIONS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)

AXES = {
    "lost": Axis("fraction of access points lost", lose_access_points, _FRACTIONS, 0.0),
    "exchanged": Axis(
        "fraction of access points exchanged", exchange_access_points, _FRACTIONS, 0.0
    ),
    "missing": Axis("fraction of a scan's readings missing", drop_readings, _FRACTIONS, 0.0),
    "strongest": Axis(
        "strongest readings kept", keep_strongest, (math.inf, 16, 8, 5, 3), math.inf, False
    ),
    "offset": Axis("offset of a phone (dB)", shift_levels, (-10, -6, -3, 0, 3, 6, 10), 0, False),
    "slope": Axis(
        "slope of a phone's levels", stretch_levels, (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3), 1, False
    ),
}
"""Every kind of corruption by its name."""


def corrupt(
    part: Fingerprints, axis: str, strength: float, *, draw: int = 0, seed: int = 0
) -> Fingerprints:
    """A part under one corruption; a draw is the same for every strength and locator."""
    kind = AXES[axis]
    rng = np.random.default_rng([seed, draw, zlib.crc32(axis.encode())])
    return replace(part, rss_dbm=kind.corrupt(part.rss_dbm, strength, rng))
