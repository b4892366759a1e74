"""Which folder is read, what is said of a missing file, and that a card is checked."""

import pytest

from rsstl_jax.data import Layout
from rsstl_jax.data import load as load_module
from rsstl_jax.data.load import load_radio_map, load_site, resolve_data_dir
from rsstl_jax.errors import DataError, MissingDataError

TABLE = "AP1,AP2,x,y\n-50,100,1,2\n-51,-60,3,4\n"
UTS = "WAP001,Pos_x,Pos_y,Floor_ID\n-50,1,2,3\n"


@pytest.fixture(autouse=True)
def no_user_folders(monkeypatch, tmp_path):
    monkeypatch.delenv("RSSTL_DATA_DIR", raising=False)
    monkeypatch.setattr(load_module.pooch, "os_cache", lambda name: tmp_path / "cache" / name)


def write(folder, name, **files):
    (folder / name).mkdir(parents=True)
    for file, text in files.items():
        (folder / name / f"{file}.csv").write_text(text)


def test_argument_before_variable_before_cache(tmp_path, monkeypatch):
    assert resolve_data_dir() == (tmp_path / "cache" / "rsstl_jax", True)
    assert resolve_data_dir("") == (tmp_path / "cache" / "rsstl_jax", True)
    for name in ("variable", "argument"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("RSSTL_DATA_DIR", str(tmp_path / "variable"))
    assert resolve_data_dir() == (tmp_path / "variable", False)
    assert resolve_data_dir("") == (tmp_path / "variable", False)
    assert resolve_data_dir(tmp_path / "argument") == (tmp_path / "argument", False)


def test_a_named_folder_that_is_not_there(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"data_dir is '.*absent', which is not a folder"):
        resolve_data_dir(tmp_path / "absent")
    monkeypatch.setenv("RSSTL_DATA_DIR", str(tmp_path / "absent"))
    with pytest.raises(DataError, match=r"RSSTL_DATA_DIR is '.*absent', which is not a folder"):
        load_site("uji")


def test_a_table_of_ones_own(tmp_path):
    write(tmp_path, "home", train=TABLE, test=TABLE)
    site = load_site("home", data_dir=tmp_path)
    assert (site.name, site.train.dataset, len(site.train)) == ("home", "home", 2)


def test_synthetic_sites_need_no_folder(tmp_path):
    assert load_site("synthetic-office", data_dir=tmp_path / "absent").name == "synthetic-office"
    with pytest.raises(DataError, match="is not a synthetic site"):
        load_site("synthetic-home", data_dir=tmp_path)


def test_the_missing_half_of_uts_is_named(tmp_path):
    write(tmp_path, "uts", UTS_test=UTS)
    with pytest.raises(MissingDataError) as error:
        load_site("uts", data_dir=tmp_path)
    assert str(error.value) == (
        f"{tmp_path}/uts/UTS_training.csv is not there. It can be had from "
        "https://github.com/XudongSong/UTSIndoorLoc-dataset: put the file there, or choose other "
        "sites."
    )


def test_an_unknown_name_is_told_the_known_ones(tmp_path):
    message = r"ujii/train\.csv is not there and 'ujii' is none of the known datasets \(uji, uts, "
    with pytest.raises(MissingDataError, match=message):
        load_site("ujii", data_dir=tmp_path)


@pytest.mark.parametrize("load", [load_site, load_radio_map])
def test_a_changed_copy_of_a_known_dataset_is_an_error(tmp_path, load):
    write(tmp_path, "tut7", train=TABLE, test=TABLE)
    with pytest.raises(
        DataError, match="tut7: number of train fingerprints: expected 2787, found 2"
    ):
        load("tut7", data_dir=tmp_path)
    (tmp_path / "tut7" / "test.csv").unlink()
    with pytest.raises(MissingDataError, match=r"test\.csv is not there\. It can be had from"):
        load("tut7", data_dir=tmp_path)


@pytest.mark.parametrize("name", ["../uji", "a/b", "", ".hidden", "a b", "büro"])
def test_names_that_are_no_folder_names(tmp_path, name):
    with pytest.raises(DataError, match="a name is made of ASCII letters, digits"):
        load_site(name, data_dir=tmp_path)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"x": "lat", "y": "lon"}, "x is 'lat'; it must not be a latitude: x is the longitude"),
        ({"x": "GPS_Latitude"}, "x is 'GPS_Latitude'; it must not be a latitude"),
        ({"y": "lng"}, "y is 'lng'; it must not be a longitude: x is the longitude, y the lat"),
    ],
)
def test_degrees_with_swapped_columns_are_refused(fields, words):
    with pytest.raises(DataError, match=words):
        Layout(positions="degrees", **fields)
    assert Layout(**fields) and Layout(positions="degrees", x="lon", y="lat")


@pytest.mark.parametrize(("origin", "away_km"), [((60.2, 24.9), "5,292"), ((26.9, 60.2), "111")])
def test_an_origin_far_from_every_position_is_refused(tmp_path, origin, away_km):
    degrees = "AP1,AP2,x,y\n-50,100,24.9,60.2\n-51,-60,24.9003,60.2\n"
    write(tmp_path, "home", train=degrees, test=degrees)
    layout = Layout(positions="degrees", origin=origin)
    words = rf"train\.csv: the origin .* is {away_km} km from .* mean \[24\.90015, 60\.2\]"
    with pytest.raises(DataError, match=words):
        load_site("home", data_dir=tmp_path, layout=layout)
    near = Layout(positions="degrees", origin=(24.0, 60.2))
    assert load_site("home", data_dir=tmp_path, layout=near).train.position_m[0, 0] > 40_000


def test_a_misspelt_synthetic_site_says_what_was_meant():
    with pytest.raises(DataError, match="these are: synthetic-office"):
        load_site("synthetic-offce")


def test_a_site_without_a_test_part_says_what_needs_one(tmp_path):
    write(tmp_path, "home", train=TABLE)
    with pytest.raises(MissingDataError, match=r"test\.csv is not there and train\.csv is; measur"):
        load_site("home", data_dir=tmp_path)
    assert len(load_radio_map("home", data_dir=tmp_path)) == 2
    (tmp_path / "home" / "test.xlsx").touch()
    with pytest.raises(MissingDataError, match=r"test\.xlsx is; save it as test\.csv"):
        load_site("home", data_dir=tmp_path)
