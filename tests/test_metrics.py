"""Errors in metres and their figures, by hand and by np.percentile."""

import numpy as np
import pandas as pd
import pytest

from rsstl_jax.metrics import (
    error_3d_m,
    error_m,
    evaal_error_m,
    floor_hit_rate,
    ground_error_m,
    ipin_score_m,
    summarize,
)


def test_distance_in_the_plane_by_hand():
    """3-4-5 and 5-12-13 triangles, and none at all."""
    predicted_m, actual_m = [[3, 4], [10, 20], [7, 7]], [[0, 0], [5, 8], [7, 7]]
    np.testing.assert_array_equal(error_m(predicted_m, actual_m), [5.0, 13.0, 0.0])


def test_distance_keeps_centimetres_at_a_map_projections_coordinates():
    """Float32 would be 0.5 m coarse at this northing."""
    actual_m = np.array([[-7541.2643, 4864920.7782]])
    apart_m = error_m(actual_m + np.array([[0.03, 0.04]]), actual_m)
    np.testing.assert_allclose(apart_m, [0.05], rtol=1e-6)


@pytest.mark.parametrize("shape", [(3, 2), (4, 3), (4,)])
def test_positions_of_other_shapes_are_an_error(shape):
    with pytest.raises(ValueError, match=r"actual_m \(4, 2\); both must be \[n, 2\]"):
        error_m(np.zeros(shape), np.zeros((4, 2)))


@pytest.mark.parametrize(
    "values",
    [
        np.array([[1 + 1j, 2]]),
        [["1", "2"]],
        pd.DataFrame([["1", "2"]]),
        np.array([["2026-01-01", "2026-01-02"]], "datetime64[D]"),
    ],
)
def test_what_are_no_real_numbers_is_refused(values):
    with pytest.raises(ValueError, match=r"^an array of real numbers is expected, got"):
        error_m(values, np.zeros((1, 2)))


def test_figures_by_hand():
    """Of 0, 2, 4, 10, 14: the percentile p lies at 4 p, counted from the smallest."""
    figures = summarize([14.0, 0.0, 10.0, 4.0, 2.0])
    assert figures == pytest.approx(
        {
            "mae_m": 6.0,  # 30 / 5
            "median_m": 4.0,  # at 2
            "p75_m": 10.0,  # at 3
            "p95_m": 13.2,  # at 3.8: 10 + 0.8 * 4
            "within_10_m": 0.6,  # 10 itself is not below
        }
    )


def test_percentiles_are_numpys():
    errors = np.random.default_rng(0).gamma(2.0, 4.0, 997)
    figures = summarize(errors)
    assert figures["p75_m"] == np.percentile(errors, 75)
    assert figures["p95_m"] == np.percentile(errors, 95)
    assert figures["mae_m"] == pytest.approx(np.mean(errors))


def test_no_error_is_no_figure():
    with pytest.raises(ValueError, match="errors_m is empty"):
        summarize([])


def test_floor_hit_rate_by_hand_and_its_shapes():
    assert floor_hit_rate([0, 1, 2, 3], [0, 1, 1, 1]) == 0.5
    with pytest.raises(ValueError, match=r"predicted_floor has shape \(2,\), actual_floor \(3,\)"):
        floor_hit_rate([0, 1], [0, 1, 2])
    with pytest.raises(ValueError, match="actual_floor is empty"):
        floor_hit_rate([], [])


def test_evaal_error_by_hand():
    """5 m + 2 floors of 4 m; 0 m + the wrong building's 50 m; a floor below counts as one above."""
    error = evaal_error_m(
        [[3.0, 4.0], [1.0, 1.0], [0.0, 0.0]],
        [[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]],
        floors_off=[2, 0, -1],
        building_wrong=[False, True, False],
    )
    np.testing.assert_array_equal(error, [13.0, 50.0, 4.0])


def test_evaal_error_broadcasts_nothing():
    with pytest.raises(ValueError, match=r"floors_off has shape \(1,\), building_wrong \(2,\)"):
        evaal_error_m(np.zeros((2, 2)), np.zeros((2, 2)), floors_off=[1], building_wrong=[0, 0])


def test_evaal_error_names_what_is_missing():
    """A scan without known access points has no floor in an answer."""
    for missing in pd.Series([1, pd.NA], dtype="Int64"), [1.0, np.nan]:
        with pytest.raises(ValueError, match=r"^floors_off\[1\] is missing: leave out what"):
            evaal_error_m(
                np.zeros((2, 2)), np.zeros((2, 2)), floors_off=missing, building_wrong=[0, 0]
            )


@pytest.mark.parametrize("floor", [0.5, np.inf])
def test_evaal_error_counts_whole_floors(floor):
    with pytest.raises(ValueError, match="floors_off must be whole numbers"):
        evaal_error_m([[0, 0]], [[0, 0]], floors_off=[floor], building_wrong=[False])


def test_ipin_score_by_hand():
    """Errors 5 + 15, 0 + 50, 2, 1 + 30 and 4: sorted 2, 4, 20, 31, 50; three quarters up is 31."""
    score = ipin_score_m(
        [[3.0, 4.0], [0.0, 0.0], [0.0, 2.0], [1.0, 0.0], [4.0, 0.0]],
        np.zeros((5, 2)),
        floors_off=[1, 0, 0, -2, 0],
        building_wrong=[False, True, False, False, False],
    )
    assert score == 31.0
    with pytest.raises(ValueError, match=r"floors_off has shape \(1,\), building_wrong \(2,\)"):
        ipin_score_m(np.zeros((2, 2)), np.zeros((2, 2)), floors_off=[1], building_wrong=[0, 0])
    with pytest.raises(ValueError, match="errors_m is empty"):
        ipin_score_m(np.zeros((0, 2)), np.zeros((0, 2)), floors_off=[], building_wrong=[])


def test_error_in_space_by_hand():
    """3-4-12-13; on the right height it is the error in the plane."""
    error = error_3d_m(
        [[3.0, 4.0], [3.0, 4.0]],
        np.zeros((2, 2)),
        predicted_height_m=[7.0, 5.0],
        actual_height_m=[-5.0, 5.0],
    )
    np.testing.assert_array_equal(error, [13.0, 5.0])
    with pytest.raises(ValueError, match=r"predicted_height_m has shape \(1,\), actual_height_m"):
        error_3d_m(
            np.zeros((2, 2)), np.zeros((2, 2)), predicted_height_m=[1], actual_height_m=[0, 0]
        )


def test_ground_error_is_the_distance_on_the_ellipsoid():
    """WGS 84's radii of curvature, by degrees: east N cos(lat), north M; both within 0.3 %."""
    longitude, latitude, a, e2 = -0.0674, 39.9929, 6378137.0, 0.00669437999014
    to_mercator = lambda lon, lat: [  # noqa: E731
        a * np.radians(lon),
        a * np.log(np.tan(np.pi / 4 + np.radians(lat) / 2)),
    ]
    here = to_mercator(longitude, latitude)
    east = to_mercator(longitude + 1e-4, latitude)
    north = to_mercator(longitude, latitude + 1e-4)
    root = np.sqrt(1 - e2 * np.sin(np.radians(latitude)) ** 2)
    east_m = a / root * np.cos(np.radians(latitude)) * np.radians(1e-4)
    north_m = a * (1 - e2) / root**3 * np.radians(1e-4)
    on_ground_m = ground_error_m([east, north], [here, here])
    np.testing.assert_allclose(on_ground_m, [east_m, north_m], rtol=3e-3)
    np.testing.assert_allclose(on_ground_m / error_m([east, north], [here, here]), 0.766, rtol=1e-3)
    with pytest.raises(ValueError, match="both must be"):
        ground_error_m([1.0, 2.0], [1.0, 2.0])
