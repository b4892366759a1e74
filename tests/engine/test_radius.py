"""Floors are voted for by nearby prototypes, and radii cover what they are calibrated to cover."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from tiny import make_part

from rsstl_jax.data import fit_preprocessor, load_site
from rsstl_jax.engine.prototypes import (
    NO_LABEL,
    find_nearest,
    linear_level,
    make_prototypes,
    read_prototypes,
    vote,
    write_prototypes,
)
from rsstl_jax.engine.radius import (
    HeldOut,
    RadiusModel,
    conformal_quantile,
    fit_radius,
    predict_radius_m,
    radius_facts,
    read_radius,
)
from rsstl_jax.errors import DamagedError
from rsstl_jax.store.files import write_sealed


def voted(train, part):
    preprocessor = fit_preprocessor(train)
    prototypes = make_prototypes(train, preprocessor)
    level = linear_level(preprocessor, part.rss_dbm)
    label = np.asarray(vote(prototypes, find_nearest(prototypes, level), level))
    return np.asarray(prototypes.labels)[label]


@pytest.mark.slow
def test_most_floors_of_a_synthetic_site_are_found():
    site = load_site("synthetic-office")
    building, floor = voted(site.train, site.test).T
    assert (building == NO_LABEL).all()
    assert (floor == site.test.floor).mean() > 0.9


def test_the_floor_lies_in_the_building_that_is_voted_for():
    """Two floors of building 1 share its votes, of which each has fewer than building 0's one."""
    rss_dbm = np.array([[-60, -90], [-60.5, -90], [-61, -90]], np.float32)
    part = dataclasses.replace(
        make_part().take(range(3)),
        rss_dbm=rss_dbm,
        access_points=("a", "b"),
        position_m=np.array([[0.0, 0.0], [5.0, 0.0], [9.0, 0.0]]),
        building=np.array([0, 1, 1], np.int32),
        floor=np.array([7, 2, 3], np.int32),
    )
    ((building, floor),) = voted(part, part.take([0]))
    assert building == 1 and floor in (2, 3)


def test_prototypes_are_means_of_a_position(tmp_path):
    part = make_part().take([0, 0, 1])
    preprocessor = fit_preprocessor(part)
    prototypes = make_prototypes(part, preprocessor)
    assert len(prototypes.label) == 2
    level = np.asarray(linear_level(preprocessor, part.rss_dbm))
    assert any(np.allclose(row, level[0]) for row in np.asarray(prototypes.level))
    write_prototypes(tmp_path / "prototypes.npz", prototypes)
    again = read_prototypes(tmp_path / "prototypes.npz", part.num_access_points)
    for one, other in zip(prototypes, again, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(DamagedError, match="level has shape"):
        read_prototypes(tmp_path / "prototypes.npz", part.num_access_points + 1)
    (tmp_path / "prototypes.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(DamagedError, match="damaged"):
        read_prototypes(tmp_path / "prototypes.npz", part.num_access_points)


def draw(rng, number):
    """Errors whose scale one feature tells."""
    features = rng.normal(size=(number, 6))
    error_m = np.exp(features[:, 0]) * rng.exponential(size=number)
    return HeldOut(features, error_m, np.arange(number), np.zeros(number, np.int64))


def test_radii_cover_new_errors_and_are_smaller_than_one_for_all():
    rng = np.random.default_rng(0)
    calibration, new = draw(rng, 2000), draw(rng, 4000)
    model = fit_radius(calibration, 1)
    radii = np.asarray(predict_radius_m(model, jnp.asarray(new.features), jnp.zeros(4000, int)))
    covered = (new.error_m <= radii).mean()
    # The standard error of 4000 draws at 0.9 is 0.005, that of 2000 calibrated ones 0.007.
    assert abs(covered - 0.9) < 0.03
    assert radii.mean() < 0.85 * np.quantile(new.error_m, covered)


def test_features_of_small_errors_alone_leave_one_radius_for_all():
    """Half the errors are small, and one feature says how small; the radius is for the others."""
    rng = np.random.default_rng(2)
    held_out = draw(rng, 4000)
    small = rng.random(4000) < 0.5
    small_m = 6 * np.exp(np.minimum(held_out.features[:, 0], 0))
    error_m = np.where(small, small_m, rng.uniform(8, 9, 4000))
    model = fit_radius(dataclasses.replace(held_out, error_m=error_m), 1)
    radii = np.asarray(
        predict_radius_m(model, jnp.asarray(held_out.features), jnp.zeros(4000, int))
    )
    assert radii.mean() <= 1.005 * np.quantile(error_m, (error_m <= radii).mean())


def test_radii_of_an_earlier_version_need_five_features(tmp_path):
    slope = np.arange(1.0, 6.0) / 10
    earlier = RadiusModel(jnp.asarray(slope), jnp.asarray(0.5), jnp.asarray([2.0]))
    facts = radius_facts(earlier)
    del facts["coverage"]
    write_sealed(tmp_path / "radius.json", facts)
    model = read_radius(tmp_path / "radius.json", 1)
    assert model.coverage == 0.9
    features = np.random.default_rng(3).normal(size=(7, 6))
    radii = predict_radius_m(model, jnp.asarray(features), jnp.zeros(7, int))
    np.testing.assert_allclose(radii, 2 * np.exp(0.5 + features[:, :5] @ slope), rtol=1e-5)
    for number in (4, 7):
        write_sealed(
            tmp_path / "radius.json", radius_facts(earlier._replace(slope=jnp.ones(number)))
        )
        with pytest.raises(DamagedError, match="slope has shape"):
            read_radius(tmp_path / "radius.json", 1)


def test_a_floor_with_larger_errors_has_larger_radii():
    rng = np.random.default_rng(1)
    held_out = draw(rng, 1000)
    label = np.arange(1000) % 2
    error_m = held_out.error_m * np.where(label == 1, 3.0, 1.0)
    model = fit_radius(dataclasses.replace(held_out, error_m=error_m, label=label), 3)
    first, second, unseen = np.asarray(model.factor)
    assert 2 < second / first < 4.5 and first < unseen < second


@pytest.mark.parametrize("number", [1, 3, 8, 9, 2000])
def test_a_radius_says_how_often_it_holds_a_position(tmp_path, number):
    """The largest of n errors is at least as large as a new one with probability n / (n + 1)."""
    fitted = fit_radius(draw(np.random.default_rng(0), number), 1)
    write_sealed(tmp_path / "radius.json", radius_facts(fitted))
    assert read_radius(tmp_path / "radius.json", 1).coverage == min(number / (number + 1), 0.9)


def test_the_quantile_is_that_of_split_conformal_prediction():
    # ceil((9 + 1) 0.9) = 9, the largest of nine; of nineteen the eighteenth.
    assert conformal_quantile(np.arange(1.0, 10)) == 9
    assert conformal_quantile(np.arange(1.0, 20)) == 18
