"""Tables in another form than the standard one, and what is said of those that nobody described."""

import json

import numpy as np
import pandas as pd
import pytest

from rsstl_jax.data import (
    Layout,
    load_radio_map,
    load_site,
    load_unlabelled,
    make_synthetic_site,
    read_radio_map,
)
from rsstl_jax.errors import DataError

OFFICE = make_synthetic_site("synthetic-office")


def frame(part, undetected=100):
    table = pd.DataFrame(
        np.where(np.isnan(part.rss_dbm), undetected, part.rss_dbm), columns=part.access_points
    )
    x, y = part.position_m.T
    return table.assign(x=x, y=y, floor=part.floor)


def write(root, change=lambda table: table, *, undetected=100, layout=None, **form):
    """The synthetic office as a table of one's own, written in some other way."""
    folder = root / "home"
    folder.mkdir(exist_ok=True)
    for part in (OFFICE.train, OFFICE.test):
        table = change(frame(part, undetected))
        table.to_csv(folder / f"{part.part}.csv", index=False, **form)
    if layout is not None:
        (folder / "layout.json").write_text(json.dumps(layout))
    return root


def scaled(factor, x=0.0, y=0.0):
    return lambda table: table.assign(x=table.x * factor + x, y=table.y * factor + y)


def extra(**columns):
    return lambda table: table.assign(**columns)


def in_test(change):
    return lambda table: change(table) if len(table) == len(OFFICE.test) else table


def in_train(change):
    return lambda table: change(table) if len(table) == len(OFFICE.train) else table


def levels(change):
    names = list(OFFICE.train.access_points)
    return lambda t: t.assign(**t[names].where(t[names] == 100, change(t[names])))


@pytest.mark.parametrize(
    ("change", "undetected", "form", "layout"),
    [
        (extra(), -110, {}, {"undetected": -110}),
        (extra(), 0, {}, {"undetected": [0]}),
        (extra(), np.nan, {}, {"empty_is_undetected": True}),
        (extra(), 100, {"sep": ";", "decimal": ","}, {"delimiter": ";", "decimal": ","}),
        (extra(), np.nan, {"sep": "\t"}, {"delimiter": "\t", "empty_is_undetected": True}),
        (extra(id=0, Note="a;b"), 100, {}, {"ignore": ["id", "note"]}),
        (
            lambda t: t.rename(columns={"x": "X", "floor": "Level"}),
            100,
            {},
            {"x": "X", "floor": "Level"},
        ),
        (lambda t: t.rename(columns=str.lower) if len(t) == 200 else t, 100, {}, None),
    ],
)
def test_a_site_is_the_same_however_it_is_written(tmp_path, change, undetected, form, layout):
    write(tmp_path, change, undetected=undetected, layout=layout, **form)
    site = load_site("home", data_dir=tmp_path)
    assert site.train.digest() == OFFICE.train.digest()
    assert site.test.digest() == OFFICE.test.digest()
    assert load_radio_map("home", data_dir=tmp_path).digest() == OFFICE.train.digest()
    assert read_radio_map(tmp_path / "home" / "train.csv").digest() == OFFICE.train.digest()


def test_a_layout_can_be_given_in_place_of_the_file(tmp_path):
    write(tmp_path, undetected=-105)
    site = load_site("home", data_dir=tmp_path, layout=Layout(undetected=(-105,)))
    assert site.train.digest() == OFFICE.train.digest()


def test_feet_become_metres(tmp_path):
    write(tmp_path, scaled(1 / 0.3048), layout={"positions": "feet"})
    train = load_site("home", data_dir=tmp_path).train
    np.testing.assert_allclose(train.position_m, OFFICE.train.position_m, atol=1e-9)


def test_degrees_become_metres_around_one_origin_for_both_parts(tmp_path):
    """At 60 degrees north a degree of longitude has 55.80 km and one of latitude 111.41 km."""
    write(tmp_path, scaled(1e-5, 24.9, 60.0), layout={"positions": "degrees"})
    site = load_site("home", data_dir=tmp_path)
    per_unit = np.array([[0.5580, 1.1141]])
    for part, office in ((site.train, OFFICE.train), (site.test, OFFICE.test)):
        expected = (office.position_m - OFFICE.train.position_m.mean(axis=0)) * per_unit
        np.testing.assert_allclose(part.position_m, expected, atol=0.02)
        # Locators keep it: fingerprints that are added later move the mean.
        x, y = OFFICE.train.position_m.mean(axis=0)
        assert part.layout.origin == pytest.approx((24.9 + x * 1e-5, 60.0 + y * 1e-5), abs=1e-7)


def test_a_position_that_is_nowhere_on_earth_is_named(tmp_path):
    write(tmp_path, scaled(1.0, 24.9, 80.0), layout={"positions": "degrees"})
    with pytest.raises(
        DataError, match=r"train\.csv, line \d+, column 'y': .* a latitude is expec"
    ):
        load_site("home", data_dir=tmp_path)


def test_unlabelled_scans_are_read_by_the_layout(tmp_path):
    (tmp_path / "home").mkdir()
    layout = {"delimiter": ";", "undetected": -110, "ignore": ["time"]}
    (tmp_path / "home" / "layout.json").write_text(json.dumps(layout))
    (tmp_path / "home" / "unlabelled.csv").write_text("time;HALL;kitchen\nnoon;-60;-110\n")
    rss_dbm = load_unlabelled("home", ("kitchen", "hall"), data_dir=tmp_path)
    np.testing.assert_array_equal(rss_dbm, [[np.nan, -60]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"undetectd": 1}', "'undetectd' is no field of a layout; did you mean undetected?"),
        ('{"undetected": "low"}', r"undetected is \('low',\); it must be a list of finite numbers"),
        ('{"phone": "AP001", "time": "x"}', "time is 'x'; it must be another column than x"),
        ('{"y": ""}', "y is ''; it must be a column's name"),
        ('{"delimiter": ";;"}', "delimiter is ';;'; it must be one of"),
        ('{"positions": "miles"}', "positions is 'miles'; it must be one of 'metres', 'degrees'"),
        ('{"origin": [24.9, 60.2]}', "origin is .* it must be left out but for degrees"),
        ('{"ignore": ["X"]}', "ignore is .* it must leave x alone, which x names"),
        ('{"floor": "Level", "ignore": ["level"]}', "it must leave Level alone, which floor names"),
        ('{"ignore": [], "ignore": ["a"]}', "'ignore' is named twice in one object"),
        ('{"ignore": "id", "undetected": null}', "undetected is None; it must be a list of"),
        ('\ufeff{"undetectd": 1}', "'undetectd' is no field of a layout"),
        ("[1]", "is no JSON object"),
        ("{", "cannot be read as JSON"),
    ],
)
def test_a_faulty_layout_is_named(tmp_path, text, message):
    write(tmp_path)
    (tmp_path / "home" / "layout.json").write_text(text)
    with pytest.raises(DataError, match=message) as error:
        load_site("home", data_dir=tmp_path)
    assert str(error.value).startswith(f"{tmp_path}/home/layout.json: ")


def test_a_published_dataset_has_no_other_layout(tmp_path):
    with pytest.raises(DataError, match="uji is read as its publisher writes it"):
        load_site("uji", data_dir=tmp_path, layout=Layout(delimiter=";"))
    write(tmp_path)
    for layout in ({}, {"delimiter": ";"}):
        with pytest.raises(DataError, match=f"layout is {layout}; a Layout is expected"):
            load_site("home", data_dir=tmp_path, layout=layout)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (Layout(access_point_prefix="WAP"), "names no access point that starts with 'WAP'"),
        (Layout(floor="Floor"), "look like something else: floor; .* leaves them out"),
    ],
)
def test_a_layout_that_does_not_fit_is_said(tmp_path, layout, message):
    write(tmp_path)
    with pytest.raises(DataError, match=message):
        load_site("home", data_dir=tmp_path, layout=layout)


def test_lists_and_numbers_of_numpy_make_the_same_layout(tmp_path):
    made = Layout(undetected=[np.int64(-110)], ignore=["id"], positions="degrees", origin=[2, 41])
    like = Layout(undetected=(-110,), ignore=("id",), positions="degrees", origin=(2, 41))
    assert made == like and type(made.undetected[0]) is int
    write(tmp_path)
    unread = load_site("home", data_dir=tmp_path, layout=Layout(floor=""))
    assert unread.train.floor is None and unread.train.num_access_points == 60


@pytest.mark.parametrize(
    ("change", "undetected", "form", "message"),
    [
        (
            extra(),
            -200,
            {},
            r"line 2, .* 16991 of 36000 cells are -200: .*--undetected=100,-200 --write",
        ),
        (extra(), np.nan, {}, "16991 of 36000 cells are empty: .* --empty_is_undetected --write"),
        (extra(), 100, {"sep": ";"}, r"line 1: looks separated by semicolons; .*'--delimiter=;'"),
        (extra(), 100, {"sep": ";", "decimal": ","}, "line 1: looks separated by semicolons"),
        (extra(), 100, {"sep": "\t"}, "line 1: looks separated by tabulators; .*--delimiter=tab"),
        (scaled(1e-5, 24.9, 60.2), 100, {}, "would be 0.00059 m across; are these degrees?"),
        (
            extra(note="noon"),
            100,
            {},
            "line 2, column 'note': 'noon' is not a number; .*ignore=note",
        ),
        (extra(**{"mood, mine": "good"}), 100, {}, """ '--ignore="mood, mine"' --write leaves"""),
        *(
            (extra(**{name: 0}), 100, {}, f"line 1: .* look like something else: {name}; .*{name} ")
            for name in ("id", "USERID", "floor_id", "z", "phone_id", "timestamp", "scanId")
        ),
        (lambda t: t.rename(columns={"AP002": "ap001"}), 100, {}, "'AP001' and 'ap001' are one"),
        (
            lambda t: t.rename(columns={"x": "lon", "y": "lat"}),
            100,
            {},
            "'x' is missing .*--x=lon --y=lat",
        ),
    ],
)
def test_what_is_not_understood_says_how_it_can_be(tmp_path, change, undetected, form, message):
    write(tmp_path, change, undetected=undetected, **form)
    with pytest.raises(DataError, match=message) as error:
        load_site("home", data_dir=tmp_path)
    assert str(error.value).startswith(f"{tmp_path}/home/train.csv")
    assert "\n" not in str(error.value)


def test_decimal_commas_may_stand_in_quotes_between_commas(tmp_path):
    write(tmp_path, layout={"decimal": ","}, decimal=",")
    train = load_site("home", data_dir=tmp_path).train
    np.testing.assert_array_equal(train.rss_dbm, OFFICE.train.rss_dbm)
    np.testing.assert_allclose(train.position_m, OFFICE.train.position_m)


def test_a_decimal_comma_is_recognised(tmp_path):
    write(tmp_path, layout={"delimiter": ";"}, sep=";", decimal=",")
    with pytest.raises(DataError, match=r"'\d+,\d+' is not a number; .* --decimal=, --write"):
        load_site("home", data_dir=tmp_path)


def warnings_of(caplog, root):
    load_site("home", data_dir=root)
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("change", "undetected", "message"),
    [
        *(
            (extra(), value, f"is {value} your 'undetected'?")
            for value in (0, -110, -105, -120, -1)
        ),
        (scaled(1 / 0.3048 * 6), 100, "are the positions metres? "),
        (scaled(20), 100, "are the positions metres? "),
        (scaled(100), 100, "are the positions metres? "),
        (scaled(1 / 60), 100, "the site is 1.0 x 0.3 m across; are the positions metres?"),
        (lambda t: t.assign(floor=370 * t.floor), 100, "floor is 0 to 740; are these floors"),
        (extra(sneaky=0), 100, "sneaky: constant or ever growing"),
        (
            lambda t: scaled(3.28, 900)(t) if len(t) == 200 else t,
            100,
            "0% of the positions lie within the extent of the train part",
        ),
        *(
            (in_test(change), 100, message)
            for change, message in (
                (scaled(3.28), "of the positions lie within the extent of the train part"),
                (lambda t: t.rename(columns={"x": "y", "y": "x"}), "x before y?"),
                (lambda t: t.drop(columns="floor"), "the train part names floors and the test"),
                (lambda t: t.assign(floor=t.floor + 2), "floor 3, 4: the train part has no"),
                (lambda t: frame(OFFICE.train), "600 of 600 fingerprints are in the train part"),
            )
        ),
        (in_train(lambda t: t.drop(columns="floor")), 100, "names floors and the train part none"),
        (levels(lambda dbm: dbm / 10), 100, "levels are -9.5...-2.6 dBm, where Wi-Fi is usually"),
        (levels(lambda dbm: dbm / 2), 100, "are these dBm?"),
    ],
)
def test_what_is_not_plausible_gets_one_warning(tmp_path, caplog, change, undetected, message):
    [warning] = warnings_of(caplog, write(tmp_path, change, undetected=undetected))
    assert message in warning
    assert warning.startswith(f"{tmp_path}/home/")


def test_a_sound_site_gets_no_warning(tmp_path, caplog):
    assert warnings_of(caplog, write(tmp_path)) == []


def test_a_column_to_be_ignored_that_is_not_there_is_said(tmp_path, caplog):
    [warning] = warnings_of(caplog, write(tmp_path, layout={"ignore": ["phone"]}))
    assert "has no column phone, which is to be ignored" in warning
