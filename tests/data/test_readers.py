"""Each publisher's layout in each form it may lie in, and each fault named by its cell."""

import gzip
import zipfile

import numpy as np
import pytest

from rsstl_jax.data.readers import read_site, read_table
from rsstl_jax.errors import DataError, MissingDataError

UJI = """WAP001,WAP002,WAP003,LONGITUDE,LATITUDE,FLOOR,BUILDINGID,SPACEID,TIMESTAMP
-60,100,0,-7541.2643,4864920.7782,2,1,106,1371713733
100,100,-104,-7536.6212,4864934.2252,4,0,103,1371713691
"""
UTS = """WAP001,WAP002,WAP003,Pos_x,Pos_y,Floor_ID,Building_ID,User_ID,Phone_type,Time
-60,100,0,25.7107,17.0455,-3,New IT,root,unknow,8/03/2019 6:47
100,100,-104,28.25,18.5,12,New IT,root,unknow,8/03/2019 6:48
"""
TABLE = """AP1,AP2,AP3,x,y,floor,building
-60,100,0,25.7107,17.0455,-3,0
100,100,-104,28.25,18.5,12,7
"""
TAMPERE_RSS = "-60,100,0\n100,100,-104\n"
TAMPERE_PLACES = "25.7107,17.0455,3.7\n28.25,18.5,14.8\n"
READINGS = [[-60.0, np.nan, 0.0], [np.nan, np.nan, -104.0]]

FILES = {
    "uji": {"trainingData.csv": UJI, "validationData.csv": UJI},
    "uts": {"UTS_training.csv": UTS, "UTS_test.csv": UTS},
    "tampere": {
        "Training_rss_21Aug17.csv": TAMPERE_RSS,
        "Training_coordinates_21Aug17.csv": TAMPERE_PLACES,
        "Test_rss_21Aug17.csv": TAMPERE_RSS,
        "Test_coordinates_21Aug17.csv": TAMPERE_PLACES,
    },
    "home": {"train.csv": TABLE, "test.csv": TABLE},
}
SUBFOLDER = {"uji": "UJIndoorLoc", "tampere": "FINGERPRINTING_DB"}


def write_plain(folder, files):
    for name, text in files.items():
        (folder / name).write_text(text)


def write_gzipped(folder, files):
    for name, text in files.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode()))


def write_zip(folder, files):
    with zipfile.ZipFile(folder / "published.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(f"some/folder/{name}", text)
            archive.writestr(f"__MACOSX/some/folder/._{name}", "x")


def write_table(folder, train, test=None):
    write_plain(folder, {"train.csv": train, "test.csv": train if test is None else test})


@pytest.mark.parametrize("write", [write_plain, write_gzipped, write_zip])
@pytest.mark.parametrize("name", sorted(FILES))
def test_every_layout_in_every_form(tmp_path, name, write):
    write(tmp_path, FILES[name])
    site = read_site(name, tmp_path)
    for part, label in ((site.train, "train"), (site.test, "test")):
        assert (part.dataset, part.part) == (name, label)
        np.testing.assert_array_equal(part.rss_dbm, np.array(READINGS, np.float32))
        assert part.position_m.dtype == np.float64


@pytest.mark.parametrize("name", sorted(SUBFOLDER))
def test_subfolder_of_the_unpacked_archive(tmp_path, name):
    (tmp_path / SUBFOLDER[name]).mkdir()
    write_plain(tmp_path / SUBFOLDER[name], FILES[name])
    assert len(read_site(name, tmp_path).train) == 2


def test_uji_columns(tmp_path):
    write_plain(tmp_path, FILES["uji"])
    train = read_site("uji", tmp_path).train
    assert train.access_points == ("WAP001", "WAP002", "WAP003")
    assert train.position_m.tolist() == [[-7541.2643, 4864920.7782], [-7536.6212, 4864934.2252]]
    assert (train.floor.tolist(), train.building.tolist()) == ([2, 4], [1, 0])


def test_columns_that_are_not_used_may_lie_anywhere(tmp_path):
    lines = [f"room {number},{line}" for number, line in enumerate(UJI.splitlines())]
    write_plain(tmp_path, FILES["uji"] | {"validationData.csv": "\n".join(lines)})
    site = read_site("uji", tmp_path)
    assert site.test.digest() == site.train.digest()


def test_uts_columns(tmp_path):
    write_plain(tmp_path, FILES["uts"])
    train = read_site("uts", tmp_path).train
    assert train.position_m.tolist() == [[25.7107, 17.0455], [28.25, 18.5]]
    assert train.floor.tolist() == [-3, 12] and train.building is None


def test_tampere_floor_is_height_over_floor_height(tmp_path):
    write_plain(tmp_path, FILES["tampere"])
    train = read_site("tampere", tmp_path).train
    assert train.access_points == ("AP001", "AP002", "AP003")
    assert train.floor.tolist() == [1, 4]  # 3.7 / 3.7 and 14.8 / 3.7


def test_table_labels_are_optional_and_columns_in_any_order(tmp_path):
    write_table(tmp_path, "y,AP1,x,AP2\n2.0,-50,1.0,100\n", "AP2,AP1,x,y\n-70,100,3.0,4.0\n")
    site = read_table("home", str(tmp_path))
    assert site.train.access_points == site.test.access_points == ("AP1", "AP2")
    assert site.train.position_m.tolist() == [[1.0, 2.0]]
    np.testing.assert_array_equal(site.test.rss_dbm, np.array([[np.nan, -70]], np.float32))
    assert site.train.floor is site.train.building is None


def test_windows_line_ends_byte_order_mark_quotes_and_final_blank_lines(tmp_path):
    write_table(tmp_path, '\ufeff"AP1",x,"y"\r\n"-50",1.0,2.0\r\n100, 3.5 ,4.0\r\n\r\n')
    train = read_table("home", tmp_path).train
    assert train.access_points == ("AP1",)
    assert train.position_m.tolist() == [[1.0, 2.0], [3.5, 4.0]]


def test_a_comma_within_quotes_does_not_make_a_row_ragged(tmp_path):
    write_plain(tmp_path, FILES["uts"] | {"UTS_test.csv": UTS.replace("root", '"root, admin"')})
    assert len(read_site("uts", tmp_path).test) == 2


# two sound rows: what is appended is line 4
GOOD = "AP1,AP2,x,y\n-50,100,1,2\n-51,-52,1,2\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "-50,weak,1,2\n", r"line 4, column 'AP2': 'weak' is not a number"),
        (GOOD + "-50,1_0,1,2\n", r"line 4, column 'AP2': '1_0' is not a number"),
        (GOOD + "-50,-52,1,here\n", r"line 4, column 'y': 'here' is not a number"),
        (GOOD + "-50,7,1,2\n", r"line 4, column 'AP2': is 7; .*-130...0 dBm, or 100"),
        (GOOD + "-50,101,1,2\n", r"line 4, column 'AP2': is 101; a reading"),
        (GOOD + "-131,7,1,2\n", r"line 4, column 'AP1': is -131"),
        (GOOD + "-50,,1,2\n", r"line 4, column 'AP2': is empty or NaN"),
        (GOOD + "NaN,-52,1,2\n", r"line 4, column 'AP1': is empty or NaN"),
        (GOOD + "-50,-52,,2\n", r"line 4, column 'x': is empty or NaN; a position"),
        (GOOD + "-50,-52,1,nan\n", r"line 4, column 'y': is empty or NaN; a position"),
        (GOOD + "-50,-52,1,inf\n", r"line 4, column 'y': is inf; a position"),
        (GOOD + "-50,-52,1\n", r"line 4: has 3 columns; 4 are expected"),
        (GOOD + "-50,-52,1,2,3\n", r"line 4: has 5 columns; 4 are expected"),
        (GOOD + "\n-50,-52,1,2\n", r"line 4: has 0 columns; 4 are expected"),
        (
            "AP1,AP2,x,y\n-50;-52;1;2\n",
            r"line 2: has 1 columns; 4 are expected, separated by commas",
        ),
        ("", "is empty; rows of numbers"),
        (" \n\n", "is empty; rows of numbers"),
        ("AP1,x,y\n", "has a header but no data rows"),
        ("AP1,x,y,floor\n-50,1,2,1.5\n", r"line 2, column 'floor': is 1.5; a whole"),
        ("AP1,x,y,floor\n-50,1,2,\n", r"line 2, column 'floor': is empty or NaN"),
        ("AP1,x,y,building\n-50,1,2,inf\n", r"column 'building': is inf; a whole number"),
        ("AP1,x,y,building\n-50,1,2,A\n", r"column 'building': 'A' is not a number"),
    ],
)
@pytest.mark.parametrize("part", ["train", "test"])
def test_a_fault_names_file_row_and_column(tmp_path, text, message, part):
    columns = (text.strip() or GOOD).partition("\n")[0].split(",")
    sound = ["-50" if column.startswith("AP") else "1" for column in columns]
    write_table(tmp_path, f"{','.join(columns)}\n{','.join(sound)}\n")
    assert len(read_table("home", tmp_path).train) == 1
    (tmp_path / f"{part}.csv").write_text(text)
    with pytest.raises(DataError, match=message) as error:
        read_table("home", tmp_path)
    assert str(error.value).startswith(str(tmp_path / f"{part}.csv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AP1,AP2,x\n-50,100,1\n", "column 'y' is missing from the header"),
        ("AP1,X,y\n-50,1,2\n", "column 'x' is missing.*small and capital letters differ"),
        ("AP1;AP2;x;y\n-50;100;1;2\n", "looks separated by semicolons; commas are expected"),
        ("x,y\n1,2\n", "names no access point"),
        ("AP1,AP2,AP1,x,y\n-50,1,1,1,2\n", "column 'AP1' is named twice"),
        ("AP1,,x,y\n-50,-50,1,2\n", "column 2 has no name; .*pandas: index=False"),
        ("# AP1,X,y\n-50,1,2\n", "column 'x' is missing"),
        ("# AP1\nAP1,x,y\n-50,1,2\n", "is a comment; the columns' names are expected here"),
        ("sep=,\n" + GOOD, "starts with 'sep=', which only Excel reads"),
    ],
)
def test_a_fault_in_the_header_names_file_and_column(tmp_path, text, message):
    write_table(tmp_path, text)
    with pytest.raises(DataError, match=rf"train\.csv, line 1: {message}"):
        read_table("home", tmp_path)


def test_a_label_that_the_publisher_always_gives_is_required(tmp_path):
    write_plain(tmp_path, FILES["uji"] | {"validationData.csv": UJI.replace("FLOOR", "LEVEL")})
    with pytest.raises(DataError, match=r"validationData\.csv, line 1: column 'FLOOR' is missing"):
        read_site("uji", tmp_path)


@pytest.mark.parametrize("name", ["uji", "uts", "home"])
def test_faults_of_the_headed_layouts_name_the_published_columns(tmp_path, name):
    (train, text), (test, _) = FILES[name].items()
    write_plain(tmp_path, {train: text, test: text.replace("-104", "-204")})
    column = "AP3" if name == "home" else "WAP003"
    with pytest.raises(DataError, match=rf"{test}, line 3, column '{column}': is -204"):
        read_site(name, tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("Test_rss", "-60,100,0\n100,8,-104\n", r"line 2, column 'AP002': is 8"),
        ("Training_rss", "-60,x,0\n100,8,-104\n", r"line 1, column 'AP002': 'x' is not"),
        ("Test_rss", "-60,100\n100,-8\n", r"line 1: has 2 columns; 3 are expected"),
        ("Training_rss", "", "is empty"),
        ("Test_coordinates", "1,2,0\n", "has 1 rows; 2 are expected, as many as in .*Test_rss"),
        ("Test_coordinates", "1,2,0\n1,2\n", r"line 2: has 2 columns; 3 are expected"),
        ("Test_coordinates", "1,2,0\n1,,0\n", r"line 2, column 'y': is empty"),
        ("Test_coordinates", "1,2,0\n1,2,\n", r"line 2, column 'height': is empty"),
        ("Test_coordinates", "1,2,0\n1,2,5\n", r"column 'height': is 5; a multiple of 3.7 m"),
    ],
)
def test_tampere_faults(tmp_path, file, text, message):
    name = f"{file}_21Aug17.csv"
    write_plain(tmp_path, FILES["tampere"] | {name: text})
    with pytest.raises(DataError, match=message) as error:
        read_site("tampere", tmp_path)
    assert name in str(error.value)


def test_wrong_encoding_names_the_line(tmp_path):
    write_table(tmp_path, GOOD)
    (tmp_path / "test.csv").write_bytes(b"AP1,AP2,x,y\n-50,100,1,2\n-50,\xb5,1,2\n")
    with pytest.raises(DataError, match=r"test\.csv, line 3: byte 0xb5 is not UTF-8"):
        read_table("home", tmp_path)
    (tmp_path / "test.csv").write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(DataError, match=r"test\.csv, line 1: byte 0xff is not UTF-8"):
        read_table("home", tmp_path)
    (tmp_path / "test.csv").write_bytes(gzip.compress(GOOD.encode()))
    with pytest.raises(DataError, match=r"test\.csv: looks like gzip without the ending \.gz"):
        read_table("home", tmp_path)


def test_access_points_of_one_part_alone_are_said_and_the_others_read(tmp_path, caplog):
    write_table(tmp_path, "AP1,AP2,x,y\n-50,100,1,2\n", "ap2,AP7,AP8,x,y\n-51,-52,-53,1,2\n")
    site = read_table("home", tmp_path)
    assert site.test.access_points == ("AP1", "AP2")
    np.testing.assert_array_equal(site.test.rss_dbm, np.array([[np.nan, -51]], np.float32))
    [record] = caplog.records
    assert record.getMessage() == (
        f"{tmp_path}/test.csv names other access points than {tmp_path}/train.csv: "
        "unknown to the train part: AP7, AP8; lacking: AP1. The unknown are not read, the lacking "
        "count as undetected"
    )


@pytest.mark.parametrize("cell", [f"-{'0' * 120}5", f"-6.{'0' * 120}1", f"-0.{'0' * 29}7e30"])
def test_a_number_of_many_digits_is_refused(tmp_path, cell):
    """pandas 2 makes 0 of the first and of the last one."""
    write_table(tmp_path, f"AP1,AP2,x,y\n-50,100,1,2\n-50,{cell},1,2\n")
    message = r"train\.csv, line 3, column 'AP2': '-.*' has 30 digits in a row; a number of fewer"
    with pytest.raises(DataError, match=message):
        read_table("home", tmp_path)


def test_a_long_list_of_different_access_points_is_cut(tmp_path, caplog):
    names = ",".join(f"N{number}" for number in range(30))
    write_table(tmp_path, "AP1,x,y\n-50,1,2\n", f"AP1,{names},x,y\n-50,{'100,' * 30}1,2\n")
    read_table("home", tmp_path)
    assert "N8, N9 ... (30 in all)" in caplog.text


def test_a_test_part_with_no_access_point_of_the_train_part_is_refused(tmp_path):
    write_table(tmp_path, "AP1,x,y\n-50,1,2\n", "AP2,x,y\n-50,1,2\n")
    message = r"test\.csv, line 1: must name the same .*unknown to the train part: AP2.*: AP1"
    with pytest.raises(DataError, match=message):
        read_table("home", tmp_path)


@pytest.mark.parametrize("name", ["uji", "uts"])
def test_a_published_file_without_one_of_its_access_points_is_refused(tmp_path, name):
    (train, text), (test, _) = FILES[name].items()
    write_plain(tmp_path, {train: text, test: text.replace("WAP003", "WAP004")})
    with pytest.raises(DataError, match=rf"{test}, line 1: must name the same .*lacking: WAP003"):
        read_site(name, tmp_path)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_named_with_its_address_and_the_remedy(tmp_path, name):
    absent = list(FILES[name])[-1]
    write_plain(tmp_path, {file: text for file, text in FILES[name].items() if file != absent})
    with pytest.raises(MissingDataError) as error:
        read_site(name, tmp_path)
    assert str(error.value).startswith(f"{tmp_path / absent} is not there.")
    assert ("https://" in str(error.value)) == (name != "home")
    assert "put the file there, or choose other sites" in str(error.value)
