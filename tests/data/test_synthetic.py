"""Synthetic sites behave like buildings: signals decay, and nearest fingerprints are near."""

import time
from dataclasses import replace

import numpy as np
import pytest

from rsstl_jax.data import SYNTHETIC_SITES, fit_preprocessor, make_synthetic_site
from rsstl_jax.data.synthetic import _make_shadowing, _mean_rss_dbm
from rsstl_jax.errors import DataError

NAMES = sorted(SYNTHETIC_SITES)


def nearest_error_m(site, num_neighbours=5):
    """Mean error of the plain mean over the nearest train fingerprints, metres."""
    prep = fit_preprocessor(site.train)
    train, test = (np.asarray(prep.encode(part.rss_dbm)) for part in (site.train, site.test))
    apart = (train**2).sum(axis=1)[None, :] - 2 * test @ train.T  # but for each test row's norm
    nearest = np.argsort(apart, axis=1)[:, :num_neighbours]
    predicted = site.train.position_m[nearest].mean(axis=1)
    return np.linalg.norm(predicted - site.test.position_m, axis=1).mean()


@pytest.mark.parametrize("name", NAMES)
def test_a_nearest_neighbour_localises(name):
    site = make_synthetic_site(name)
    center = site.train.position_m.mean(axis=0, keepdims=True)
    constant_m = np.linalg.norm(center - site.test.position_m, axis=1).mean()
    assert nearest_error_m(site) < constant_m / 4


@pytest.mark.parametrize("name", NAMES)
def test_readings_of_other_positions_do_not_localise(name):
    site = make_synthetic_site(name)
    mixed = np.random.default_rng(0).permutation(len(site.test))
    wrong = replace(site.test, rss_dbm=site.test.rss_dbm[mixed])
    assert nearest_error_m(replace(site, test=wrong)) > 3 * nearest_error_m(site)


@pytest.mark.parametrize("name", NAMES)
def test_shape_and_range(name):
    building = SYNTHETIC_SITES[name]
    site = make_synthetic_site(name)
    assert site.train.num_access_points == building.num_access_points
    assert len(site.train) == building.num_positions * building.scans_per_position
    assert len(site.test) == building.num_test
    for part in (site.train, site.test):
        readings = part.rss_dbm[~np.isnan(part.rss_dbm)]
        assert (readings == np.rint(readings)).all()
        assert readings.min() == -95
        assert -50 < readings.max() <= 0
        assert set(part.floor) == set(range(building.num_floors))
        inside = part.position_m - np.array([building.origin_m])
        assert (inside >= 0).all()
        assert (inside <= np.array([building.size_m])).all()


def test_sites_differ_and_test_positions_are_new():
    sites = [make_synthetic_site(name) for name in NAMES]
    assert len({site.train.num_access_points for site in sites}) == 3
    assert len({site.train.digest() for site in sites}) == 3
    for site in sites:
        known = set(map(tuple, site.train.position_m))
        assert not known & set(map(tuple, site.test.position_m))


def floor_contrast(train, floor):
    """How unlike the floors are in the fraction of scans that detect an access point."""
    detected = ~np.isnan(train.rss_dbm)
    fractions = np.stack([detected[floor == number].mean(axis=0) for number in np.unique(floor)])
    return np.ptp(fractions, axis=0).mean()


@pytest.mark.parametrize("name", NAMES)
def test_floors_attenuate(name):
    train = make_synthetic_site(name).train
    mixed = np.random.default_rng(0).permutation(train.floor)
    assert floor_contrast(train, train.floor) > 2 * floor_contrast(train, mixed)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_each_time_and_fast(name):
    start = time.perf_counter()
    first = make_synthetic_site(name)
    assert time.perf_counter() - start < 5
    assert first.test.digest() == make_synthetic_site(name).test.digest()


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(DataError, match=r"'synthetic-moon' is not .*office, synthetic-mall"):
        make_synthetic_site("synthetic-moon")


def test_path_loss_walls_and_floors_by_hand():
    building = replace(
        SYNTHETIC_SITES["synthetic-office"],
        path_loss_exponent=2.0,
        room_m=40.0,
        wall_db=3.0,
        floor_db=14.0,
    )
    transmitter = np.array([[0.0, 0.0, 0.0]])
    positions = np.array([[0.5, 0, 0], [10, 0, 0], [100, 0, 0], [0, 0, 1], [0, 0, 2]], float)
    expected = [
        -35.0,  # nearer than a metre counts as a metre
        -35.0 - 20,
        -35.0 - 40 - 2 * 3,  # walls at 40 m and 80 m
        -35.0 - 20 * np.log10(3.5) - 14,
        -35.0 - 20 * np.log10(7.0) - 2 * 14,
    ]
    mean_dbm = _mean_rss_dbm(building, positions, transmitter)
    np.testing.assert_allclose(mean_dbm[:, 0], expected, rtol=1e-12)


def test_shadowing_has_the_stated_deviation_and_correlation():
    building = replace(SYNTHETIC_SITES["synthetic-office"], num_access_points=4000)
    shadowing_db = _make_shadowing(np.random.default_rng(0), building)
    positions = np.array([[0, 0, 0], [building.shadowing_m, 0, 0], [200, 0, 0]], float)
    here, near, far = shadowing_db(positions)
    assert here.std() == pytest.approx(building.shadowing_db, rel=0.05)
    # exp(-1/2) at one correlation length; standard error 1 / sqrt(4000) = 0.016
    assert np.corrcoef(here, near)[0, 1] == pytest.approx(np.exp(-0.5), abs=0.05)
    assert np.corrcoef(here, far)[0, 1] == pytest.approx(0, abs=0.07)
