"""The input maps against hand arithmetic, and the centre against the precision trap."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsstl_jax.data import ENCODINGS, Fingerprints, Preprocessor, encode_rss, fit_preprocessor
from rsstl_jax.errors import DataError

RSS_DBM = np.array([[0.0, -26.0, -104.0, -105.0, np.nan]], np.float32)
FLOOR_DBM = -104.0


def make_train(rss_dbm, position_m):
    rss_dbm = np.asarray(rss_dbm, np.float32)
    names = tuple(f"AP{a}" for a in range(rss_dbm.shape[1]))
    return Fingerprints("home", "train", rss_dbm, np.asarray(position_m), None, None, names)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("linear", [1.0, (-26 + 104) / 104, 0.0, 0.0, 0.0]),
        ("powed", [1.0, 0.75**math.e, 0.0, 0.0, 0.0]),
        ("exponential", [1.0, math.exp(78 / 24) / math.exp(104 / 24), math.exp(-104 / 24), 0, 0]),
        ("raw", [0.0, -0.26, -1.04, 1.0, 1.0]),
    ],
)
def test_maps_by_hand(encoding, expected):
    encoded = encode_rss(RSS_DBM, encoding=encoding, floor_dbm=FLOOR_DBM)
    assert encoded.dtype == jnp.float32
    np.testing.assert_allclose(encoded[0], expected, rtol=1e-6, atol=1e-7)


def test_powed_takes_its_exponent():
    encoded = encode_rss(RSS_DBM, encoding="powed", floor_dbm=FLOOR_DBM, exponent=2.0)
    np.testing.assert_allclose(encoded[0, 1], 0.75**2, rtol=1e-6)


@pytest.mark.parametrize("encoding", ["linear", "powed"])
def test_a_reading_at_the_floor_is_exactly_zero(encoding):
    """A network that asks what is above 0 would else see a detection that rounding made."""
    for floor_dbm in (-94, -97, -100, -113):
        at_floor = jnp.array([floor_dbm, floor_dbm + 1], jnp.float32)
        run = jax.jit(lambda row, f=floor_dbm: encode_rss(row, encoding=encoding, floor_dbm=f))
        encoded = run(at_floor)
        assert encoded[0] == 0 < encoded[1]


@given(
    st.lists(st.floats(-130, 0, width=32) | st.just(math.nan), min_size=8, max_size=8),
    st.floats(-129, -1, width=32),
    st.sampled_from(("linear", "powed", "exponential")),
)
@settings(deadline=None, max_examples=50)
def test_maps_stay_in_the_unit_interval_and_keep_the_order(readings, floor_dbm, encoding):
    rss_dbm = np.array(readings, np.float32)
    encoded = np.asarray(encode_rss(rss_dbm, encoding=encoding, floor_dbm=floor_dbm))
    assert ((encoded >= 0) & (encoded <= 1)).all()
    assert (encoded[~(rss_dbm >= np.float32(floor_dbm))] == 0).all()
    rising = np.sort(np.nan_to_num(rss_dbm, nan=-130))
    in_order = np.asarray(encode_rss(rising, encoding=encoding, floor_dbm=floor_dbm))
    assert (np.diff(in_order) >= 0).all()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_jit_vmap_and_gradient(encoding):
    def encode(row):
        return encode_rss(row, encoding=encoding, floor_dbm=FLOOR_DBM)

    rows = jnp.asarray(np.repeat(RSS_DBM, 3, axis=0))
    np.testing.assert_allclose(jax.jit(encode)(rows), encode(rows), rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(encode)(rows), encode(rows), rtol=1e-6)
    gradient = jax.grad(lambda row: encode(row).sum())(rows)
    assert np.isfinite(gradient).all()
    assert (np.asarray(gradient)[:, 3:] == 0).all()
    assert (np.asarray(gradient)[:, 1] > 0).all()


def test_wrong_input_is_an_error():
    with pytest.raises(ValueError, match="encoding is 'squared'; it must be one of linear, powed"):
        encode_rss(RSS_DBM, encoding="squared", floor_dbm=FLOOR_DBM)
    with pytest.raises(ValueError, match="floor_dbm must be a level below 0 dBm"):
        encode_rss(RSS_DBM, floor_dbm=100.0)
    with pytest.raises(TypeError, match="rss_dbm is int32; a floating type"):
        encode_rss(np.array([-60], np.int32), floor_dbm=FLOOR_DBM)
    for array in (np.array, jnp.array):
        with pytest.raises(ValueError, match="rss_dbm holds 100; a level is at most 0 dBm"):
            encode_rss(array([-60.0, 100.0], np.float32), floor_dbm=FLOOR_DBM)
    for exponent in (0, -1.0, np.nan):
        with pytest.raises(ValueError, match="exponent must be a number above 0"):
            encode_rss(RSS_DBM, encoding="powed", floor_dbm=FLOOR_DBM, exponent=exponent)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, jnp.bfloat16])
def test_every_floating_type_of_the_host_is_encoded(dtype):
    readings = np.array([-52.0, np.nan, -104.0]).astype(dtype)
    encoded = encode_rss(readings, floor_dbm=FLOOR_DBM)
    np.testing.assert_allclose(encoded.astype(float), [0.5, 0.0, 0.0], atol=1e-7)


def test_fit_by_hand():
    train = make_train([[-90.0, np.nan], [-60.0, -104.0]], [[0.0, 10.0], [4.0, 16.0]])
    prep = fit_preprocessor(train)
    assert prep.floor_dbm == -105.0
    assert prep.origin_m.tolist() == [2.0, 13.0]
    # deviations -2, -3, 2, 3: sqrt((4 + 9 + 4 + 9) / 4)
    assert prep.scale_m == pytest.approx(math.sqrt(26 / 4), rel=1e-12)


def test_a_single_position_has_scale_one():
    position = [-7541.264300000, 4864920.7782]
    prep = fit_preprocessor(make_train([[-90.0]] * 3, [position] * 3))
    assert prep.scale_m == 1.0
    np.testing.assert_allclose(prep.center([position]), 0, atol=1e-6)


def test_nothing_detected_is_an_error():
    with pytest.raises(DataError, match="home train: no access point was detected"):
        fit_preprocessor(make_train([[np.nan]], [[0.0, 0.0]]))


def test_centering_keeps_millimetres_where_float32_loses_half_a_metre():
    position_m = np.array([[-7541.2643, 4864920.7782], [-7536.6212, 4864934.2252]])
    prep = fit_preprocessor(make_train([[-90.0], [-80.0]], position_m))
    centered_m = prep.center(position_m)
    assert centered_m.dtype == np.float32
    difference_m = centered_m[1].astype(np.float64) - centered_m[0]
    np.testing.assert_allclose(difference_m, [4.6431, 13.4470], atol=1e-5)
    np.testing.assert_allclose(prep.uncenter(centered_m), position_m, rtol=0, atol=1e-5)
    assert np.abs(position_m.astype(np.float32) - position_m).max() > 0.1
    with pytest.raises(TypeError, match="position_m is float32"):
        prep.center(position_m.astype(np.float32))


def test_uncenter_takes_device_arrays():
    prep = Preprocessor("linear", math.e, -100.0, np.array([0.0, 4864920.7782]), 1.0)
    position_m = prep.uncenter(jnp.array([[0.5, 0.25]]))
    assert position_m.dtype == np.float64
    assert position_m.tolist() == [[0.5, 4864920.7782 + 0.25]]


@given(st.floats(-1e7, 1e7), st.floats(-1e7, 1e7), st.floats(1e-3, 1e6), st.floats(-130, -1e-3))
@settings(deadline=None, max_examples=50)
def test_json_gives_every_bit_back(x, y, scale_m, floor_dbm):
    prep = Preprocessor("powed", 1.7, floor_dbm, np.array([x, y]), scale_m)
    again = Preprocessor.from_dict(json.loads(json.dumps(prep.to_dict())))
    assert again.to_dict() == prep.to_dict()
    assert again.origin_m.tolist() == [x, y]


def test_encode_uses_the_fitted_values():
    prep = Preprocessor("powed", 2.0, FLOOR_DBM, np.zeros(2), 1.0)
    np.testing.assert_allclose(prep.encode(RSS_DBM)[0, :3], [1.0, 0.5625, 0.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoding": "x"}, "encoding is 'x'"),
        ({"exponent": 0.0}, "exponent is 0.0"),
        ({"floor_dbm": 0.0}, "floor_dbm is 0.0"),
        ({"floor_dbm": math.nan}, "floor_dbm is nan"),
        ({"scale_m": 0.0}, "scale_m is 0.0"),
        ({"origin_m": [0.0]}, r"origin_m is array\(\[0.\]\); float64\[2\] is expected"),
        ({"scale_m": "7"}, "scale_m is '7'; it must be above 0"),
        ({"exponent": True}, "exponent is True; it must be above 0"),
        ({"origin_m": [0.0, math.inf]}, "is expected, finite"),
        ({"colour": 1}, "missing or unknown: colour"),
    ],
)
def test_impossible_values_are_named(change, message):
    prep = Preprocessor("linear", math.e, -100.0, np.zeros(2), 1.0)
    with pytest.raises(ValueError, match=message):
        Preprocessor.from_dict(prep.to_dict() | change)
    values = prep.to_dict()
    del values["scale_m"]
    with pytest.raises(ValueError, match="missing or unknown: scale_m"):
        Preprocessor.from_dict(values)
