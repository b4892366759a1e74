"""Errors in metres and their figures, by hand and by np.percentile."""

import numpy as np
import pytest

from rsstl_jax.metrics import error_m, evaal_error_m, floor_hit_rate, summarize


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
    with pytest.raises(ValueError, match="n of at least 1"):
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
