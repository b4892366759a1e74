"""Errors in metres, and the figures that are published of them.

Each function raises ValueError for what are no real numbers, and for shapes that do not fit.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

__all__ = [
    "error_3d_m",
    "error_m",
    "evaal_error_m",
    "floor_hit_rate",
    "ground_error_m",
    "ipin_score_m",
]

EARTH_RADIUS_M = 6_378_137.0
"""Radius of the sphere of Web Mercator (EPSG:3857)."""


def _numbers(values: ArrayLike) -> np.ndarray:
    """The values in float64, NaN where one is missing or masked."""
    cells: Any = values
    if isinstance(values, Sequence):  # pandas' missing value, as of a floor, is no number
        cells = [None if cell is pd.NA else cell for cell in values]
    try:
        array = np.ma.asarray(cells)
        texts = array.dtype.kind == "O" and any(
            isinstance(cell, str | bytes) for cell in array.flat
        )
        # NumPy reads digits in text, counts the days of dates, and drops imaginary parts.
        if texts or array.dtype.kind in "cSUMm":
            raise TypeError(f"the array holds {array.dtype}")
        return np.ma.filled(np.ma.asarray(cells, np.float64), np.nan)
    except TypeError as error:
        raise ValueError(f"an array of real numbers is expected, got {values!r}") from error


def _pair(shape: tuple[int | None, ...], **values: ArrayLike) -> list[np.ndarray]:
    """Two arrays of this shape, in which None is any number n."""
    (name, one), (other_name, other) = ((name, _numbers(v)) for name, v in values.items())
    known = tuple(one.shape[0] if size is None else size for size in shape) if one.ndim else None
    if not one.shape == other.shape == known:
        words = ", ".join("n" if size is None else str(size) for size in shape)
        raise ValueError(
            f"{name} has shape {one.shape}, {other_name} {other.shape}; both must be [{words}]"
        )
    return [one, other]


def error_m(predicted_m: ArrayLike, actual_m: ArrayLike) -> np.ndarray:
    """Distance in the plane between predicted and true positions; floors are ignored.

    The paper calls the mean of these distances MAE (Sec. 4.1).

    Args:
        predicted_m: float[n, 2]. Predicted positions, metres.
        actual_m: float[n, 2]. True positions in the same coordinates, metres.

    Returns:
        float64[n]. Metres.

    Example:
        >>> error_m([[3.0, 4.0]], [[0.0, 0.0]])
        array([5.])
    """
    predicted, actual = _pair((None, 2), predicted_m=predicted_m, actual_m=actual_m)
    return np.linalg.norm(predicted - actual, axis=1)


def summarize(errors_m: ArrayLike) -> dict[str, float]:
    """Mean, median, percentiles and fraction below 10 m of errors float[n], metres (Table 1)."""
    errors = _numbers(errors_m)
    if errors.size == 0:
        raise ValueError("errors_m is empty; at least one test fingerprint is needed")
    if errors.ndim != 1 or not (np.isfinite(errors) & (errors >= 0)).all():
        raise ValueError(f"errors_m must be [n] finite distances, got {errors!r}")
    p50, p75, p95 = np.percentile(errors, [50, 75, 95])
    return {
        "mae_m": float(errors.mean()),
        "median_m": float(p50),
        "p75_m": float(p75),
        "p95_m": float(p95),
        "within_10_m": float((errors < 10).mean()),
    }


def summarize_each(errors_m: Iterable[ArrayLike]) -> dict[str, list[float]]:
    """{figure of `summarize`: its value for each of several sets of errors}."""
    rows = [summarize(errors) for errors in errors_m]
    return {figure: [row[figure] for row in rows] for figure in rows[0]}


def floor_hit_rate(predicted_floor: ArrayLike, actual_floor: ArrayLike) -> float:
    """Fraction of fingerprints that are located on the right floor, from 0 to 1.

    Args:
        predicted_floor: int[n]; a missing one (NaN) is not the right one.
        actual_floor: int[n].

    Returns:
        float. From 0 to 1.

    Example:
        >>> floor_hit_rate([0, 1, 1, 2], [0, 1, 2, 2])
        0.75
    """
    predicted, actual = _pair((None,), predicted_floor=predicted_floor, actual_floor=actual_floor)
    if not actual.size:
        raise ValueError("actual_floor is empty; at least one fingerprint is needed")
    return float((predicted == actual).mean())


def evaal_error_m(
    predicted_m: ArrayLike,
    actual_m: ArrayLike,
    *,
    floors_off: ArrayLike,
    building_wrong: ArrayLike,
) -> np.ndarray:
    """Floor-aware error of the EvAAL-ETRI competition on UJIIndoorLoc.

    Distance in the plane + 4 m for every floor off + 50 m for the wrong building
    [Torres-Sospedra et al. 2017, EvAAL-ETRI on-site and off-site competition].

    Args:
        predicted_m: float[n, 2]. Predicted positions, metres.
        actual_m: float[n, 2]. True positions, metres.
        floors_off: int[n]. Absolute difference of the floor indices.
        building_wrong: bool[n].

    Returns:
        float64[n]. Metres, which must not be compared with those of `error_m`.

    Example:
        >>> evaal_error_m([[3.0, 4.0]], [[0.0, 0.0]], floors_off=[1], building_wrong=[False])
        array([9.])
    """
    return _penalised_m(predicted_m, actual_m, floors_off, building_wrong, floor_penalty_m=4.0)


def ipin_score_m(
    predicted_m: ArrayLike,
    actual_m: ArrayLike,
    *,
    floors_off: ArrayLike,
    building_wrong: ArrayLike,
) -> float:
    """Score of the IPIN competitions: the third quartile of the floor-aware errors.

    An error is the distance in the plane + 15 m for every floor off + 50 m for the wrong building
    [Torres-Sospedra et al. 2017, The smartphone-based offline indoor location competition at IPIN
    2016, Sensors 17(3):557].

    Args:
        predicted_m: float[n, 2]. Predicted positions, metres.
        actual_m: float[n, 2]. True positions, metres.
        floors_off: int[n]. Absolute difference of the floor indices.
        building_wrong: bool[n].

    Returns:
        float. Metres: the 75th percentile, linearly interpolated.

    Example:
        >>> predicted_m, at_m = [[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]], [[0.0, 0.0]] * 3
        >>> ipin_score_m(predicted_m, at_m, floors_off=[0, 0, 1], building_wrong=[False] * 3)
        10.0
    """
    errors = _penalised_m(predicted_m, actual_m, floors_off, building_wrong, floor_penalty_m=15.0)
    return summarize(errors)["p75_m"]


def _penalised_m(
    predicted_m: ArrayLike,
    actual_m: ArrayLike,
    floors_off: ArrayLike,
    building_wrong: ArrayLike,
    *,
    floor_penalty_m: float,
) -> np.ndarray:
    """Distance in the plane, and penalties for wrong floors and (50 m) for the wrong building."""
    distance = error_m(predicted_m, actual_m)
    floors, building = _pair(distance.shape, floors_off=floors_off, building_wrong=building_wrong)
    for name, values in (("floors_off", floors), ("building_wrong", building)):
        if np.isnan(values).any():
            raise ValueError(
                f"{name}[{np.isnan(values).argmax()}] is missing: leave out what has no floor or "
                "building, or count it as wrong"
            )
    whole = np.isfinite(floors) & (floors == np.rint(floors))
    if not (np.isin(building, (0, 1)) & whole).all():
        raise ValueError("floors_off must be whole numbers, and building_wrong True or False")
    return distance + floor_penalty_m * np.abs(floors) + 50.0 * building


def error_3d_m(
    predicted_m: ArrayLike,
    actual_m: ArrayLike,
    *,
    predicted_height_m: ArrayLike,
    actual_height_m: ArrayLike,
) -> np.ndarray:
    """Distance in space between predicted and true positions.

    The height of a position is that of its floor, or what the dataset gives as z. The mean of this
    distance is the 3-D error of the field's comparisons [Torres-Sospedra et al. 2020, New cluster
    selection and fine-grained search for k-means clustering and Wi-Fi fingerprinting, ICL-GNSS].

    Args:
        predicted_m: float[n, 2]. Predicted positions, metres.
        actual_m: float[n, 2]. True positions, metres.
        predicted_height_m: float[n]. Height of the predicted floor, metres.
        actual_height_m: float[n]. Height of the true position over the same level, metres.

    Returns:
        float64[n]. Metres.

    Example:
        >>> error_3d_m([[8.0, 0.0]], [[0.0, 0.0]], predicted_height_m=[9.0], actual_height_m=[3.0])
        array([10.])
    """
    distance = error_m(predicted_m, actual_m)
    predicted, actual = _pair(
        distance.shape, predicted_height_m=predicted_height_m, actual_height_m=actual_height_m
    )
    return np.hypot(distance, predicted - actual)


def ground_error_m(predicted_m: ArrayLike, actual_m: ArrayLike) -> np.ndarray:
    """Distance on the ground between positions in Web Mercator (EPSG:3857), as UJIIndoorLoc's are.

    A unit of this projection is a metre at the equator and cos(latitude) of a metre elsewhere:
    0.766 m at Castello (39.99 deg N). The literature quotes UJIIndoorLoc's raw unit as metres,
    which is `error_m`. On the ellipsoid the scale differs from this sphere's by at most 0.7 %,
    at Castello by 0.3 %.

    Args:
        predicted_m: float[n, 2]. Predicted positions, easting and northing of EPSG:3857.
        actual_m: float[n, 2]. True positions in the same coordinates.

    Returns:
        float64[n]. Metres on the ground, by the scale at the true position.

    Example:
        >>> at_castello = np.array([[-7500.0, 4_864_900.0]])
        >>> ground_error_m(at_castello + 10.0, at_castello).round(2)  # sqrt(200) * 0.766
        array([10.83])
    """
    distance = error_m(predicted_m, actual_m)
    northing = _numbers(actual_m)[:, 1]
    return distance / np.cosh(northing / EARTH_RADIUS_M)
