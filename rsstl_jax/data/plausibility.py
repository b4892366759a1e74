"""What is readable and yet probably not meant: units, and values that stand for undetected.

The limits were set on UJIIndoorLoc, UTSIndoorLoc (test part), Tampere, TUT7 and the synthetic
sites, none of which is warned of.
"""

import logging
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.data.readers.cells import undetected_flag
from rsstl_jax.data.readers.columns import MAX_SHOWN
from rsstl_jax.data.readers.layout import (
    MAX_LATITUDE,
    MAX_LONGITUDE,
    Layout,
    for_scans,
    ignore_flag,
    remedy,
)
from rsstl_jax.data.site import Fingerprints, count_repeated
from rsstl_jax.errors import DataError

# Below this extent positions are taken for degrees: no site is so small, and it is 11 km.
DEGREES_ACROSS = 0.1
MIN_ACROSS_M, MAX_ACROSS_M = 2.0, 2000.0  # a site in metres usually keeps to these extents
# How far from its strongest reading an access point is usually detected: 20...60 m were found.
MAX_REACH_M = 120.0
MAX_STOREYS = 50  # from the lowest floor to the highest
MIN_READINGS = 20  # fractions of fewer say little
# The weakest reading of a site lies below the first, the strongest above the second.
USUAL_DBM = -50.0, -95.0
# Of a test part's positions at least 0.999 were found in the extent of the train part.
INSIDE_FRACTION = 0.5
COPIED_FRACTION = 0.05  # of a test part's fingerprints that the train part has, too: none was found
# Of the readings at their weakest value, or at a strong one, at most 0.07 and 0.0004 were found.
LOW_FRACTION, HIGH_FRACTION, STRONG_DBM = 0.15, 0.01, -10.0

# What a column's name says of its unit, as a word of it.
_UNITS = {
    "metres": {"m", "meter", "meters", "metre", "metres"},
    "feet": {"ft", "foot", "feet"},
    "degrees": {"lat", "latitude", "lon", "lng", "long", "longitude", "deg", "degrees"},
    "": {"mm", "cm", "km", "px", "pixel", "pixels", "in", "inch", "inches", "yd", "yard", "yards"},
}

_log = logging.getLogger(__name__)


def _check_unit(part: Fingerprints, file: str) -> None:
    """Refuses positions that must be degrees: every error would be next to 0 m."""
    across = np.ptp(part.position_m, axis=0)
    longest, farthest = across.max(), np.abs(part.position_m).max(axis=0)
    on_earth = farthest[0] <= MAX_LONGITUDE and farthest[1] <= MAX_LATITUDE
    if 0 < longest < DEGREES_ACROSS and on_earth:
        raise DataError(
            f"{file}: the site would be {longest:.2g} m across; are these degrees? "
            f"{remedy('--positions=degrees')} projects x as longitude and y as latitude to metres"
        )


def check_plausible(
    part: Fingerprints, file: str, *, radio_map: Fingerprints | None = None
) -> None:
    """Logs one warning for each thing that looks wrong; in a test part, beyond its radio map."""
    _check_unit(part, file)
    mark = _undetected_mark(part.rss_dbm)
    odd: list[str] = []
    if np.isnan(part.rss_dbm).all():
        odd.append("no access point is detected in any row")
    if radio_map is None or mark != _undetected_mark(radio_map.rss_dbm):
        odd += _odd_values(part.rss_dbm, mark, part.layout)
    if radio_map is None:
        # Where undetected access points count as detected, they are constant and detected far away.
        odd += [*_odd_extent(part, with_reach=mark is None), *_odd_columns(part, mark)]
        odd += [*_odd_unit(part), *_odd_floors(part)]
    else:
        odd += _odd_beside(part, radio_map)
    if mark is None and (radio_map is None or not any(_odd_levels(radio_map.rss_dbm))):
        odd += _odd_levels(part.rss_dbm)
    for text in odd:
        _log.warning("%s: %s", file, text)


def warn_of_scans(
    rss_dbm: NDArray[np.float32], source: str, layout: Layout, *, of_dataset: bool = False
) -> bool:
    """Whether scans, of a user or of a dataset, look wrong, of which it then warns."""
    found = [*_odd_values(rss_dbm, _undetected_mark(rss_dbm), layout)]
    for text in found:
        _log.warning("%s: %s", source, text if of_dataset else for_scans(text))
    return bool(found)


def _odd_unit(part: Fingerprints) -> Iterator[str]:
    """A column of positions whose name says another unit than it is read in."""
    layout = part.layout or Layout()
    read = layout.positions
    may_be_degrees = (np.abs(part.position_m) <= (MAX_LONGITUDE, MAX_LATITUDE)).all()
    for column in (layout.x, layout.y):
        words = set(re.split("[^a-z]+", column.lower()))
        unit = next((unit for unit, names in _UNITS.items() if words & names), read)
        if unit != read and (unit != "degrees" or may_be_degrees):
            known = f"{remedy(f'--positions={unit}')} reads {unit}"
            yield (
                f"column {column!r} names another unit than {read}, in which positions are read; "
                f"{known if unit else 'convert them to metres'}"
            )
            return


def _odd_values(
    rss_dbm: NDArray[np.float32], mark: float | None, layout: Layout | None
) -> Iterator[str]:
    is_full = rss_dbm.size >= MIN_READINGS and not np.isnan(rss_dbm).any()
    everywhere = "every access point is detected in every row"
    if mark is not None:
        # What stands for it already may do so in the other part alone.
        flag = remedy(undetected_flag(*(layout or Layout()).undetected, mark))
        share = np.mean(rss_dbm == mark)
        yield (
            f"{f'{everywhere} and ' if is_full else ''}{share:.0%} of all cells are {mark:g} dBm; "
            f"is {mark:g} your 'undetected'? {flag} says so"
        )
    elif is_full:
        flag = remedy("--undetected=<value>")
        yield f"{everywhere}; if a value stands for undetected, {flag} says so"


def _undetected_mark(rss_dbm: NDArray[np.float32]) -> float | None:
    """A value that probably stands for undetected and is read as a level."""
    # A column that never changes is asked about by itself.
    varying = ~(rss_dbm == rss_dbm[:1]).all(axis=0)
    readings = rss_dbm[:, varying] if varying.any() else rss_dbm
    readings = readings[~np.isnan(readings)]
    if readings.size < MIN_READINGS:
        return None
    weakest, strongest = float(readings.min()), float(readings.max())
    weak, strong = (float(np.mean(readings == value)) for value in (weakest, strongest))
    if strongest >= STRONG_DBM and strong >= HIGH_FRACTION and strong * readings.size >= 2:
        return strongest if strong > weak or weak < LOW_FRACTION else weakest
    return weakest if weak >= LOW_FRACTION else None


def _odd_extent(part: Fingerprints, *, with_reach: bool) -> Iterator[str]:
    """Positions that are probably not metres."""
    width_m, depth_m = np.ptp(part.position_m, axis=0)
    across_m = max(width_m, depth_m)
    reach_m = median_reach_m(part) if with_reach else 0.0
    is_far = reach_m > MAX_REACH_M
    if is_far or 0 < across_m < MIN_ACROSS_M or across_m > MAX_ACROSS_M:
        far = f" and half of the access points are detected {reach_m:.0f} m and more from where "
        far += "they are strongest"
        unit, mend = (part.layout or Layout()).positions, " in every row?"
        if unit == "metres":
            mend = (
                f"? {remedy('--positions=feet')} says that they are feet; pixels or centimetres "
                "have to be converted"
            )
        yield (
            f"the site is {width_m:,.1f} x {depth_m:,.1f} m across{far if is_far else ''}; are the "
            f"positions {unit}{mend}"
        )


def median_reach_m(part: Fingerprints) -> float:
    """The median over access points of how far from its strongest reading 90 % of its lie."""
    detected = ~np.isnan(part.rss_dbm)
    reaches = []
    for column in np.flatnonzero(detected.sum(axis=0) >= MIN_READINGS):
        rows = np.flatnonzero(detected[:, column])
        strongest = rows[np.argmax(part.rss_dbm[rows, column])]
        away_m = np.linalg.norm(part.position_m[rows] - part.position_m[[strongest]], axis=1)
        reaches.append(float(np.percentile(away_m, 90)))
    return float(np.median(reaches)) if reaches else 0.0


def _odd_columns(part: Fingerprints, mark: float | None) -> Iterator[str]:
    """Columns of whole numbers that never change or only ever grow, as identifiers do."""
    always = np.flatnonzero(~np.isnan(part.rss_dbm).any(axis=0))
    values = part.rss_dbm[:, always]
    steps = np.diff(values, axis=0)
    counting = (steps >= 0).all(axis=0) | (steps <= 0).all(axis=0)
    counting &= (values == np.rint(values)).all(axis=0) & (values[0] != mark)
    names = [part.access_points[column] for column in always[counting][:MAX_SHOWN]]
    if names and len(part) >= MIN_READINGS:
        yield (
            f"{', '.join(names)}: constant or ever growing, and detected in every row; are these "
            f"access points? {remedy(ignore_flag(*names))} leaves them out"
        )


def _odd_floors(part: Fingerprints) -> Iterator[str]:
    """Labels of floors that are probably heights, rooms or identifiers."""
    if part.floor is None:
        return
    lowest, highest = int(part.floor.min()), int(part.floor.max())
    if highest - lowest > MAX_STOREYS:
        column = (part.layout or Layout()).floor
        yield (
            f"{column} is {lowest} to {highest}; are these floors, numbered as -1, 0, 1 are? "
            f"{remedy(ignore_flag(column))} leaves the column out"
        )


def _odd_levels(rss_dbm: NDArray[np.float32]) -> Iterator[str]:
    """Levels that are probably not dBm."""
    readings = rss_dbm[~np.isnan(rss_dbm)]
    if readings.size < MIN_READINGS:
        return
    weakest, strongest = float(readings.min()), float(readings.max())
    if weakest >= USUAL_DBM[0] or strongest <= USUAL_DBM[1]:
        yield (
            f"levels are {weakest:g}...{strongest:g} dBm, where Wi-Fi is usually received at "
            "-95...-30; are these dBm?"
        )


def _odd_beside(part: Fingerprints, radio_map: Fingerprints) -> Iterator[str]:
    """What of a test part does not fit its radio map, or is a copy of it."""
    for noun in ("floor", "building"):
        here, there = getattr(part, noun), getattr(radio_map, noun)
        if (here is None) != (there is None):
            has, lacks = ("test", "train") if there is None else ("train", "test")
            yield f"the {has} part names {noun}s and the {lacks} part none: none is measured"
        elif here is not None and (new := np.setdiff1d(here, there)).size:
            yield (
                f"{noun} {', '.join(map(str, new[:MAX_SHOWN]))}: the train part has no fingerprint "
                "there, so that nothing can be located there; are both numbered alike?"
            )
    inside = _fraction_inside(part.position_m, radio_map.position_m)
    if inside < INSIDE_FRACTION:
        yield (
            f"{inside:.0%} of the positions lie within the extent of the train part; are both in "
            "one unit and counted from one origin, x before y?"
        )
    copied = count_repeated(part, radio_map, at_position=True)
    if copied > COPIED_FRACTION * len(part):
        yield (
            f"{copied} of {len(part)} fingerprints are in the train part, too: an error on them "
            "says nothing of new scans"
        )


def _fraction_inside(position_m: NDArray[np.float64], other_m: NDArray[np.float64]) -> float:
    """Fraction of positions within the others' extent, or a tenth of it around."""
    low, high = other_m.min(axis=0), other_m.max(axis=0)
    margin = 0.1 * (high - low).max() + MIN_ACROSS_M
    inside = (position_m >= low - margin) & (position_m <= high + margin)
    return float(inside.all(axis=1).mean())
