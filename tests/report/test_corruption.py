"""Corruptions change exactly what they say, and nothing at strength zero."""

from itertools import pairwise

import numpy as np
import pytest
import tiny

from rsstl_jax.report.corruption import AXES, corrupt


@pytest.fixture
def part():
    """The tiny test part, with an access point that no scan detects."""
    made = tiny.make_part(part="test")
    made.rss_dbm[:, 2] = np.nan
    assert 0.2 < np.isnan(made.rss_dbm).mean() < 0.8
    return made


def detected(part):
    return ~np.isnan(part.rss_dbm)


@pytest.mark.parametrize("axis", AXES)
def test_no_corruption_leaves_every_bit(part, axis):
    same = corrupt(part, axis, AXES[axis].none)
    assert same.rss_dbm.dtype == np.float32 and same.rss_dbm.tobytes() == part.rss_dbm.tobytes()


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("draw", [0, 1])
def test_a_draw_is_the_same_each_time_and_leaves_the_part_as_it_is(part, axis, draw):
    before, strength = part.rss_dbm.copy(), AXES[axis].strengths[-1]
    once, again = (corrupt(part, axis, strength, draw=draw) for _ in range(2))
    np.testing.assert_array_equal(once.rss_dbm, again.rss_dbm)
    np.testing.assert_array_equal(part.rss_dbm, before)
    assert not np.array_equal(once.rss_dbm, before, equal_nan=True)


@pytest.mark.parametrize(("fraction", "number"), [(0.2, 1), (0.4, 2), (0.6, 3), (1.0, 5)])
def test_the_fraction_lost_is_of_the_access_points_that_are_detected(part, fraction, number):
    lost = detected(part).any(axis=0) & ~detected(corrupt(part, "lost", fraction)).any(axis=0)
    assert lost.sum() == number
    kept = corrupt(part, "lost", fraction).rss_dbm[:, ~lost]
    np.testing.assert_array_equal(kept, part.rss_dbm[:, ~lost])


def test_what_is_lost_at_a_strength_is_lost_at_a_higher_one(part):
    for axis in ("lost", "missing", "strongest"):
        found = [detected(corrupt(part, axis, s)) for s in AXES[axis].strengths]
        for weaker, stronger in pairwise(found):
            assert (weaker | ~stronger).all(), axis


def test_other_draws_and_seeds_lose_others(part):
    found = {
        tuple(detected(corrupt(part, "lost", 0.4, draw=draw, seed=seed)).any(axis=0).tolist())
        for draw in range(3)
        for seed in range(2)
    }
    assert len(found) > 1


def test_exchanged_access_points_have_the_levels_of_each_other(part):
    changed = corrupt(part, "exchanged", 0.6).rss_dbm
    columns = [column.tobytes() for column in part.rss_dbm.T]
    moved = [i for i, column in enumerate(changed.T) if column.tobytes() != columns[i]]
    assert len(moved) == 3
    assert sorted(changed[:, i].tobytes() for i in moved) == sorted(columns[i] for i in moved)


def test_every_scan_misses_its_fraction_and_keeps_a_reading(part):
    before = detected(part).sum(axis=1)
    for fraction in (0.1, 0.5, 0.9):
        after = detected(corrupt(part, "missing", fraction)).sum(axis=1)
        np.testing.assert_array_equal(before - after, np.floor(fraction * before + 1e-9))
        assert after.min() >= 1


def test_the_strongest_readings_are_kept(part):
    changed = corrupt(part, "strongest", 2).rss_dbm
    for before, after in zip(part.rss_dbm, changed, strict=True):
        wanted = np.sort(before[~np.isnan(before)])[::-1][:2]
        np.testing.assert_array_equal(np.sort(after[~np.isnan(after)])[::-1], wanted)


@pytest.mark.parametrize("offset_db", [-10, 3, 60])
def test_an_offset_detects_nothing_anew_and_stays_in_the_detectable_range(part, offset_db):
    changed, weakest = corrupt(part, "offset", offset_db).rss_dbm, np.nanmin(part.rss_dbm)
    still = ~np.isnan(changed)
    assert not (still & ~detected(part)).any()
    expected = np.minimum(part.rss_dbm + offset_db, 0)
    np.testing.assert_array_equal(still, expected >= weakest)
    np.testing.assert_array_equal(changed[still], expected[still])


def test_a_slope_moves_levels_from_their_mean_and_weak_ones_out_of_range(part):
    mean_dbm, weakest = np.nanmean(part.rss_dbm), np.nanmin(part.rss_dbm)
    for slope in (0.7, 1.3):
        changed = corrupt(part, "slope", slope).rss_dbm
        expected = mean_dbm + slope * (part.rss_dbm - mean_dbm)
        np.testing.assert_array_equal(np.isnan(changed), ~(expected >= weakest))
        still = ~np.isnan(changed)
        np.testing.assert_allclose(changed[still], expected[still], rtol=1e-5)
