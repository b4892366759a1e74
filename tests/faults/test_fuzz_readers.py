"""Thousands of damaged files: each is refused in one line, or read as the plain reader reads it."""

import gzip
import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import plain
import pytest
from fuzz import fuzz
from hypothesis import given
from hypothesis import strategies as st

from rsstl_jax.data.readers import read_site
from rsstl_jax.errors import DataError

UJI = """WAP001,WAP002,WAP003,LONGITUDE,LATITUDE,FLOOR,BUILDINGID,SPACEID,USERID
-60,100,0,-7541.2643,4864920.7782,2,1,106,1371713733
100,100,-104,-7536.6212,4864934.2252,4,0,103,1371713691
-71,-52.5,100,-7519.1524,4864949.5322,4,1,102,1371713690
"""
UTS = """WAP001,WAP002,WAP003,Pos_x,Pos_y,Floor_ID,Building_ID,Time
-60,100,0,25.7107,17.0455,-3,New IT,8/03/2019 6:47
100,100,-104,28.25,18.5,12,New IT,8/03/2019 6:48
"""
HOME = """AP1,AP2,AP3,x,y,floor,building
-60,100,0,25.7107,17.0455,-3,0
100,100,-104,28.25,18.5,12,7
-61,-70,100,28.5,18.75,12,7
"""
RSS = "-60,100,0\n100,100,-104\n-61,-70,100\n"
PLACES = "25.7107,17.0455,3.7\n28.25,18.5,14.8\n28.5,18.75,0\n"
FILES = {
    "uji": {"trainingData.csv": UJI, "validationData.csv": UJI},
    "uts": {"UTS_training.csv": UTS, "UTS_test.csv": UTS},
    "home": {"train.csv": HOME, "test.csv": HOME},
    "tampere": {
        f"{part}_{kind}_21Aug17.csv": text
        for part in ("Training", "Test")
        for kind, text in (("rss", RSS), ("coordinates", PLACES))
    },
}
CELLS = [
    *("", " ", "nan", "NaN", "NA", "null", "None", "inf", "-inf", "1e400", "-1e-400", "1e308"),
    *("1e9", "1.1e9", "text", "-50 dBm", "-50.5", "-130", "-130.5", "0", "0.5", "-0", "100"),
    *("100.0", "1e2", "99", "101", "1_0", "\u0663", "\u22125", "-5", " -5", "-5\t", "\x1c-5"),
    *("-5\x00", "-5\x0b", "0x10", "True", "1,5", "-5;6", '"', '""', '-5"', '"-5"0', "a\nb", "3.7"),
    *("7.4", "3.75", "3.7e30", "2147483648", "-2147483648", "2147483647", "1.0", "\xe9", "1e"),
    *("\ufeff-5", "'-5'", "--5", "5.", ".5", "+5", "1" * 400, "-0" + "0" * 300 + "5", "1e-5"),
]
NAMES = ["", " ", "x", "X", "y", "floor", "Floor", "WAP001", "AP1", "WAP004", "AP 1", '"', "a\nb"]
SLIPS = (
    *("cell", "cell", "cell", "more", "less", "blank", "no row", "twice", "swap", "no column"),
    *("name", "order", "move"),
)


@st.composite
def slipped(draw, rows):
    """One slip of whoever wrote the table."""
    rows = [list(row) for row in rows]
    kind = draw(st.sampled_from(SLIPS))
    row = draw(st.integers(0, len(rows) - 1))
    place = draw(st.integers(0, max(len(rows[row]) - 1, 0)))
    cell = draw(st.sampled_from(CELLS) | st.text(max_size=4) | st.floats(width=32).map(str))
    if kind == "blank":
        rows.insert(row, [])
    elif kind == "no row":
        del rows[row]
    elif kind == "twice":
        rows.insert(row, rows[row])
    elif kind == "more":
        rows[row].insert(place, cell)
    elif kind == "swap":
        rows[row][:] = [*rows[row][1:], *rows[row][:1]]
    elif kind == "order":
        rows = [row[::-1] for row in rows]
    elif kind == "move":
        rows = [[*row[1:], *row[:1]] for row in rows]
    elif kind == "no column":
        rows = [row[:place] + row[place + 1 :] for row in rows]
    elif rows[row]:
        if kind == "less":
            del rows[row][place]
        elif kind == "cell":
            rows[row][place] = cell
        else:
            rows[0][min(place, len(rows[0]) - 1) :][:1] = [draw(st.sampled_from(NAMES))]
            rows[0][:1] = [draw(st.sampled_from(NAMES))]
    return rows or [[]]


def written(rows, quoting, comma, line_end):
    def cell_text(cell):
        needs = quoting == "all" or (quoting == "needed" and set(cell) & set(',"\n'))
        return '"' + cell.replace('"', '""') + '"' if needs else cell

    return "".join(comma.join(map(cell_text, row)) + line_end for row in rows)


@st.composite
def damaged_bytes(draw, data):
    """One accident on the way of the bytes."""
    at = draw(st.integers(0, len(data)))
    kind = draw(st.sampled_from(("cut", "insert", "flip", "drop")))
    if kind == "cut":
        return data[:at]
    if kind == "insert":
        return data[:at] + draw(st.sampled_from(ODD_BYTES) | st.binary(max_size=2)) + data[at:]
    changed = bytes([data[at] ^ draw(st.integers(1, 255))]) if at < len(data) else b""
    return data[:at] + (changed if kind == "flip" else b"") + data[at + 1 :]


ODD_BYTES = [b"\0", b"\r", b"\n", b'"', b",", b";", b"\xff", b"\xb5", b"\xef\xbb\xbf", b"\x1a"]


@st.composite
def damaged_files(draw):
    """(dataset, {file: bytes}), one of them damaged once or several times."""
    name = draw(st.sampled_from(sorted(FILES)))
    files = {file: text.encode() for file, text in FILES[name].items()}
    file = draw(st.sampled_from(sorted(files)))
    rows = [line.split(",") for line in FILES[name][file].splitlines()]
    for _ in range(draw(st.integers(0, 2))):
        rows = draw(slipped(rows))
    text = written(
        rows,
        draw(st.sampled_from(("needed", "needed", "all", "none"))),
        draw(st.sampled_from((",",) * 9 + (";", "\t", ", "))),
        draw(st.sampled_from(("\n",) * 6 + ("\r\n", "\r\n", "\r", "\n\n"))),
    )
    encoding = draw(st.sampled_from(("utf-8",) * 9 + ("utf-8-sig", "utf-16", "latin-1")))
    files[file] = text.encode(encoding, errors="replace")
    for _ in range(draw(st.sampled_from((0, 0, 1, 2)))):
        files[file] = draw(damaged_bytes(files[file]))
    return name, files


def found(name, files):
    """[train, test] of the package's reader in the form of the plain one."""
    with tempfile.TemporaryDirectory() as folder:
        for file, data in files.items():
            Path(folder, file).write_bytes(data)
        site = read_site(name, Path(folder))
    return [
        {
            "access_points": list(part.access_points),
            "rss_dbm": part.rss_dbm,
            "position_m": part.position_m,
            "labels": [
                labels.tolist() for labels in (part.floor, part.building) if labels is not None
            ],
        }
        for part in (site.train, site.test)
    ]


def assert_equal(parts, expected):
    for part, other in zip(parts, expected, strict=True):
        assert part["access_points"] == other["access_points"]
        assert part["labels"] == other["labels"]
        np.testing.assert_array_equal(part["rss_dbm"], np.array(other["rss_dbm"], np.float32))
        np.testing.assert_allclose(part["position_m"], other["position_m"], rtol=1e-15)


def check(case):
    name, files = case
    try:
        expected = plain.read(name, files)
    except plain.InvalidError:
        with pytest.raises(DataError) as refused:
            found(name, files)
        message = str(refused.value)
        assert any(file in message for file in files) and "\n" not in message, message
    else:
        assert_equal(found(name, files), expected)


@fuzz(60)
@given(damaged_files())
def test_damaged_files(case):
    check(case)


@pytest.mark.slow
@fuzz(3000)
@given(damaged_files())
def test_thousands_of_damaged_files(case):
    check(case)


def packed(form, files):
    """The files as they lie on the disk, gzipped or in one archive."""
    if form == "gzip":
        return {f"{file}.gz": gzip.compress(data, mtime=0) for file, data in files.items()}
    archive = io.BytesIO()
    method = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}.get(form)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA if method is None else method) as opened:
        for file, data in files.items():
            opened.writestr(zipfile.ZipInfo(f"inside/{file}"), data, opened.compression)
    return {"published.zip": archive.getvalue()}


@st.composite
def damaged_archives(draw):
    name = draw(st.sampled_from(sorted(FILES)))
    files = {file: text.encode() for file, text in FILES[name].items()}
    stored = packed(draw(st.sampled_from(("gzip", "stored", "deflated", "lzma"))), files)
    file = draw(st.sampled_from(sorted(stored)))
    for _ in range(draw(st.integers(1, 3))):
        stored[file] = draw(damaged_bytes(stored[file]))
    return name, files, stored


def check_archive(case):
    """Checksums let no other value through; a byte that carries nothing may change."""
    name, files, stored = case
    try:
        parts = found(name, stored)
    except DataError as error:
        assert any(file in str(error) for file in (*files, *stored)), error
    else:
        assert_equal(parts, plain.read(name, files))


@fuzz(20)
@given(damaged_archives())
def test_damaged_archives(case):
    check_archive(case)


@pytest.mark.slow
@fuzz(800)
@given(damaged_archives())
def test_hundreds_of_damaged_archives(case):
    check_archive(case)
