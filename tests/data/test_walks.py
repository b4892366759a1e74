"""Walks through a building become fingerprints with positions."""

import json
import math

import numpy as np
import pytest

from rsstl_jax.data import load_site, read_traces, write_table
from rsstl_jax.errors import DataError, MissingDataError

LATITUDE = 30.0
EAST_M = 111_320 * math.cos(math.radians(LATITUDE))  # of a degree of longitude there


def wifi(time_ms, bssid, dbm, *, age_ms=0):
    return f"{time_ms}\tTYPE_WIFI\tguest\t{bssid}\t{dbm}\t2422\t{time_ms - age_ms}"


def waypoint(time_ms, x, y):
    return f"{time_ms}\tTYPE_WAYPOINT\t{x}\t{y}"


def write_floor(root, name, walks, *, corner=(120.0, LATITUDE)):
    folder = root / name / "path_data_files"
    folder.mkdir(parents=True)
    west, south = corner
    ring = [[west, south], [west + 0.001, south], [west + 0.001, south + 0.001], [west, south]]
    feature = {"geometry": {"type": "MultiPolygon", "coordinates": [[ring]]}}
    outline = {"type": "FeatureCollection", "features": [feature]}
    (root / name / "geojson_map.json").write_text(json.dumps(outline))
    for walk, lines in walks.items():
        (folder / f"{walk}.txt").write_text("\n".join(["#\tstartTime:0", *lines, ""]))


def walks_of(count, lines):
    """So many walks with the same lines, their names enough for a train and a test part."""
    return {f"walk-{number}": lines for number in range(count)}


STRAIGHT = [
    waypoint(0, 0, 0),
    waypoint(10_000, 20, 10),
    wifi(2_500, "aa:aa", -50),
    wifi(2_500, "bb:bb", -70, age_ms=1_000),
]


def read(root, **options):
    return read_traces("mall", root, **{"min_scans": 1, **options})


def test_a_scan_lies_on_the_way_where_its_readings_were_taken(tmp_path):
    write_floor(tmp_path, "F1", walks_of(10, STRAIGHT))
    site = read(tmp_path)
    assert site.train.access_points == ("aa:aa", "bb:bb")
    # mean of 2500 and 1500 ms: a fifth of the way
    np.testing.assert_allclose(site.train.position_m, [[4.0, 2.0]] * len(site.train))
    np.testing.assert_array_equal(site.train.rss_dbm[0], [-50, -70])
    assert len(site.train) + len(site.test) == 10
    assert len(site.test) > 0


def test_floors_lie_over_each_other(tmp_path):
    write_floor(tmp_path, "B1", walks_of(6, STRAIGHT))
    write_floor(tmp_path, "F2", walks_of(6, STRAIGHT), corner=(120.001, LATITUDE + 0.0005))
    train = read(tmp_path).train
    assert set(train.floor.tolist()) == {-1, 1}
    shift = train.position_m[train.floor == 1][0] - train.position_m[train.floor == -1][0]
    np.testing.assert_allclose(shift[0], 0.001 * EAST_M, rtol=1e-4)
    np.testing.assert_allclose(shift[1], 0.0005 * 110_540)


def test_what_is_old_rare_or_off_the_walk_is_left_out(tmp_path):
    lines = [
        *STRAIGHT,
        wifi(4_000, "old", -60, age_ms=3_000),
        wifi(4_000, "aa:aa", -55),
        wifi(4_000, "aa:aa", -45),
        wifi(20_000, "late", -60),
    ]
    write_floor(tmp_path, "F1", {**walks_of(9, lines), "rare": [*STRAIGHT, wifi(1, "rare", -40)]})
    site = read(tmp_path, min_scans=2)
    assert site.train.access_points == ("aa:aa", "bb:bb")
    second = site.train.rss_dbm[np.isclose(site.train.position_m[:, 0], 8.0)]
    np.testing.assert_array_equal(second, [[-45, np.nan]] * len(second))
    assert "old" in read(tmp_path, max_age_s=3.5).train.access_points


@pytest.mark.parametrize("line", [wifi(5, "aa:aa", "loud"), "5\tTYPE_WAYPOINT\t1"])
def test_a_faulty_line_is_named(tmp_path, line):
    write_floor(tmp_path, "F1", {"walk": [*STRAIGHT, line]})
    with pytest.raises(DataError, match=r"walk\.txt, line 6: .*published form: time, kind"):
        read(tmp_path)


def test_a_floor_needs_its_outline(tmp_path):
    with pytest.raises(MissingDataError, match=r"F1/geojson_map\.json"):
        read(tmp_path)
    write_floor(tmp_path, "F3", walks_of(6, STRAIGHT))
    (tmp_path / "F3" / "geojson_map.json").write_text('{"features": []}')
    with pytest.raises(DataError, match=r"geojson_map\.json: no outline of the floor"):
        read(tmp_path)


def test_a_table_is_read_as_it_was_written(tmp_path):
    write_floor(tmp_path, "F1", walks_of(10, STRAIGHT))
    site = read(tmp_path)
    (tmp_path / "mall").mkdir()
    for part in (site.train, site.test):
        write_table(part, tmp_path / "mall" / f"{part.part}.csv")
    again = load_site("mall", data_dir=tmp_path)
    assert again.train.digest() == site.train.digest()
    assert again.test.digest() == site.test.digest()
