"""Claims with their uncertainty; the seed is the unit."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

__all__ = ["PairedDifference", "adjust_p_values", "mean_interval", "paired_difference", "verdict"]

NUM_RESAMPLES = 10_000
# Below six pairs Wilcoxon's two-sided p cannot fall under 0.05: its least value is 2 / 2**n.
FEWEST_PAIRS = 6


class PairedDifference(NamedTuple):
    """How one method differs from another over the seeds that both have.

    Args:
        num_pairs: seeds in common.
        mean: of the differences, in the unit of the values; negative: the first is smaller.
        low: lower end of the bootstrap interval of the mean; NaN for a single pair.
        high: its upper end.
        p_value: of Wilcoxon's signed-rank test, two-sided, exact; 1 where all differences are 0.

    Example:
        >>> PairedDifference(10, -0.2, -0.3, -0.1, 0.002).num_pairs
        10
    """

    num_pairs: int
    mean: float
    low: float
    high: float
    p_value: float


def mean_interval(values: Sequence[float], *, level: float = 0.95) -> tuple[float, float]:
    """Bootstrap interval of the mean over seeds, bias-corrected and accelerated [Efron 1987].

    Args:
        values: one figure a seed.
        level: coverage, 0...1.

    Returns:
        (low, high); (NaN, NaN) for a single value, a point for equal ones.

    Raises:
        ValueError: if there is no value, or one is not finite.

    Example:
        >>> mean_interval([7.0, 7.0, 7.0])
        (7.0, 7.0)
    """
    sample = _finite(values)
    if len(sample) == 1:
        return math.nan, math.nan
    if np.ptp(sample) == 0:
        return float(sample[0]), float(sample[0])
    found = stats.bootstrap(
        (sample,),
        np.mean,
        confidence_level=level,
        n_resamples=NUM_RESAMPLES,
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def paired_difference(
    values: Sequence[float], reference: Sequence[float], *, level: float = 0.95
) -> PairedDifference:
    """Values minus reference, pair by pair.

    Args:
        values: one figure a seed.
        reference: those of the other method, same seeds in the same order.
        level: coverage of the interval, 0...1.

    Returns:
        PairedDifference.

    Raises:
        ValueError: if the lengths differ, there is no pair, or a value is not finite.

    Example:
        >>> paired_difference([6.0, 7.0], [7.0, 8.0]).mean
        -1.0
    """
    if len(values) != len(reference):
        raise ValueError(f"{len(values)} values meet {len(reference)} of the reference")
    differences = _finite(values) - _finite(reference)
    low, high = mean_interval(differences.tolist(), level=level)
    p_value = 1.0
    if np.any(differences):
        p_value = float(stats.wilcoxon(differences, method="exact").pvalue)
    return PairedDifference(len(differences), float(differences.mean()), low, high, p_value)


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """p values of a whole table with the false discovery rate held [Benjamini, Hochberg 1995].

    Args:
        p_values: one a comparison.

    Returns:
        The adjusted values in the same order.

    Example:
        >>> adjust_p_values([0.01, 0.04])
        [0.02, 0.04]
    """
    return [float(p) for p in stats.false_discovery_control(p_values)] if len(p_values) else []


def verdict(difference: PairedDifference, adjusted_p: float, *, level: float = 0.95) -> str:
    """What may be said of a difference in error.

    Args:
        difference: a method's error minus its reference's.
        adjusted_p: its p value, adjusted over the table.
        level: of the interval.

    Returns:
        "better" or "worse" where the interval excludes 0 and the adjusted p is below 1 - level,
        else "within seed noise"; "too few seeds" below six pairs, where no p can be.

    Example:
        >>> verdict(PairedDifference(10, -0.2, -0.3, -0.1, 0.002), 0.004)
        'better'
        >>> verdict(PairedDifference(3, -0.2, -0.3, -0.1, 0.25), 0.25)
        'too few seeds'
    """
    if difference.num_pairs < FEWEST_PAIRS:
        return "too few seeds"
    if adjusted_p < 1 - level and not difference.low <= 0 <= difference.high:
        return "better" if difference.mean < 0 else "worse"
    return "within seed noise"


def _finite(values: Sequence[float]) -> np.ndarray:
    array = np.asarray(values, np.float64)
    if array.size == 0:
        raise ValueError("values is empty; at least one seed is needed")
    if not np.isfinite(array).all():
        raise ValueError(f"values holds {array[~np.isfinite(array)][0]}; figures must be finite")
    return array
