"""Tables of scans, read in blocks, and what is said of one that cannot be read."""

import numpy as np
import pandas as pd
import pytest

from rsstl_jax.data.readers.layout import Layout
from rsstl_jax.data.readers.scan_table import BLOCK_ROWS, read_scan_table
from rsstl_jax.errors import DataError, MissingDataError
from rsstl_jax.serving.answers import carry

NAMES = ("hall", "attic")
WANTED = [[-61.0, np.nan]]


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


def test_a_mac_is_one_access_point_however_it_is_written(tmp_path):
    file = write(tmp_path, "time,00-1F-27-AA-BB-CC,X00.1f.27.aa.bb.cd\nt,-61,-70\n")
    (block,) = read_scan_table(file, ("00:1f:27:aa:bb:cd", "00:1f:27:aa:bb:cc"))
    np.testing.assert_array_equal(block.rows.rss_dbm, [[-70, -61]])
    assert (block.rows.unknown.tolist(), list(block.carried)) == ([0], ["time"])


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
    [
        ("cellar\n-61\n", "none of the 1 columns"),
        ("hall,attic\n", "has a header but no data rows"),
        ("", "is empty"),
        ("time,BSSID,RSSI\n1,hall,-61\n", "line 1: has a row for each reading, as BSSID and RSSI"),
        ("id,level\n1,-61\n", "line 1: has a row for each reading, as id and level show"),
        ("hall,attic\r-61,-70\r", "line 1: holds a carriage return that no line feed follows"),
    ],
)
def test_a_table_without_a_known_access_point_or_row_is_refused(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        list(read_scan_table(write(tmp_path, text), NAMES))


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"nowhere\.csv"):
        list(read_scan_table(tmp_path / "nowhere.csv", NAMES))


FULL = ["-61,-70"] * BLOCK_ROWS


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\r\n \n\n" + "\n" * BLOCK_ROWS])
@pytest.mark.parametrize("number", [BLOCK_ROWS, BLOCK_ROWS + 1])
def test_blank_lines_at_the_end_are_no_scans(tmp_path, number, end):
    text = "\n".join(["hall,attic", *["-61,-70"] * number]) + end
    blocks = list(read_scan_table(write(tmp_path, text), NAMES))
    assert sum(len(block.carried) for block in blocks) == number


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([*FULL, "", "-61,-70"], f"line {BLOCK_ROWS + 2}: has 0 columns; 2 are expected"),
        ([*FULL, *FULL[1:], "", "-61,-70"], f"line {2 * BLOCK_ROWS + 1}: has 0 columns"),
        ([*FULL[1:], "", "-61,-70"], f"line {BLOCK_ROWS + 1}: has 0 columns"),
        ([*FULL, "-61,-7\0"], f"line {BLOCK_ROWS + 2}: holds a NUL byte"),
        ([*FULL, "-61,-70\r", ""], f"line {BLOCK_ROWS + 2}: holds a carriage return"),
        ([*FULL, "-61,-70", "-61,\udcff"], f"line {BLOCK_ROWS + 3}: byte 0xff is not UTF-8"),
        ([*FULL, "\ufeff-61,-70"], f"line {BLOCK_ROWS + 2}: holds a byte order mark"),
        ([*FULL, "-61"], f"line {BLOCK_ROWS + 2}: has 1 columns; 2 are expected"),
        ([*FULL, '"-61,-70', "-61,-70"], f"line {BLOCK_ROWS + 2}: cannot be cut into cells"),
    ],
)
def test_every_block_is_checked_as_the_first_one(tmp_path, lines, words):
    text = "\n".join(["hall,attic", *lines]) + "\n"
    file = tmp_path / "scans.csv"
    file.write_bytes(text.replace("\r\n", "\r\r\n").encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match=words) as error:
        list(read_scan_table(file, NAMES))
    assert str(error.value).startswith(f"{file}, line ")


def test_a_quoted_cell_may_cross_the_border_of_blocks(tmp_path):
    lines = [*["-61,noon"] * (BLOCK_ROWS - 1), '-62,"two', 'lines"', "-63,night"]
    file = write(tmp_path, "\n".join(["hall,time", *lines]) + "\n")
    first, second = read_scan_table(file, NAMES)
    assert first.carried["time"].iloc[-1] == "two\nlines" and len(first.carried) == BLOCK_ROWS
    assert second.rows.rss_dbm[:, 0].tolist() == [-63]


def test_no_carried_column_takes_the_place_of_another():
    answers = pd.DataFrame({"floor": [3], "x_m": [1.0]})
    names = ["floor", "scan_floor", "noon"]
    carry(answers, pd.DataFrame([["cellar", "attic", "12:00"]], columns=names))
    assert answers.iloc[0].tolist() == [3, 1.0, "cellar", "attic", "12:00"]
    assert answers.columns.tolist()[2:] == ["scan_scan_floor", "scan_floor", "noon"]


@pytest.mark.parametrize(
    ("layout", "header"),
    [
        (Layout(x="east", y="north"), "hall,East,north"),
        (Layout(floor="etage", building="haus"), "hall,etage,haus"),
        (Layout(access_point_prefix="ha"), "hall,temperature,battery"),
        (Layout(ignore=("mood", "beat")), "hall,mood,Beat"),
        (Layout(), "hall,SSID,frequency"),
    ],
)
def test_columns_that_the_layout_names_are_carried(tmp_path, layout, header):
    (block,) = read_scan_table(write(tmp_path, f"{header}\n-61,250,87\n"), NAMES, layout)
    assert block.rows.unknown.tolist() == [0]
    assert block.carried.columns.tolist() == header.split(",")[1:]
    assert block.carried.iloc[0].tolist() == ["250", "87"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "hall,attic\n" + "-61,-200\n" * 9,
            "line 2, column 'attic': is -200; a reading is expected in -130...0 dBm, or 100 or an "
            "empty cell for undetected; 9 of 18 cells are -200: if that means undetected, "
            "--layout=<the layout.json in use with undetected=100,-200 added> says so",
        ),
        (
            "hall;attic\n-61;-70\n",
            "line 1: looks separated by semicolons; commas are expected: "
            "--layout=<the layout.json in use with delimiter=; added> says that they",
        ),
        (
            "hall,mood\n-61,good\n",
            "line 2, column 'mood': 'good' is not a number; a number with a decimal point is "
            "expected; --layout=<the layout.json in use with ignore=mood added> leaves the",
        ),
        (
            "hall,detected\n-61,2\n-62,2\n",
            "line 2, column 'detected': is 2; a reading is expected in -130...0 dBm, or 100 or an "
            "empty cell for undetected; --layout=<the layout.json in use with ignore=detected adde",
        ),
        (  # A column with numbers is an access point all the same.
            "hall,attic\n-,-61\n-60,-62\n",
            "line 2, column 'hall': '-' is not a number; a number with a decimal point is expected",
        ),
    ],
)
def test_an_error_says_what_mends_scans(tmp_path, text, message):
    file = write(tmp_path, text)
    with pytest.raises(DataError) as error:
        list(read_scan_table(file, NAMES))
    assert str(error.value).startswith(f"{file}, {message}")


def test_an_access_point_of_text_is_refused_and_an_ignored_one_warned_of(tmp_path, caplog):
    file = write(tmp_path, "hall,attic\n-61,loud\n-60,faint\n")
    with pytest.raises(DataError, match=r"line 2, column 'attic': 'loud' .* ignore=attic"):
        list(read_scan_table(file, NAMES))
    [block] = read_scan_table(file, NAMES, Layout(ignore=("attic",)))
    np.testing.assert_array_equal(block.rows.rss_dbm, [[-61, np.nan], [-60, np.nan]])
    message = f"{file}: the layout ignores attic, which the locator knows: it counts as undetected"
    assert [record.getMessage() for record in caplog.records] == [message]


def test_what_other_tools_write_into_empty_cells_is_not_blamed_for_another(tmp_path):
    [block] = read_scan_table(write(tmp_path, "hall,attic\n-61,NA\nnull,-62\n"), NAMES)
    np.testing.assert_array_equal(block.rows.rss_dbm, [[-61, np.nan], [np.nan, -62]])
    with pytest.raises(DataError, match="line 3, column 'attic': 'loud' is not a number"):
        list(read_scan_table(write(tmp_path, "hall,attic\nNA,-60\n-50,loud\n"), NAMES))


def levels(undetected):
    rng = np.random.default_rng(0)
    rss_dbm = np.rint(rng.uniform(-95, -40, (2 * BLOCK_ROWS, 2)) * 10) / 10
    rss_dbm[rng.random(rss_dbm.shape) < 0.4] = undetected
    return "hall,attic\n" + "".join(f"{hall:g},{attic:g}\n" for hall, attic in rss_dbm)


@pytest.mark.parametrize("undetected", [0, -1, -100, -105, -110])
def test_a_value_that_may_stand_for_undetected_is_asked_about_once(tmp_path, caplog, undetected):
    file = write(tmp_path, levels(undetected))
    list(read_scan_table(file, NAMES))
    [message] = [record.getMessage() for record in caplog.records]
    assert message.startswith(f"{file}: every access point is detected in every row and ")
    assert f"% of all cells are {undetected} dBm;" in message
    assert f"layout.json in use with undetected=100,{undetected} added" in message
    caplog.clear()
    list(read_scan_table(file, NAMES, Layout(undetected=(undetected,))))
    assert not caplog.records
