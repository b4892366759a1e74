"""The figures on a teacher's card, by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from rsstl_jax.phases.teacher_quality import main_plane, teacher_quality

REAL = jnp.array([[1.0, 0.0], [0.0, 1.0]])


def test_twice_as_long_pairs_by_hand():
    """Means (1, 1) for (0.5, 0.5): 1; covariances four times as large: 3 more; cosines all 1."""
    quality = teacher_quality(REAL, 2 * REAL, jnp.array([1.0, 4.0]))
    expected = {
        "mean_distance": 1.0,
        "covariance_distance": 3.0,
        "variance_ratio": 4.0,
        "pair_cosine": 1.0,
        "nearest_cosine": 1.0,
        "decoded_error_m": 2.5,
        "collapsed": False,
    }
    assert quality == pytest.approx(expected)


def test_the_right_ones_for_the_wrong_rows():
    quality = teacher_quality(REAL, REAL[::-1], jnp.zeros(2))
    assert quality["pair_cosine"] == 0 and quality["nearest_cosine"] == pytest.approx(1)
    assert quality["mean_distance"] == 0 and quality["variance_ratio"] == pytest.approx(1)


@pytest.mark.parametrize(("spread", "collapsed"), [(0.0, True), (0.22, True), (0.23, False)])
def test_collapse_is_a_variance_below_a_twentieth(spread, collapsed):
    """0.22 squared is 0.0484 and 0.23 squared is 0.0529."""
    generated = jnp.array([0.5, 0.5])[None] + spread * (REAL - 0.5)
    assert teacher_quality(REAL, generated, jnp.zeros(2))["collapsed"] is collapsed


def test_constant_and_zero_representations_give_finite_figures():
    zeros = jnp.zeros((4, 3))
    quality = teacher_quality(zeros, zeros, jnp.zeros(4))
    assert all(np.isfinite(value) for value in quality.values())


def test_the_plane_keeps_the_distances_of_what_lies_in_a_plane():
    rng = np.random.default_rng(0)
    across = np.linalg.qr(rng.normal(size=(7, 2)))[0].T
    real, generated = rng.normal(size=(2, 20, 2)) * [3, 1] @ across + 5
    plane = main_plane(real, generated)
    shown = np.array(plane["real"] + plane["generated"])
    both = np.concatenate([real, generated])
    apart = np.linalg.norm(both[:, None] - both[None], axis=-1)
    np.testing.assert_allclose(
        np.linalg.norm(shown[:, None] - shown[None], axis=-1), apart, atol=1e-3
    )
    assert sum(plane["variance"]) == pytest.approx(1, abs=1e-3)
    assert plane["variance"][0] > plane["variance"][1]


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 1), (4, 3), (900, 3)])
def test_the_plane_of_constant_representations_is_a_point(shape):
    plane = main_plane(np.ones(shape), np.ones(shape))
    assert plane["real"] == plane["generated"] == [[0.0, 0.0]] * min(shape[0], 300)
    assert plane["variance"] == [0.0, 0.0]
