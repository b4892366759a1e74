"""Claims with their uncertainty; the seed is the unit."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95
"""Coverage of all intervals."""

NUM_RESAMPLES = 10_000
# Those of whole test positions, which are many.
NUM_DRAWS = 2_000
# Below six pairs, of seeds or of positions, no signs alone give a two-sided p under 0.05: the least
# is 2 / 2**n.
FEWEST_PAIRS = 6


class PairedDifference(NamedTuple):
    """How one method differs from another over the seeds that both have."""

    num_pairs: int
    mean: float  # in the unit of the values; negative: the first method's are smaller
    low: float  # of the interval of the mean; NaN for a single pair
    high: float
    p_value: float  # two-sided


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Bootstrap interval of the mean over seeds, bias-corrected and accelerated [Efron 1987]."""
    # No resample reaches beyond the smallest and largest value, so that it covers less than its
    # level where there are few: on normal numbers 71 % with three of them in place of 95 %, 82 %
    # with five, 91 % with ten (1000 samples each).
    sample = _finite(values)
    if len(sample) == 1:
        return math.nan, math.nan
    if np.ptp(sample) == 0:
        return float(sample[0]), float(sample[0])
    # scipy.stats takes seconds to load.
    from scipy import stats

    found = stats.bootstrap(
        (sample,),
        np.mean,
        confidence_level=LEVEL,
        n_resamples=NUM_RESAMPLES,
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def paired_difference(values: Sequence[float], reference: Sequence[float]) -> PairedDifference:
    """Values minus reference, seed by seed: bootstrap interval, exact Wilcoxon signed-rank test."""
    differences = _differences(values, reference)
    low, high = mean_interval(differences.tolist())
    p_value = 1.0
    if np.any(differences):
        from scipy import stats

        unequal = differences[differences != 0]
        # SciPy's "exact" is wrong for ties; all signs are tried up to 13 pairs, else some drawn.
        signs = stats.PermutationMethod(n_resamples=NUM_RESAMPLES, rng=np.random.default_rng(0))
        tied = len(np.unique(np.abs(unequal))) < len(unequal)
        p_value = float(stats.wilcoxon(unequal, method=signs if tied else "exact").pvalue)
    return PairedDifference(len(differences), float(differences.mean()), low, high, p_value)


def paired_t_difference(values: Sequence[float], reference: Sequence[float]) -> PairedDifference:
    """Values minus reference with Student's t: of normal differences it covers its level."""
    differences = _differences(values, reference)
    count, mean = len(differences), float(differences.mean())
    if count == 1:
        return PairedDifference(count, mean, math.nan, math.nan, math.nan)
    if np.ptp(differences) == 0:
        return PairedDifference(count, mean, mean, mean, float(mean == 0))
    from scipy import stats

    found = stats.ttest_1samp(differences, 0.0)
    low, high = found.confidence_interval(LEVEL)
    return PairedDifference(count, mean, float(low), float(high), float(found.pvalue))


def interval_over_positions(
    errors_m: ArrayLike, positions_m: ArrayLike
) -> tuple[float, float] | None:
    """Percentile interval of the mean error of n fingerprints, whole positions drawn again.

    None for a single position: it says nothing of others.
    """
    # It says how far the figure hangs on where was measured, not on the seed.
    errors, positions = _finite(np.asarray(errors_m)), np.asarray(positions_m)
    group = np.unique(positions, axis=0, return_inverse=True)[1].ravel()
    totals, counts = np.bincount(group, errors), np.bincount(group)
    if len(counts) == 1:
        return None
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=NUM_DRAWS)
    means = (drawn @ totals) / (drawn @ counts)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """p values of a table with the false discovery rate held [Benjamini, Hochberg 1995]."""
    from scipy import stats

    return [float(p) for p in stats.false_discovery_control(p_values)] if len(p_values) else []


def verdict(difference: PairedDifference, adjusted_p: float) -> str:
    """What may be said of a difference in error, whose p value is adjusted over the table."""
    if difference.num_pairs < FEWEST_PAIRS:
        return "too few seeds"
    if adjusted_p < 1 - LEVEL and not difference.low <= 0 <= difference.high:
        return "better" if difference.mean < 0 else "worse"
    return "no significant difference"


def _differences(values: Sequence[float], reference: Sequence[float]) -> np.ndarray:
    if len(values) != len(reference):
        raise ValueError(f"{len(values)} values meet {len(reference)} of the reference")
    return _finite(values) - _finite(reference)


def _finite(values: ArrayLike) -> np.ndarray:
    array = np.asarray(values, np.float64)
    if array.size == 0:
        raise ValueError("values is empty; at least one seed is needed")
    if not np.isfinite(array).all():
        raise ValueError(f"values holds {array[~np.isfinite(array)][0]}; figures must be finite")
    return array
