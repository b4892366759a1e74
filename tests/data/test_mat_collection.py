"""Files of the .mat collection become tables that hold the same numbers, or are refused by name."""

import os

import numpy as np
import pytest
from running import call, error_of, succeed
from scipy.io import savemat

from rsstl_jax.data import load_site, make_synthetic_site, read_mat
from rsstl_jax.errors import DataError


def fields_of(site):
    """The collection's struct for a site, with a height of 3 m a floor."""
    fields = {}
    for part, name in ((site.train, "training"), (site.test, "test")):
        building = np.zeros(len(part)) if part.building is None else part.building
        fields[f"{name}Macs"] = np.nan_to_num(part.rss_dbm, nan=100.0)
        fields[f"{name}Labels"] = np.column_stack(
            [part.position_m, 3.0 * part.floor, part.floor, building]
        )
    return fields


def home():
    """Two synthetic fingerprints of train and one of test, two access points."""
    return {
        "trainingMacs": np.array([[-60, 100], [100, -71]], np.int8),
        "trainingLabels": np.array([[1.5, 2, 0, 0, 0], [4, 2, 3.7, 1, 0]]),
        "testMacs": np.array([[-50.5, -70.0]]),
        "testLabels": np.array([[2.0, 3, 0, 0, 1]]),
    }


def read(tmp_path, fields, **options):
    savemat(tmp_path / "HOME1.mat", {"database": fields}, **options)
    return read_mat("home1", tmp_path / "HOME1.mat")


def test_every_column_arrives_where_it_belongs(tmp_path):
    site = read(tmp_path, home(), do_compression=True)
    assert (site.name, site.train.access_points) == ("home1", ("AP001", "AP002"))
    np.testing.assert_array_equal(site.train.rss_dbm, [[-60, np.nan], [np.nan, -71]])
    np.testing.assert_array_equal(site.test.rss_dbm, [[-50.5, -70]])
    np.testing.assert_array_equal(site.train.position_m, [[1.5, 2], [4, 2]])
    assert site.train.floor.tolist() == [0, 1] and site.test.building.tolist() == [1]


def test_the_test_part_is_looked_at(tmp_path, caplog):
    fields = home()
    fields["testLabels"][0, :2] += 10_000
    read(tmp_path, fields)
    assert "test part: 0% of the positions lie within the extent" in caplog.text
    assert "test part: building 1: the train part has no fingerprint there" in caplog.text


def test_the_command_writes_a_table_of_the_same_site(tmp_path):
    """A synthetic site, there and back."""
    site = make_synthetic_site("synthetic-office")
    savemat(tmp_path / "OFFICE.mat", {"database": fields_of(site)})
    flags = (f"--mat={tmp_path}/OFFICE.mat", "--name=office", f"--data_dir={tmp_path}")
    out = succeed("convert", *flags)
    table = load_site("office", data_dir=tmp_path)
    for part, made in ((site.train, table.train), (site.test, table.test)):
        np.testing.assert_array_equal(made.rss_dbm, part.rss_dbm)
        # Parsers of decimals differ in the last bit.
        np.testing.assert_allclose(made.position_m, part.position_m, rtol=0, atol=1e-9)
        np.testing.assert_array_equal(made.floor, part.floor)
        assert f"{tmp_path}/office/{part.part}.csv: {len(part)} fingerprints" in out
        assert made.digest()[:12] in out
    code, _, err = call("convert", *flags)
    assert code == 2
    assert error_of(err).startswith(f"error: {tmp_path}/office/test.csv is there already")


@pytest.mark.slow
@pytest.mark.data
def test_tut7_comes_back_as_it_was(tmp_path):
    """Its fingerprints as such a file holds them: the digest is that of the table."""
    if not os.path.isdir(os.path.join(os.environ["RSSTL_DATA_DIR"], "tut7")):
        pytest.skip("no tut7 in RSSTL_DATA_DIR")
    site = load_site("tut7")
    savemat(tmp_path / "TUT7.mat", {"database": fields_of(site)})
    made = read_mat("tut7", tmp_path / "TUT7.mat")
    assert made.train.digest() == site.train.digest()
    assert made.test.digest() == site.test.digest()


def without(field):
    return {name: value for name, value in home().items() if name != field}


def changed(field, cell, value):
    matrix = np.array(home()[field], float)
    matrix[cell] = value
    return home() | {field: matrix}


BAD = {
    "field": (without("testLabels"), "holds no struct database with the fields trainingMacs"),
    "rows": (
        home() | {"trainingLabels": np.zeros((3, 5))},
        "database.trainingLabels is 3 x 5; 2 x 5 is expected: a row for each of trainingMacs, with "
        "x, y, z, floor, building",
    ),
    "columns": (
        home() | {"testLabels": np.zeros((1, 4))},
        "database.testLabels is 1 x 4; 1 x 5 is",
    ),
    "reading": (
        changed("trainingMacs", (1, 0), 45),
        "trainingMacs, line 2, column 'AP001': is 45; a reading is expected in -130...0 dBm",
    ),
    "width": (
        home() | {"testMacs": np.zeros((1, 3))},
        "trainingMacs has 2 columns and testMacs 3; both must have one for each access point",
    ),
    "no reading": (
        changed("testMacs", (0, 1), np.nan),
        "testMacs, line 1, column 'AP002': is empty or NaN",
    ),
    "mark": (
        home() | {"trainingMacs": np.full((2, 2), -200.0)},
        "4 of 4 cells are -200: if that means undetected, change the matrix",
    ),
    "degrees": (changed("trainingLabels", (1, slice(2)), [1.501, 2]), "degrees? change the matrix"),
    "position": (
        changed("testLabels", (0, 0), np.nan),
        "database.testLabels, line 1, column 'x': is empty or NaN; a position",
    ),
    "floor": (
        changed("trainingLabels", (1, 3), 0.5),
        "database.trainingLabels, line 2, column 'floor': is 0.5; a whole number",
    ),
    "empty": (
        home() | {"testMacs": np.zeros((0, 2))},
        "database.testMacs must be a full matrix of real num",
    ),
    "text": (home() | {"testMacs": "none"}, "database.testMacs must be a full matrix of real num"),
    "complex": (
        home() | {"testMacs": np.array([[1j, 2]])},
        "testMacs must be a full matrix of rea",
    ),
    "no struct": (np.zeros((2, 2)), "holds no struct database with the fields trainingMacs"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_named_with_what_would_be_right(tmp_path, name):
    fields, message = BAD[name]
    with pytest.raises(DataError) as error:
        read(tmp_path, fields)
    assert message in str(error.value) and "HOME1.mat" in str(error.value)
    assert "check_site" not in str(error.value)


def test_files_of_other_kinds_are_refused(tmp_path):
    file = tmp_path / "HOME1.mat"
    with pytest.raises(DataError, match="is not there; name a"):
        read_mat("home1", file)
    savemat(file, {"data": np.zeros((1, 1))})
    with pytest.raises(DataError, match="holds no struct database with the fields"):
        read_mat("home1", file)
    whole = b"MATLAB 5.0".ljust(124) + b"\x00\x01IM"
    for content in (b"", b"kitchen,hall,x,y\n" * 20, whole, whole + b"\x0e\0\0\0" * 9):
        file.write_bytes(content)
        with pytest.raises(DataError, match=r"HOME1\.mat"):
            read_mat("home1", file)
    # The header that MATLAB writes in front of an HDF5 file.
    file.write_bytes(
        b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + b"\0" * 400
    )
    with pytest.raises(
        DataError, match=r"version 7\.3 \(HDF5\), which SciPy does not read; load it in"
    ):
        read_mat("home1", file)


@pytest.mark.parametrize("cut", range(0, 900, 37))
def test_a_file_that_was_cut_off_is_refused(tmp_path, cut):
    savemat(tmp_path / "whole.mat", {"database": home()})
    content = (tmp_path / "whole.mat").read_bytes()
    (tmp_path / "HOME1.mat").write_bytes(content[: len(content) - 1 - cut])
    with pytest.raises(DataError, match=r"HOME1\.mat"):
        read_mat("home1", tmp_path / "HOME1.mat")


@pytest.mark.parametrize("name", ["uji", "synthetic-office", "a/b"])
def test_a_name_that_no_table_can_have_is_refused(tmp_path, name):
    flags = (f"--mat={tmp_path}/A.mat", f"--name={name}", f"--data_dir={tmp_path}")
    code, _, err = call("convert", *flags)
    assert code == 2 and f"--name={name} cannot be the name of a table" in error_of(err)
