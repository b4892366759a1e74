"""Scans in every form that receivers report, and what is said of one that cannot be read."""

import json

import numpy as np
import pandas as pd
import pytest

from rsstl_jax.data import read_scans
from rsstl_jax.data.readers.layout import Layout
from rsstl_jax.data.scans import name_columns
from rsstl_jax.errors import DataError

NAMES = ("hall", "attic")
WANTED = [[-61.0, np.nan]]


@pytest.mark.parametrize(
    "scans",
    [
        [{"hall": -61}],
        {"hall": -61.0},
        [{"HALL": -61.0, "attic": None}],
        [{"hall": "-61"}],
        [{"hall": -61.0, "attic": float("nan")}],
        [[{"mac": "hall", "rssi": -61}]],
        [{"mac": "hall", "rssi": -61}],
        [({"BSSID": "hall", "level": -61},)],
        (scan for scan in [{"hall": -61}]),
        json.loads('[{"hall": -61, "attic": null}]'),
        pd.DataFrame({"hall": [-61.0], "attic": [np.nan]}),
        pd.DataFrame({"hall": [-61.0], "attic": [np.nan]}).iloc[0],
        [pd.Series({"hall": np.float32(-61.0)})],
        pd.Series([{"hall": -61}], index=["morning"]),
        pd.DataFrame({"Attic": [None], "Hall": ["-61"]}),
        name_columns(np.ma.array([[-61.0, -70.0]], mask=[[False, True]]), NAMES),
    ],
)
def test_common_forms_are_read(scans):
    rows = read_scans(scans, NAMES)
    np.testing.assert_array_equal(rows.rss_dbm, WANTED)
    assert (rows.detected.tolist(), rows.unknown.tolist()) == ([1], [0])


SPELLINGS = (
    *("00-1F-27-AA-BB-CC", "001f27aabbcc", "X00.1f.27.aa.bb.cc", "001f.27aa.bbcc"),
    *("x00_1F_27_AA_BB_CC", " 00:1f:27:aa:bb:cc\n"),
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_mac_is_one_access_point_however_it_is_written(spelling):
    names = ("00:1f:27:aa:bb:cc", "00:1f:27:aa:bb:cd")
    for scans in ({spelling: -61, names[1]: -70}, pd.DataFrame([{spelling: -61, names[1]: -70}])):
        rows = read_scans(scans, names)
        np.testing.assert_array_equal(rows.rss_dbm, [[-61, -70]])
        assert rows.unknown.tolist() == [0]
    with pytest.raises(DataError, match="named"):
        read_scans({spelling: -61, names[0]: -70}, names)


def test_names_that_are_no_macs_keep_their_separators():
    rows = read_scans({"b-1 ": -61, "00-1f": -70}, ("b1", "b-1", "00:1f"))
    np.testing.assert_array_equal(rows.rss_dbm, [[np.nan, -61, np.nan]])
    assert rows.unknown.tolist() == [1]


def test_a_record_is_named_by_the_first_name_that_is_not_empty():
    rows = read_scans([[{"bssid": "hall", "mac": "", "rssi": -61}]], ("hall",))
    assert rows.rss_dbm.tolist() == [[-61]] and rows.unknown.tolist() == [0]


@pytest.mark.parametrize("gap", [np.nan, None, pd.NA])
def test_a_gap_of_a_record_is_undetected_where_no_other_key_fills_it(gap):
    records = [{"mac": gap, "bssid": "hall", "rssi": -61}, {"mac": "attic", "rssi": gap}]
    rows = read_scans([records, [{"mac": "hall", "rssi": gap, "level": -61}]], NAMES)
    np.testing.assert_array_equal(rows.rss_dbm, [*WANTED, *WANTED])


def test_unknown_access_points_are_counted_and_left_out():
    rows = read_scans([{"hall": -61, "a": -40, "b": -50}, {"c": -60}], NAMES)
    assert (rows.detected.tolist(), rows.unknown.tolist()) == ([1, 0], [2, 1])


@pytest.mark.parametrize(
    ("scans", "words"),
    [
        ([], "at least one scan"),
        ('[{"hall": -61}]', "text; parse it first"),
        (7, "scans is int"),
        ([7], "scan 0 is int"),
        ([{"hall": -61}, {"hall": False}], "scan 1, access point 'hall': False"),
        ([{"hall": np.array(False)}], "scan 0, access point 'hall': array.False. is no level"),
        ([{"hall": np.array([-61.0])}], "scan 0, access point 'hall': array.* is no level"),
        ([{"hall": "-6_1"}], "scan 0, access point 'hall': '-6_1' is no level"),
        ([{"hall": "-٦١"}], "scan 0, access point 'hall': '-٦١' is no level"),
        ({"mac": "hall", "rssi": -61}, "is one record; a list of them is a scan"),
        (
            pd.DataFrame({"scan": [0], "mac": ["hall"], "rssi": [-61]}),
            "a row for each record .scan, mac, rssi.; a list of records is a scan",
        ),
        ([{"hall": "loud"}], "scan 0, access point 'hall': 'loud' is no level"),
        ([{"hall": 100}], "scan 0, access point 'hall': 100 is outside -130...0 dBm"),
        ([{"somewhere": 12}], "scan 0, access point 'somewhere': 12 is outside"),
        ([{"hall": -61, "HALL": -62}], "scan 0: access point 'HALL' is named twice"),
        ([[{"mac": "hall", "rssi": -6}, {"mac": "hall", "rssi": -7}]], "'hall' is named twice"),
        (pd.Series([-61, -62], index=["hall", "hall"]), "'hall' is named twice"),
        ([[{"mac": "hall"}]], "scan 0: .* is no record"),
        ([[{"mac": "hall", "rssi": np.ones(2)}]], "access point 'hall': array.* is no level"),
        ([[{"mac": np.nan, "rssi": -61}]], "scan 0: nan is no access point's name"),
        ([{3: -61}], "scan 0: 3 is no access point's name"),
        (pd.DataFrame({"hall": [-61.0, 5.0]}), "scan 1, access point 'hall': 5 is outside"),
        (pd.DataFrame({"hall": [-61.0, "x"]}), "scan 1, access point 'hall': 'x' is no level"),
        (pd.DataFrame({"hall": []}), "scans is empty"),
        (pd.DataFrame(index=range(2)), "scans has no columns"),
        (pd.DataFrame({("rssi", "hall"): [-61]}), "2 levels of columns, .*droplevel.0, axis=1"),
        (
            [[{"mac": "hall", "signal": 78, "level": -61}]],
            "has both level and signal; keep the one",
        ),
        ([[{"mac": "hall", "RSSI": 39, "rssi": -61}]], "has both RSSI and rssi; keep the one"),
    ],
)
def test_what_cannot_be_read_is_named(scans, words):
    with pytest.raises(DataError, match=words):
        read_scans(scans, NAMES)


@pytest.mark.parametrize(
    "scans",
    [
        [{"hall": -61, "attic": 0}],
        [{"hall": "-61", "attic": "100"}],
        pd.DataFrame({"hall": [-61], "attic": [0]}),
    ],
)
def test_further_values_may_stand_for_undetected(scans):
    rows = read_scans(scans, NAMES, Layout(undetected=(0, 100)))
    np.testing.assert_array_equal(rows.rss_dbm, WANTED)


@pytest.mark.parametrize(
    "scans",
    [
        [{"hall": -61, "id": 17, "AT": "noon"}],
        [[{"mac": "hall", "rssi": -61}, {"mac": "ID", "rssi": -50}]],
        pd.DataFrame({"hall": [-61], "id": [17], "at": ["noon"]}),
    ],
)
def test_what_the_layout_names_or_ignores_is_no_access_point(scans):
    rows = read_scans(scans, NAMES, Layout(ignore=("id",), time="at"))
    np.testing.assert_array_equal(rows.rss_dbm, WANTED)
    assert rows.unknown.tolist() == [0]


@pytest.mark.parametrize("battery", [87, -5])
def test_an_access_point_has_the_prefix_of_the_layout(battery):
    """A record is one all the same: it holds nothing else."""
    layout, scan = Layout(access_point_prefix="WAP"), {"wap1": -61, "battery": battery}
    for scans in [scan], pd.DataFrame([scan]), pd.Series(scan), [pd.Series(scan)]:
        rows = read_scans(scans, ("WAP1",), layout)
        assert rows.rss_dbm.tolist() == [[-61]] and rows.unknown.tolist() == [0]
    for scans in [{"aa:bb": -61}], pd.DataFrame([{"aa:bb": -61}]):
        rows = read_scans(scans, ("WAP1",), layout)
        assert rows.detected.tolist() == rows.unknown.tolist() == [0]
    with pytest.raises(DataError, match="scans has a row for each record"):
        read_scans(pd.DataFrame([{"mac": "WAP1", "rssi": -61}]), ("WAP1",), layout)
    rows = read_scans([[{"mac": "aa:bb", "rssi": -61}]], ("WAP1",), layout)
    assert rows.unknown.tolist() == [1]


@pytest.mark.parametrize("name", ["seq", "Heading", "scan_id"])
def test_what_is_called_like_something_else_is_no_access_point(name):
    """Also where its value could be a level."""
    scan = {"hall": -61, name: 0}
    for scans in [scan], pd.DataFrame([scan]), pd.Series(scan):
        with pytest.raises(DataError, match=f"^scan.*: '{name}' looks like something else than an"):
            read_scans(scans, NAMES)
        assert read_scans(scans, NAMES, Layout(ignore=(name,))).unknown.tolist() == [0]
    # Known ones and those of records are meant.
    assert read_scans([scan], (*NAMES, name)).detected.tolist() == [2]
    assert read_scans([[{"mac": name, "rssi": -61}]], NAMES).unknown.tolist() == [1]
