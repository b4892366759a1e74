"""No position on both sides, the published counts, and the same rows for the same seed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsstl_jax.data import (
    Fingerprints,
    grouped_validation_split,
    make_synthetic_site,
    target_fraction,
)
from rsstl_jax.data.splits import spread_evenly
from rsstl_jax.errors import DataError


def make_part(num_rows, num_positions, *, floor=None, building=None):
    row = np.arange(num_rows)
    position_m = np.column_stack([row % num_positions, np.zeros(num_rows)]).astype(np.float64)
    rss_dbm = -(row[:, None] % 100).astype(np.float32)
    return Fingerprints("home", "train", rss_dbm, position_m, floor, building, ("a",))


def positions(part):
    return set(map(tuple, part.position_m.tolist()))


@given(st.integers(2, 60), st.integers(2, 20), st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_no_position_is_on_both_sides(num_rows, num_positions, fraction, seed):
    part = make_part(max(num_rows, num_positions), num_positions)
    train, validation = grouped_validation_split(part, fraction=fraction, seed=seed)
    assert not positions(train) & positions(validation)
    assert positions(train) | positions(validation) == positions(part)
    assert len(train) + len(validation) == len(part)
    expected = min(max(round(fraction * num_positions), 1), num_positions - 1)
    assert len(positions(validation)) == expected
    assert (train.part, validation.part) == ("train", "validation")


def test_floor_and_building_make_positions_different():
    one_spot = make_part(4, 1)
    with pytest.raises(DataError, match="home train: one position only"):
        grouped_validation_split(one_spot, fraction=0.5, seed=0)
    labels = np.array([0, 0, 1, 1], np.int32)
    one_house = replace(one_spot, floor=labels, building=np.zeros(4, np.int32))
    one_floor = replace(one_house, floor=one_house.building, building=labels)
    for part in (one_house, one_floor):
        grouped_validation_split(part, fraction=0.5, seed=0)
    for name in ("floor", "building"):
        sides = grouped_validation_split(replace(one_spot, **{name: labels}), fraction=0.5, seed=0)
        assert {tuple(getattr(side, name).tolist()) for side in sides} == {(0, 0), (1, 1)}


def test_split_follows_its_seed_and_keeps_the_order():
    part = make_synthetic_site("synthetic-office").train
    first, again, other = (
        grouped_validation_split(part, fraction=0.2, seed=seed)[1] for seed in (0, 0, 1)
    )
    assert first.digest() == again.digest() != other.digest()
    row = {fingerprint.tobytes(): index for index, fingerprint in enumerate(part.rss_dbm)}
    rows = [row[fingerprint.tobytes()] for fingerprint in first.rss_dbm]
    assert rows == sorted(rows)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5])
def test_impossible_validation_fraction(fraction):
    with pytest.raises(ValueError, match=f"fraction is {fraction}"):
        grouped_validation_split(make_part(4, 4), fraction=fraction, seed=0)


@pytest.mark.parametrize(
    ("num_rows", "fraction", "expected"),
    [
        (19_937, 0.01, 199),
        (19_937, 0.1, 1_993),
        (9_108, 0.1, 910),
        (697, 0.1, 69),
        (100, 0.29, 29),
        (5, 0.01, 1),
        (697, 1.0, 697),
    ],
)
def test_fraction_of_the_target(num_rows, fraction, expected):
    part = make_part(num_rows, num_rows)
    subset = target_fraction(part, fraction=fraction, seed=3)
    assert len(subset) == expected
    rows = subset.position_m[:, 0]
    assert (np.diff(rows) > 0).all()
    if fraction == 1.0:
        assert subset.digest() == part.digest()


def test_fraction_follows_its_seed_and_smaller_lies_in_larger():
    part = make_part(500, 500)
    small, large, other = (
        positions(target_fraction(part, fraction=fraction, seed=seed))
        for fraction, seed in ((0.1, 0), (0.4, 0), (0.1, 1))
    )
    assert small < large
    assert small != other


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.01])
def test_impossible_fraction(fraction):
    with pytest.raises(ValueError, match=f"fraction is {fraction}"):
        target_fraction(make_part(4, 4), fraction=fraction, seed=0)


def test_fewer_fingerprints_are_spread_over_the_part():
    part = make_part(9, 9)
    assert spread_evenly(part, None) is part and spread_evenly(part, 9) is part
    few = spread_evenly(part, 3)
    np.testing.assert_array_equal(few.rss_dbm, part.rss_dbm[[0, 4, 8]])
