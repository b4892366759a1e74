"""Arguments that are nearly right: used as they are meant, or refused with what would be right."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import tiny
from scipy.io import savemat

from rsstl_jax.data import (
    Fingerprints,
    Layout,
    load_radio_map,
    load_site,
    read_mat,
    read_scans,
    read_traces,
    write_table,
)
from rsstl_jax.errors import DataError

PART = tiny.make_part()


def test_a_mask_takes_the_rows_where_it_is_true():
    strong = PART.rss_dbm[:, 0] > -60
    assert 0 < strong.sum() < len(PART)
    np.testing.assert_array_equal(PART.take(strong).position_m, PART.position_m[strong])


@pytest.mark.parametrize("names", [("ap", "AP"), ("straße", "STRASSE"), ("hall", "hall")])
def test_names_that_would_match_each_other_are_refused(names, tmp_path):
    rss_dbm = np.array([[-60.0, -70.0]], np.float32)
    with pytest.raises(DataError, match="is named more than once"):
        Fingerprints("home", "train", rss_dbm, np.zeros((1, 2)), None, None, names)
    (tmp_path / "home").mkdir()
    text = f"{','.join(names)},x,y\n-60,-70,1,2\n"
    (tmp_path / "home" / "train.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"small and capital letters and|is named twice"):
        load_radio_map("home", data_dir=tmp_path)


def test_names_are_text_and_a_list_of_them_is_as_good_as_a_tuple():
    listed = dataclasses.replace(PART, access_points=list(PART.access_points))
    assert listed.access_points == PART.access_points and listed.digest() == PART.digest()
    with pytest.raises(DataError, match="3 is no access point's name; text is expected"):
        dataclasses.replace(PART, access_points=(3, *PART.access_points[1:]))


def test_a_number_beyond_every_float_is_no_level():
    table = pd.DataFrame({"hall": [10**400]}, dtype=object)  # older pandas: only as an object
    for scans in [{"hall": 10**400}], table:
        with pytest.raises(DataError, match="scan 0, access point 'hall': inf is outside"):
            read_scans(scans, ("hall",))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (pd.Series([-60, False], dtype=object), "scan 1, access point 'hall': False is no level"),
        (pd.Series(["-60", 500], dtype=object), "scan 1, access point 'hall': 500 is outside"),
        (pd.Series(["-6_0"], dtype=object), "scan 0, access point 'hall': '-6_0' is no level"),
        (pd.to_timedelta(pd.Series([-60])), "scan 0, access point 'hall': .* is no level"),
        (pd.Series([-60 + 0j]), "is no level"),
    ],
)
def test_every_cell_of_a_table_is_a_level_or_refused(cells, message):
    with pytest.raises(DataError, match=message):
        read_scans(pd.DataFrame({"hall": cells}), ("hall",))


def test_a_level_as_text_is_read_in_a_table_as_in_a_list():
    for scans in [{"hall": "-60"}], pd.DataFrame({"hall": ["-60"]}):
        assert read_scans(scans, ("hall",)).rss_dbm.tolist() == [[-60.0]]


@pytest.mark.parametrize("name", [None, 3, "", "home/"])
@pytest.mark.parametrize("load", [load_site, load_radio_map])
def test_what_cannot_name_a_dataset_is_refused(load, name):
    with pytest.raises(DataError, match="a name is made of ASCII letters, digits"):
        load(name)


def test_a_second_file_of_one_name_is_said_to_be_unread(tmp_path, caplog):
    tiny.write_sites(tmp_path, "home")
    write_table(PART.take([0, 1]), tmp_path / "home" / "train.csv.gz")
    assert len(load_site("home", data_dir=tmp_path).train) == len(PART)
    [message] = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    home = tmp_path / "home"
    assert message == f"{home}/train.csv.gz is there, too, and is not read; {home}/train.csv is"


def test_a_table_is_of_one_part(tmp_path):
    site = load_site("synthetic-office")
    with pytest.raises(DataError, match=r"is a Site; one part is expected, as site\.train$"):
        write_table(site, tmp_path / "train.csv")


def test_a_table_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "train.csv"
    write_table(PART, file)
    before = file.read_bytes()
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_table(PART.take([0]), file)
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["x", "FLOOR", "building", "id"])
def test_a_table_is_not_written_with_an_access_point_that_is_read_as_something_else(tmp_path, name):
    names = (name, *PART.access_points[1:])
    with pytest.raises(DataError, match=rf"train\.csv: '{name}' would not be read as an access p"):
        write_table(dataclasses.replace(PART, access_points=names), tmp_path / "train.csv")
    assert not list(tmp_path.iterdir())


def test_a_table_is_not_written_beside_a_layout_of_another_form(tmp_path):
    (tmp_path / "layout.json").write_text('{"positions": "feet"}')
    with pytest.raises(DataError, match=r"the layout\.json beside it says another form"):
        write_table(PART, tmp_path / "train.csv")


def test_positions_of_a_mat_file_that_must_be_degrees_are_refused(tmp_path):
    readings, labels = [[-60, 100], [100, -71]], np.zeros((2, 5))
    labels[:, :2] = [[24.9, 60.2], [24.9001, 60.2001]]
    content = {"Macs": readings, "Labels": labels}
    database = {f"{part}{n}": v for part in ("training", "test") for n, v in content.items()}
    savemat(tmp_path / "home.mat", {"database": database})
    with pytest.raises(DataError, match=r"home\.mat, train part: .*; are these degrees\?"):
        read_mat("home", tmp_path / "home.mat")


def test_walks_on_floors_of_other_names_are_said_to_be_unread(tmp_path, caplog):
    outline = {"features": [{"geometry": {"coordinates": [[120.0, 30.0]]}}]}
    lines = ["0\tTYPE_WAYPOINT\t0\t0", "9000\tTYPE_WAYPOINT\t18\t9"]
    lines += ["3000\tTYPE_WIFI\tguest\taa:bb\t-50\t2422\t3000"]
    for floor in ("F1", "GF", "L1"):
        (tmp_path / floor / "path_data_files").mkdir(parents=True)
        (tmp_path / floor / "geojson_map.json").write_text(json.dumps(outline))
        for walk in range(10):
            (tmp_path / floor / "path_data_files" / f"{walk}.txt").write_text("\n".join(lines))
    mall = read_traces("mall", tmp_path, min_scans=1)
    assert len(mall.train) + len(mall.test) == 10
    [message] = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert f"{tmp_path}: GF, L1 are not read" in message


def test_a_layout_for_a_site_that_is_not_read_is_refused():
    with pytest.raises(DataError, match="layout has no use: synthetic-office is made"):
        load_site("synthetic-office", layout=Layout(undetected=(-110,)))
