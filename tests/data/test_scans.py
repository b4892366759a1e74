"""Scans in every form that receivers report, and what is said of one that cannot be read."""

import json

import numpy as np
import pandas as pd
import pytest

from rsstl_jax.data import read_scans
from rsstl_jax.data.readers.layout import Layout
from rsstl_jax.data.readers.scan_table import BLOCK_ROWS, read_scan_table
from rsstl_jax.errors import DataError, MissingDataError

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
        pd.DataFrame({"Attic": [None], "Hall": ["-61"]}),
        pd.Series({"hall": -61.0}),
        pd.Series([{"hall": -61.0}]),
        [pd.Series({"hall": np.float32(-61.0)})],
    ],
)
def test_common_forms_are_read(scans):
    rows = read_scans(scans, NAMES)
    np.testing.assert_array_equal(rows.rss_dbm, WANTED)
    assert (rows.detected.tolist(), rows.unknown.tolist()) == ([1], [0])


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
        ([{"hall": "loud"}], "scan 0, access point 'hall': 'loud' is no level"),
        ([{"hall": 100}], "scan 0, access point 'hall': 100 is outside -130...0 dBm"),
        ([{"somewhere": 12}], "scan 0, access point 'somewhere': 12 is outside"),
        ([{"hall": -61, "HALL": -62}], "scan 0: access point 'HALL' is named twice"),
        ([[{"mac": "hall", "rssi": -6}, {"mac": "hall", "rssi": -7}]], "named more than once"),
        ([[{"mac": "hall"}]], "scan 0: .* is no record"),
        ([{3: -61}], "scan 0: 3 is no access point's name"),
        (pd.DataFrame({"hall": [-61.0, 5.0]}), "scan 1, access point 'hall': 5 is outside"),
        (pd.DataFrame({"hall": [-61.0, "x"]}), "scan 1, access point 'hall': 'x' is no level"),
        (pd.DataFrame({"hall": []}), "scans is empty"),
    ],
)
def test_what_cannot_be_read_is_named(scans, words):
    with pytest.raises(DataError, match=words):
        read_scans(scans, NAMES)


def write(tmp_path, text, name="scans.csv"):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


def test_a_table_is_read_in_blocks_with_its_other_columns(tmp_path):
    number = BLOCK_ROWS + 3
    lines = [f"t{n},-61,{'' if n % 2 else -70},-80" for n in range(number)]
    file = write(tmp_path, "\n".join(["time,HALL,attic,other", *lines]) + "\n")
    blocks = list(read_scan_table(file, NAMES))
    assert [len(block.carried) for block in blocks] == [BLOCK_ROWS, 3]
    assert blocks[1].carried["time"].tolist() == [f"t{BLOCK_ROWS + n}" for n in range(3)]
    np.testing.assert_array_equal(blocks[0].rows.rss_dbm[:2], [[-61, -70], [-61, np.nan]])
    assert blocks[0].rows.unknown[:2].tolist() == [1, 1]


def test_another_layout_is_read(tmp_path):
    file = write(tmp_path, "hall;attic\n-61,5;-110\n")
    layout = Layout(delimiter=";", decimal=",", undetected=(-110,))
    (block,) = read_scan_table(file, NAMES, layout)
    np.testing.assert_array_equal(block.rows.rss_dbm, [[-61.5, np.nan]])


def test_a_wrong_cell_of_a_later_block_is_named_by_its_line(tmp_path):
    lines = ["-61"] * (BLOCK_ROWS + 1) + ["loud"]
    file = write(tmp_path, "\n".join(["hall", *lines]) + "\n")
    with pytest.raises(DataError, match=f"line {BLOCK_ROWS + 3}, column 'hall': 'loud'"):
        list(read_scan_table(file, NAMES))


@pytest.mark.parametrize(
    ("text", "words"),
    [("cellar\n-61\n", "none of the 1 columns"), ("hall,attic\n", "has no scan")],
)
def test_a_table_without_a_known_access_point_or_row_is_refused(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        list(read_scan_table(write(tmp_path, text), NAMES))


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"nowhere\.csv"):
        list(read_scan_table(tmp_path / "nowhere.csv", NAMES))
