"""What is computed of a support, against NumPy in float64; rows that fill it up change nothing."""

import jax
import jax.numpy as jnp
import numpy as np

from rsstl_jax.models.site_agnostic.support import make_support, power_centroid

RNG = np.random.default_rng(0)
NUM_ROWS, NUM_ACCESS_POINTS = 40, 9
LEVEL = np.where(RNG.random((NUM_ROWS, NUM_ACCESS_POINTS)) < 0.6, RNG.random((40, 9)), 0.0)
LEVEL[:, 4] = 0.0
LEVEL[7] = 0.0
POSITION = RNG.normal([3.0, -2.0], 1.0, (NUM_ROWS, 2))
PLACE = np.arange(NUM_ROWS)


def make(level=LEVEL, position=POSITION, place=PLACE, valid=None):
    level, position = level.astype(np.float32), position.astype(np.float32)
    return jax.jit(make_support)(level, position, place, valid)


def statistics(level, position):
    """{name: value} of every access point, by loops in float64."""
    found = {name: [] for name in ("centroid", "spread", "num_detections", "maximum")}
    for column in level.T:
        weight = column**6
        heard = weight.sum() > 0
        mean = (weight[:, None] * position).sum(axis=0) / weight.sum() if heard else np.zeros(2)
        squares = np.square(position - mean).sum(axis=1)
        found["centroid"].append(mean)
        found["spread"].append(np.sqrt((weight * squares).sum() / weight.sum()) if heard else 0.0)
        found["num_detections"].append((column > 0).sum())
        found["maximum"].append(column.max())
    return {name: np.array(values) for name, values in found.items()}


def test_statistics_equal_numpys():
    support = make()
    for name, expected in statistics(LEVEL, POSITION).items():
        np.testing.assert_allclose(getattr(support, name), expected, rtol=2e-5, atol=1e-5)
    np.testing.assert_allclose(support.norm[:7], np.linalg.norm(LEVEL[:7], axis=1), rtol=1e-6)
    assert float(support.norm[7]) == 1.0
    mass = np.stack([(LEVEL**e).sum(axis=1) for e in (1.5, 1, 3)], axis=1)
    np.testing.assert_allclose(support.mass, mass, rtol=1e-5)
    np.testing.assert_allclose(support.center, POSITION.mean(axis=0), rtol=1e-5)
    around = POSITION - POSITION.mean(axis=0)
    radius = np.sqrt(np.square(around).sum(axis=1).mean())
    np.testing.assert_allclose(support.radius, radius, rtol=1e-5)


def test_rows_that_do_not_count_change_nothing():
    support, extra = make(), 13
    filled = make(
        np.vstack([LEVEL, RNG.random((extra, NUM_ACCESS_POINTS))]),
        np.vstack([POSITION, RNG.normal(0, 100, (extra, 2))]),
        np.concatenate([PLACE, np.zeros(extra, int)]),
        jnp.arange(NUM_ROWS + extra) < NUM_ROWS,
    )
    assert float(filled.number) == NUM_ROWS
    for name in ("centroid", "spread", "num_detections", "maximum", "center", "radius"):
        np.testing.assert_allclose(getattr(filled, name), getattr(support, name), rtol=1e-5)


def test_order_of_rows_and_access_points_is_only_an_order():
    rows, columns = RNG.permutation(NUM_ROWS), RNG.permutation(NUM_ACCESS_POINTS)
    support = make()
    turned = make(LEVEL[rows][:, columns], POSITION[rows], PLACE[rows])
    for name in ("centroid", "spread", "num_detections", "maximum"):
        expected = getattr(support, name)[columns]
        np.testing.assert_allclose(getattr(turned, name), expected, rtol=1e-4, atol=1e-5)


def test_far_from_the_origin_spreads_keep_their_digits():
    """As in float32 |p|^2 - |mean|^2 would not."""
    spread = make(position=POSITION + 1000.0).spread
    np.testing.assert_allclose(spread, make().spread, rtol=1e-3, atol=1e-3)


def test_an_empty_support_has_finite_numbers():
    support = make(valid=jnp.zeros(NUM_ROWS, bool))
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(support))
    assert float(support.number) == 0.0 and float(support.num_detections.max()) == 0.0


def test_centroid_of_a_fingerprint_by_hand():
    level, position = np.eye(2, 3), np.array([[0.0, 0.0], [65.0, 0.0]])
    support = make(level, position, PLACE[:2])
    queries = jnp.array([[0.5, 0.25, 0.7], [0.0, 0.0, 0.9]])
    # weights 1/64 and 1/4096: 65 * (1/4096) / (65/4096) = 1; the third is nowhere detected
    found = jax.jit(power_centroid)(queries, support)
    np.testing.assert_allclose(found, [[1.0, 0.0], [32.5, 0.0]])
