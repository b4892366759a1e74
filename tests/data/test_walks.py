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
    with pytest.raises(DataError, match=r"walk\.txt, line 6: .*published form: time, TYPE"):
        read(tmp_path)


EPOCH = 1_571_462_193_000


def late(lines):
    """The lines at a time of this century, as the publisher writes it."""
    fields = (line.split("\t") for line in lines)
    return [
        "\t".join([str(EPOCH + int(time)), kind, *rest[:-1]])
        + "\t"
        + (rest[-1] if kind == "TYPE_WAYPOINT" else str(EPOCH + int(rest[-1])))
        for time, kind, *rest in fields
    ]


@pytest.mark.parametrize("joined", [0, 1, 2, 3])
def test_two_lines_that_ran_together_are_read_as_two(tmp_path, joined):
    other = f"{EPOCH}\tTYPE_GYROSCOPE\t0.1\t0.2\t0.3\t3"
    lines = [*late([*STRAIGHT, wifi(5_000, "aa:aa", -60)]), other]
    write_floor(tmp_path / "sound", "F1", walks_of(10, lines))
    lines[joined : joined + 2] = ["".join(lines[joined : joined + 2])]
    write_floor(tmp_path / "joined", "F1", walks_of(10, lines))
    sound, again = read(tmp_path / "sound"), read(tmp_path / "joined")
    assert again.train.digest() == sound.train.digest()
    assert np.isclose(sound.train.position_m[:, 0], 10.0).any()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        # Where one of two such lines ends cannot be known.
        (wifi(5, "aa:aa", -50) + wifi(9_000, "aa:aa", -50), "is not a line of a trace"),
        (waypoint(5, 1, 18) + wifi(9_000, "aa:aa", -50), "is not a line of a trace"),
        (wifi(5, "aa:aa", -50).replace("WIFI", "WIFFI"), "is not a line of a trace"),
        ("5TYPE_WAYPOINT\t1\t2", "is not a line of a trace"),
        ("some words", "is not a line of a trace"),
        (wifi(5, "aa:aa", -50, age_ms=-1), "was last seen at 6, after 5"),
        (waypoint(5, 1, "1e25"), "the position lies beyond 1e"),
        (wifi(5, "", -50), "is not of the published form"),
        (wifi(5, "aa:aa", -50.5), "is not of the published form: time, TYPE_WIFI, .* whole dBm"),
        (wifi(5, "aa:aa", -50) + "\t7", "is not of the published form"),
        (wifi(5, "aa:aa", -50).replace("2422", "high"), "is not of the published form"),
        (wifi(5, "aa:aa", "nan"), "is not of the published form"),
        (wifi(5, "aa:aa", "-5_0"), "is not of the published form"),
        (waypoint(5, 1, "nan"), "is not of the published form"),
        (waypoint(5, 1, "inf"), "is not of the published form"),
        (waypoint(5, 1, "2\t3"), "is not of the published form"),
    ],
)
def test_a_line_is_checked_as_a_whole(tmp_path, line, message):
    write_floor(tmp_path, "F1", {"walk": [*STRAIGHT, line]})
    with pytest.raises(DataError, match=rf"walk\.txt, line 6: .*{message}"):
        read(tmp_path)


def test_a_floor_needs_its_outline(tmp_path, caplog):
    write_floor(tmp_path, "2F", {})
    with pytest.raises(MissingDataError, match=r"F1/geojson_map\.json"):
        read(tmp_path)
    assert f"{tmp_path}: 2F are not read, since they are no floors B1, F1" in caplog.text
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


@pytest.mark.parametrize(
    ("floors", "options", "message"),
    [
        (["F1", "F01"], {}, "two of F01, F1 are one floor; give each its own name"),
        (["F1"], {"min_scans": 99}, "10 traces leave no scan for the train part; 0 of 2 access"),
    ],
)
def test_what_leaves_nothing_is_refused(tmp_path, floors, options, message):
    for floor in floors:
        write_floor(tmp_path, floor, walks_of(10, STRAIGHT))
    with pytest.raises(DataError, match=message):
        read(tmp_path, **options)


@pytest.mark.parametrize(
    ("corner", "message"),
    [
        ((13_358_338.0, 3_503_549.0), r"the outline is at .*; degrees are expected"),
        ((120.0, math.nan), r"the outline is at .*; degrees are expected"),
        ((120.0, LATITUDE + 0.01), r"the outline is 1,105 m from that of F1"),  # 110,540 m a degree
    ],
)
def test_an_outline_that_is_elsewhere_is_named(tmp_path, corner, message):
    write_floor(tmp_path, "F1", walks_of(10, STRAIGHT))
    write_floor(tmp_path, "F2", walks_of(10, STRAIGHT), corner=corner)
    with pytest.raises(DataError, match=rf"F2/geojson_map\.json: {message}"):
        read(tmp_path)


def test_a_floor_without_traces_is_said(tmp_path, caplog):
    write_floor(tmp_path, "F1", walks_of(10, STRAIGHT))
    write_floor(tmp_path, "F2", {})
    read(tmp_path)
    assert f"{tmp_path}/F2 has no trace" in caplog.text


def test_phones_may_write_a_name_in_another_case(tmp_path):
    """Also byte order marks in front of the first lines change nothing."""
    upper = [line.replace("aa:aa", "AA:AA") for line in STRAIGHT]
    walks = walks_of(10, STRAIGHT) | {f"other-{n}": upper for n in range(10)}
    write_floor(tmp_path, "F1", walks)
    for file in (*tmp_path.glob("*/*/other-*"), *tmp_path.glob("*/*.json")):
        file.write_text("\ufeff" + file.read_text())
    assert read(tmp_path).train.access_points == ("aa:aa", "bb:bb")


def test_a_trace_that_is_no_text_file_is_named(tmp_path, caplog):
    write_floor(tmp_path, "F1", walks_of(10, STRAIGHT))
    folder = tmp_path / "F1" / "path_data_files"
    (folder / "walk-9.txt").rename(folder / "walk-9.csv")
    site = read(tmp_path)
    assert len(site.train) + len(site.test) == 9
    assert f"{folder}/walk-9.csv is not read" in caplog.text
