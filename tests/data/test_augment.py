"""Statistics of each term, alone, and what must never change."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rsstl_jax.data import augment_rss, encode_rss
from rsstl_jax.data.preprocess import UNDETECTED_DBM, to_device

KEY = jax.random.key(7)
ROWS, COLUMNS = 400, 500
ALL = {"access_point_dropout": 0.3, "gain_offset_db": 4.0, "reading_noise_db": 3.0}


def make_rss_dbm(level=-60.0):
    rss_dbm = jnp.full((ROWS, COLUMNS), level)
    return rss_dbm.at[:, ::5].set(jnp.nan)


def test_zero_rates_change_nothing():
    rss_dbm = make_rss_dbm()
    np.testing.assert_array_equal(augment_rss(KEY, rss_dbm), rss_dbm)


def test_dropout_hides_readings_at_its_rate_and_leaves_the_others():
    augmented = np.asarray(augment_rss(KEY, make_rss_dbm(), access_point_dropout=0.3))
    detected = augmented[:, np.arange(COLUMNS) % 5 != 0]
    # standard deviation of the fraction: sqrt(0.3 * 0.7 / 160000) = 0.0011
    assert np.isnan(detected).mean() == pytest.approx(0.3, abs=0.006)
    assert np.unique(detected[~np.isnan(detected)]).tolist() == [-60.0]


def test_dropout_of_one_hides_all():
    assert np.isnan(augment_rss(KEY, make_rss_dbm(), access_point_dropout=1.0)).all()


@pytest.mark.parametrize(
    "rate",
    [
        {"access_point_dropout": 1.5},
        {"access_point_dropout": -0.1},
        {"gain_offset_db": -3.0},
        {"reading_noise_db": np.nan},
    ],
)
def test_impossible_rates_are_named(rate):
    with pytest.raises(ValueError, match=f"{next(iter(rate))} must be a"):
        augment_rss(KEY, make_rss_dbm(), **rate)


def test_a_sentinel_for_undetected_is_no_level():
    with pytest.raises(ValueError, match="rss_dbm holds 100; a level is at most 0 dBm"):
        augment_rss(KEY, make_rss_dbm(100.0))


def test_gain_is_one_offset_per_fingerprint():
    augmented = np.asarray(augment_rss(KEY, make_rss_dbm(), gain_offset_db=4.0))
    offset = augmented[:, 1] + 60
    np.testing.assert_allclose(augmented[:, 1:5] - augmented[:, 1:2], 0, atol=1e-5)
    # standard error: 4 / sqrt(400) = 0.2 of the mean, 4 / sqrt(800) = 0.14 of the deviation
    assert offset.mean() == pytest.approx(0, abs=0.8)
    assert offset.std() == pytest.approx(4, abs=0.6)


def test_noise_is_normal_and_independent_from_reading_to_reading():
    noise = np.asarray(augment_rss(KEY, make_rss_dbm(), reading_noise_db=3.0)) + 60
    noise = noise[:, np.arange(COLUMNS) % 5 != 0]
    assert noise.mean() == pytest.approx(0, abs=0.04)
    assert noise.std() == pytest.approx(3, abs=0.03)
    # fractions of a normal within one and two deviations
    assert (np.abs(noise) < 3).mean() == pytest.approx(0.6827, abs=0.006)
    assert (np.abs(noise) < 6).mean() == pytest.approx(0.9545, abs=0.003)
    assert np.corrcoef(noise[:, 0], noise[:, 1])[0, 1] == pytest.approx(0, abs=0.2)
    assert noise.mean(axis=1).std() == pytest.approx(3 / np.sqrt(400), abs=0.03)


def test_noise_does_not_depend_on_what_is_dropped():
    augmented = np.asarray(
        augment_rss(KEY, make_rss_dbm(), access_point_dropout=0.5, reading_noise_db=3.0)
    )
    kept = augmented[~np.isnan(augmented)] + 60
    assert kept.mean() == pytest.approx(0, abs=0.05)
    assert kept.std() == pytest.approx(3, abs=0.05)


def test_undetected_stays_undetected_and_nothing_exceeds_zero_dbm():
    augmented = np.asarray(augment_rss(KEY, make_rss_dbm(-1.0), **ALL))
    assert np.isnan(augmented[:, ::5]).all()
    assert np.nanmax(augmented) == 0.0
    assert np.nanmin(augmented) < -5.0


def test_jit_traced_rates_and_keys():
    rss_dbm = make_rss_dbm()
    eager = augment_rss(KEY, rss_dbm, **ALL)
    np.testing.assert_allclose(jax.jit(augment_rss)(KEY, rss_dbm, **ALL), eager, atol=2e-5)
    np.testing.assert_array_equal(augment_rss(KEY, rss_dbm, **ALL), eager)
    other = np.asarray(augment_rss(jax.random.key(8), rss_dbm, **ALL))
    assert (np.isnan(other) != np.isnan(eager)).mean() > 0.2


def test_vmap_over_replicas_equals_a_loop():
    rss_dbm = make_rss_dbm()[:8, :20]
    keys = jax.random.split(KEY, 3)
    rates = jnp.array([0.0, 0.3, 0.6])

    def augment(key, rate):
        return augment_rss(key, rss_dbm, access_point_dropout=rate, gain_offset_db=2.0)

    stacked = jax.vmap(augment)(keys, rates)
    for replica in range(3):
        np.testing.assert_allclose(stacked[replica], augment(keys[replica], rates[replica]))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float16, jnp.bfloat16])
def test_dtype_and_shape_are_kept(dtype):
    rss_dbm = make_rss_dbm()[:4, :6].astype(dtype)
    augmented = augment_rss(KEY, rss_dbm, **ALL)
    assert (augmented.dtype, augmented.shape) == (dtype, (4, 6))
    assert augment_rss(KEY, rss_dbm[0], **ALL).shape == (6,)


def test_on_the_device_a_level_stands_for_nan_and_the_network_sees_the_same():
    readings = np.asarray(make_rss_dbm())
    marked = augment_rss(KEY, to_device(readings), **ALL, undetected_dbm=UNDETECTED_DBM)
    assert np.isfinite(marked).all()
    encode = partial(encode_rss, floor_dbm=-75.0)
    np.testing.assert_array_equal(encode(marked), encode(augment_rss(KEY, readings, **ALL)))


def test_integers_are_refused():
    """Noise would be cut to whole dB."""
    with pytest.raises(TypeError, match="rss_dbm is int32; a floating type is expected"):
        augment_rss(KEY, np.full((2, 3), -60, np.int32), reading_noise_db=3.0)
