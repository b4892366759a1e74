"""Errors in metres, and the figures that are published of them."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["error_m", "evaal_error_m", "floor_hit_rate", "summarize", "summarize_each"]


def error_m(predicted_m: ArrayLike, actual_m: ArrayLike) -> np.ndarray:
    """Distance in the plane between predicted and true positions; floors are ignored.

    The paper calls the mean of these distances MAE (Sec. 4.1).

    Args:
        predicted_m: float[n, 2]. Predicted positions, metres.
        actual_m: float[n, 2]. True positions in the same coordinates, metres.

    Returns:
        float64[n]. Metres.

    Raises:
        ValueError: if the two are not of one shape [n, 2].

    Example:
        >>> error_m([[3.0, 4.0]], [[0.0, 0.0]])
        array([5.])
    """
    predicted, actual = np.asarray(predicted_m, np.float64), np.asarray(actual_m, np.float64)
    if predicted.shape != actual.shape or predicted.ndim != 2 or predicted.shape[1] != 2:
        raise ValueError(
            f"predicted_m has shape {predicted.shape}, actual_m {actual.shape}; both must be [n, 2]"
        )
    return np.linalg.norm(predicted - actual, axis=1)


def summarize(errors_m: ArrayLike) -> dict[str, float]:
    """The figures of one set of errors, as in the paper's Table 1 and Fig. 2.

    Args:
        errors_m: float[n]. Distances in the plane, metres.

    Returns:
        `mae_m` (their mean), `p75_m`, `p95_m` (percentiles, linearly interpolated), `median_m`,
        all in metres, and `within_10_m`, the fraction below 10 m.

    Raises:
        ValueError: if there is no error to summarise.

    Example:
        >>> figures = summarize([1.0, 2.0, 3.0, 14.0])
        >>> figures["mae_m"], figures["median_m"], figures["within_10_m"]
        (5.0, 2.5, 0.75)
    """
    errors = np.asarray(errors_m, np.float64)
    if errors.size == 0:
        raise ValueError("errors_m is empty; at least one test fingerprint is needed")
    p50, p75, p95 = np.percentile(errors, [50, 75, 95])
    return {
        "mae_m": float(errors.mean()),
        "median_m": float(p50),
        "p75_m": float(p75),
        "p95_m": float(p95),
        "within_10_m": float((errors < 10).mean()),
    }


def summarize_each(errors_m: Iterable[ArrayLike]) -> dict[str, list[float]]:
    """The figures of several sets of errors, such as those of one student per seed.

    Args:
        errors_m: float[n] each. Distances in the plane, metres.

    Returns:
        {figure of `summarize`: its value in each set}.

    Raises:
        ValueError: if there is no set, or an empty one.

    Example:
        >>> summarize_each([[1.0, 3.0], [2.0]])["mae_m"]
        [2.0, 2.0]
    """
    rows = [summarize(errors) for errors in errors_m]
    if not rows:
        raise ValueError("errors_m is empty; at least one set of errors is needed")
    return {figure: [row[figure] for row in rows] for figure in rows[0]}


def floor_hit_rate(predicted_floor: ArrayLike, actual_floor: ArrayLike) -> float:
    """Fraction of fingerprints that are located on the right floor.

    Args:
        predicted_floor: int[n].
        actual_floor: int[n].

    Returns:
        float. From 0 to 1.

    Raises:
        ValueError: if the shapes differ or are empty.

    Example:
        >>> floor_hit_rate([0, 1, 1, 2], [0, 1, 2, 2])
        0.75
    """
    predicted, actual = np.asarray(predicted_floor), np.asarray(actual_floor)
    if predicted.shape != actual.shape or actual.size == 0:
        raise ValueError(
            f"predicted_floor has shape {predicted.shape}, actual_floor {actual.shape}; "
            "both must be one [n] with n of at least 1"
        )
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

    Raises:
        ValueError: if shapes disagree.

    Example:
        >>> evaal_error_m([[3.0, 4.0]], [[0.0, 0.0]], floors_off=[1], building_wrong=[False])
        array([9.])
    """
    distance = error_m(predicted_m, actual_m)
    floors, building = np.asarray(floors_off), np.asarray(building_wrong)
    if floors.shape != distance.shape or building.shape != distance.shape:
        raise ValueError(
            f"floors_off has shape {floors.shape}, building_wrong {building.shape}; "
            f"both must be {distance.shape}"
        )
    return distance + 4.0 * np.abs(floors) + 50.0 * building
