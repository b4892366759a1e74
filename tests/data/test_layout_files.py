"""Which files of a site's folder are read, and what lies beside them."""

import zipfile

import pytest
from data.test_layout import OFFICE, frame, write

from rsstl_jax.data import Layout, load_radio_map, load_site, load_unlabelled, read_radio_map
from rsstl_jax.errors import DataError, MissingDataError


def test_a_layout_is_read_from_the_archive_of_its_table(tmp_path):
    write(tmp_path, layout={"positions": "feet"})
    plain = load_site("home", data_dir=tmp_path)
    with zipfile.ZipFile(tmp_path / "home" / "site.zip", "w") as archive:
        for file in sorted((tmp_path / "home").glob("*.[cj]s*")):
            archive.write(file, file.name)
            file.unlink()
    assert load_site("home", data_dir=tmp_path).train.digest() == plain.train.digest()


def test_a_table_in_an_archive_beside_another_is_said(tmp_path, caplog):
    write(tmp_path)
    folder = tmp_path / "home"
    with zipfile.ZipFile(folder / "site.zip", "w") as archive:
        archive.write(folder / "train.csv", "home/train.csv")
        archive.writestr("home/test.csv", "another")
    load_site("home", data_dir=tmp_path)
    assert f"{folder}/site.zip: home/test.csv is there, too, and is not read" in caplog.text
    assert "home/train.csv" not in caplog.text


@pytest.mark.parametrize("name", ["layout.json", "Layout.json", "layout.json.txt"])
def test_a_layout_that_is_not_read_is_named(tmp_path, name):
    write(tmp_path)
    (tmp_path / "home" / name).mkdir()
    with pytest.raises(DataError, match=f"{name} is not read; a file of the name layout.json"):
        load_site("home", data_dir=tmp_path)


def test_a_prefix_matches_whatever_its_case(tmp_path):
    write(tmp_path, lambda t: t.rename(columns=str.lower) if len(t) == len(OFFICE.test) else t)
    site = load_site("home", data_dir=tmp_path, layout=Layout(access_point_prefix="Ap"))
    assert site.test.digest() == OFFICE.test.digest()


def test_unlabelled_scans_are_looked_at(tmp_path, caplog):
    write(tmp_path, layout={"undetected": [-200, 100]})
    names = list(OFFICE.train.access_points)
    scans = frame(OFFICE.test, undetected=-110)[names]
    scans.to_csv(tmp_path / "home" / "unlabelled.csv", index=False)
    load_unlabelled("home", names, data_dir=tmp_path)
    assert "unlabelled.csv: every access point is detected in every row and 48%" in caplog.text
    question = "is -110 your 'undetected'? rsstl check_site --dataset=... --undetected="
    assert f"{question}-200,100,-110 --write says so" in caplog.text


@pytest.mark.parametrize("load", [load_site, load_radio_map])
def test_a_folder_that_is_a_link_has_the_name_of_the_link(tmp_path, load):
    write(tmp_path)
    (tmp_path / "office").symlink_to(tmp_path / "home")
    part = load("office", data_dir=tmp_path)
    assert getattr(part, "train", part).dataset == "office"
    assert read_radio_map(tmp_path / "office").dataset == "office"


@pytest.mark.parametrize(
    ("name", "data_dir", "message"),
    [
        ("hom", "", r"hom/train\.csv is not there and 'hom' is none .*; perhaps home is meant"),
        ("Home", "", "perhaps home is meant"),
        ("tampre", "", "perhaps tampere is meant"),
        ("office", "home", r"home is itself the folder of a dataset; name the folder above it"),
        ("home", "home", r"home is itself the folder of a dataset; name the folder above it"),
        ("zzz", "", r"or of the folders in .* \(home\)"),
    ],
)
def test_a_misspelt_name_or_folder_says_what_was_meant(tmp_path, name, data_dir, message):
    write(tmp_path)
    with pytest.raises(MissingDataError, match=message):
        load_site(name, data_dir=tmp_path / data_dir)


def test_a_line_is_counted_as_an_editor_counts_it(tmp_path):
    """A cell may hold line ends."""
    write(tmp_path, layout={"ignore": ["note"]})
    text = 'AP1,note,x,y\n-50,"two\nlines",1,2\n-51,one,here,2\n'
    (tmp_path / "home" / "train.csv").write_text(text)
    with pytest.raises(DataError, match=r"train\.csv, line 4, column 'x': 'here'"):
        load_radio_map("home", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04\x14\x00", "an Excel workbook"),
        (b'[{"AP1": -50, "x": 1}]', "JSON"),
        (b'{"AP1": [-50]}', "JSON"),
        (b"<!DOCTYPE html><html>", "a page of HTML"),
    ],
)
def test_a_file_of_another_kind_is_named_as_such(tmp_path, content, kind):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "train.csv").write_bytes(content)
    with pytest.raises(DataError, match=rf"train\.csv: looks like {kind}.*save the table as CSV"):
        load_site("home", data_dir=tmp_path)
