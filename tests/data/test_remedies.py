"""What is said of tables of other tools mends them where it is followed."""

import re

import numpy as np
import pytest
from data.test_layout import OFFICE, extra, in_test, in_train, levels, scaled, warnings_of, write

from rsstl_jax.data import load_radio_map, load_site
from rsstl_jax.errors import DataError

NO_READING = "a reading is expected in -130...0 dBm, or 100 for undetected"
NAMES = list(OFFICE.train.access_points)


def melted(names, levels):
    """A row for each reading, as receivers write them."""
    return lambda table: table.melt(["x", "y", "floor"], var_name=names, value_name=levels)


def silent(table):
    return table.assign(**dict.fromkeys(NAMES, 100))


def rarely_detected(table):
    """Two access points that most rows lack, beside one that none lacks."""
    return table[["AP009", "AP013", "x", "y"]].assign(AP000=-50)


@pytest.mark.parametrize(
    ("change", "undetected", "message"),
    [
        (
            in_test(lambda t: t.replace(100, -200)),
            100,
            "check_site .* --undetected=100,-200 --write",
        ),
        (extra(), -np.inf, f"is -inf; {NO_READING}$"),
        (levels(lambda dbm: -dbm.round(-1)), 100, f"{NO_READING}$"),
        (
            extra(heard=5),
            100,
            f"{NO_READING}; rsstl check_site .* --ignore=heard --write leaves out",
        ),
        (
            lambda t: t.assign(steps=t.index, kmh=3),
            100,
            "; .* --ignore=steps,kmh --write leaves out",
        ),
        (rarely_detected, 200, "cells are 200: .* --undetected=100,200 --write says so"),
        (extra(floor="EG"), 100, "column 'floor': 'EG' is not a number; a whole number is expect"),
        (extra(RSSI=-50), 100, "line 1: .* look like something else: RSSI; "),
        (melted("mac", "rssi"), 100, "line 1: has a row for each reading, as mac and rssi show"),
        (melted("BSSID", "level"), 100, "line 1: has a row for each reading, as BSSID and level"),
    ],
)
def test_an_error_says_what_mends_it(tmp_path, change, undetected, message):
    write(tmp_path, change, undetected=undetected)
    with pytest.raises(DataError, match=message):
        load_site("home", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("layout", "flags"),
    [({}, "--ignore=floor"), ({"floor": "floor", "building": "part"}, "--building= --ignore=part")],
)
def test_a_column_of_text_is_left_out_though_it_is_a_label(tmp_path, layout, flags):
    column = flags.partition("--ignore=")[2]
    write(tmp_path, extra(**{column: "EG"}), layout=layout)
    with pytest.raises(DataError, match=f"... {flags} --write leaves the column out"):
        load_site("home", data_dir=tmp_path)
    write(tmp_path, extra(**{column: "EG"}), layout={"building": "", "ignore": [column]})
    assert load_site("home", data_dir=tmp_path).train.building is None


@pytest.mark.parametrize(
    ("change", "form", "message"),
    [
        (extra(), {"sep": ";"}, "separated by semicolons; commas are expected: "),
        (extra(), {"sep": ";", "decimal": ","}, "separated by semicolons; commas are expected: "),
        (extra(), {"decimal": ","}, "'100,0' is not a number; .* decimal point is expected; "),
        (lambda t: t.rename(columns={"x": "X"}), {}, "column 'x' is missing from the header; .*; "),
    ],
)
def test_what_would_break_the_train_part_is_no_advice_for_another(tmp_path, change, form, message):
    write(tmp_path, change, **form)
    (tmp_path / "standard").mkdir()
    write(tmp_path / "standard")
    train = (tmp_path / "standard" / "home" / "train.csv").rename(tmp_path / "home" / "train.csv")
    words = f"test.csv.*{message}one layout reads both parts: write it as {train} is$"
    with pytest.raises(DataError, match=words):
        load_site("home", data_dir=tmp_path)


def test_a_table_of_readings_is_no_radio_map_without_their_names(tmp_path):
    write(tmp_path, melted("mac", "rssi"), layout={"ignore": ["mac"]})
    with pytest.raises(DataError, match="a row for each scan is expected, with a column for each"):
        load_site("home", data_dir=tmp_path)


def named(x):
    """The column x under another name."""
    return lambda table: table.rename(columns={"x": x})


@pytest.mark.parametrize(
    ("change", "layout", "message"),
    [
        (in_test(lambda t: t.replace(100, -110)), {}, "test.csv: .* --undetected=100,-110 --write"),
        (in_test(silent), {}, "test.csv: no access point is detected in any row$"),
        (in_train(silent), {}, "train.csv: no access point is detected in any row$"),
        (scaled(900), {"positions": "feet"}, "are the positions feet in every row[?]$"),
        (named("x_ft"), {"x": "x_ft"}, "column 'x_ft' .* --positions=feet --write reads feet$"),
        (named("lon"), {"x": "lon"}, "column 'lon' .* --positions=degrees --write reads degrees$"),
        (named("X [m]"), {"x": "X [m]", "positions": "feet"}, "than feet, .* reads metres$"),
        (named("px.x"), {"x": "px.x"}, "another unit than metres, .*; convert them to metres$"),
        (
            lambda t: t.rename(columns={"floor": "FLOOR"}),
            {"access_point_prefix": "AP"},
            "train.csv: FLOOR is not read; .* --floor=FLOOR --write reads the floor$",
        ),
    ],
)
def test_a_warning_says_what_mends_it(tmp_path, caplog, change, layout, message):
    [warning] = warnings_of(caplog, write(tmp_path, change, layout=layout))
    assert re.search(message, warning)


@pytest.mark.parametrize("layout", [{"floor": ""}, {"ignore": ["floor"]}, {"floor": "AP060"}])
def test_a_floor_that_is_left_out_on_purpose_is_not_warned_of(tmp_path, caplog, layout):
    write(tmp_path, layout={"access_point_prefix": "AP0"} | layout)
    load_radio_map("home", data_dir=tmp_path)
    assert "floor is not read" not in caplog.text
