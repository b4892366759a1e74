"""The statistics of the tables, against hand arithmetic and against simulated coverage."""

import math

import numpy as np
import pytest

from rsstl_jax.report.statistics import (
    PairedDifference,
    adjust_p_values,
    interval_over_positions,
    mean_interval,
    paired_difference,
    paired_t_difference,
    verdict,
)


def test_of_few_values_it_covers_as_little_as_its_comment_says():
    """Of 200 samples of 3 normal numbers the 95 % interval covers the mean in 71 % +- 4 sd."""
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.normal(0.0, 1.0, 3).tolist()) for _ in range(200)]
    covered = sum(low <= 0 <= high for low, high in intervals)
    assert abs(covered / 200 - 0.71) < 4 * math.sqrt(0.71 * 0.29 / 200)


def test_one_value_has_no_interval_and_equal_values_a_point():
    assert all(math.isnan(end) for end in mean_interval([7.0]))
    assert mean_interval([7.0, 7.0]) == (7.0, 7.0)


def test_wilcoxon_by_hand():
    """Ten differences of one sign: only 2 of the 2^10 sign patterns are as extreme."""
    reference = np.arange(10.0)
    found = paired_difference((reference - 1 - 0.1 * reference).tolist(), reference.tolist())
    assert found.p_value == pytest.approx(2 / 2**10)
    assert found.num_pairs == 10 and found.mean == pytest.approx(-1.45)
    assert found.low < -1.45 < found.high < 0
    assert paired_difference([1.0, 2.0], [1.0, 2.0]).p_value == 1.0


def test_wilcoxon_of_ties_by_hand():
    """Four of five equal differences have one sign: so have 2 (1 + 5) of the 2^5 patterns."""
    found = paired_difference([0.0, 1.0, 1.0, 1.0, 1.0, -1.0], [0.0] * 6)
    assert found.p_value == pytest.approx(12 / 32)


def test_benjamini_hochberg_by_hand():
    """Sorted, p m / rank is .03, .045, .04; the running minimum from the right .03, .04, .04."""
    assert adjust_p_values([0.03, 0.01, 0.04]) == pytest.approx([0.04, 0.03, 0.04])
    assert adjust_p_values([]) == []


@pytest.mark.parametrize(
    ("difference", "adjusted", "expected"),
    [
        (PairedDifference(10, -0.2, -0.3, -0.1, 0.002), 0.002, "better"),
        (PairedDifference(10, 0.2, 0.1, 0.3, 0.002), 0.002, "worse"),
        (PairedDifference(10, 0.2, 0.1, 0.3, 0.002), 0.2, "no significant difference"),
        (PairedDifference(10, 0.2, -0.1, 0.3, 0.002), 0.002, "no significant difference"),
        (PairedDifference(5, 0.2, 0.1, 0.3, 0.0625), 0.0625, "too few seeds"),
    ],
)
def test_verdicts(difference, adjusted, expected):
    assert verdict(difference, adjusted) == expected


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="2 values meet 1 of the reference"):
        paired_difference([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="values holds nan"):
        mean_interval([1.0, math.nan])
    with pytest.raises(ValueError, match="values is empty"):
        mean_interval([])


def test_whole_positions_are_drawn_again():
    """Ten fingerprints at each of 40 positions, alike at a position: as many errors as positions.

    The standard error of the mean is then sd / sqrt(40), not sd / sqrt(400).
    """
    rng = np.random.default_rng(1)
    of_position = rng.normal(8.0, 2.0, 40)
    positions = np.repeat(np.stack([np.arange(40.0), np.zeros(40)], axis=1), 10, axis=0)
    low, high = interval_over_positions(np.repeat(of_position, 10), positions)
    expected = 2 * 1.96 * of_position.std() / math.sqrt(40)
    assert low < of_position.mean() < high
    np.testing.assert_allclose(high - low, expected, rtol=0.1)


def test_a_single_position_has_no_interval():
    assert interval_over_positions([1.0, 2.0], np.zeros((2, 2))) is None


def test_the_t_interval_by_hand():
    """Differences 1, 2, 3: their mean is 2, sd 1, and t at two degrees of freedom 4.3027."""
    found = paired_t_difference([1.0, 3.0, 5.0], [0.0, 1.0, 2.0])
    assert found.num_pairs == 3 and found.mean == 2.0
    half = 4.302653 / math.sqrt(3)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half), rel=1e-6)
    assert 0.05 < found.p_value < 0.1 and found.low < 0
    one = paired_t_difference([1.0], [0.0])
    assert math.isnan(one.low) and math.isnan(one.p_value)
    assert paired_t_difference([1.0, 2.0], [0.0, 1.0])[1:] == (1.0, 1.0, 1.0, 0.0)
    assert paired_t_difference([1.0, 2.0], [1.0, 2.0]).p_value == 1.0
    with pytest.raises(ValueError, match="2 values meet 1 of the reference"):
        paired_t_difference([1.0, 2.0], [1.0])
