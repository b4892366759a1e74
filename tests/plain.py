"""The readers once more, without pandas and csv: what must be accepted, and as which values.

`read` is the specification of the formats in the plainest code; it names no faults.
"""

import math
import re

BLANKS = " \t\n\v\f\r"
HEADED = {
    "uji": ("trainingData.csv", "validationData.csv", "LONGITUDE", "LATITUDE", "FLOOR BUILDINGID"),
    "uts": ("UTS_training.csv", "UTS_test.csv", "Pos_x", "Pos_y", "Floor_ID"),
    "home": ("train.csv", "test.csv", "x", "y", ""),
}


class InvalidError(Exception):
    """The files must be refused."""


def demand(condition):
    if not condition:
        raise InvalidError


def rows_of(text):
    """Cells by a machine of four states; quotes stand around whole cells or not at all."""
    rows, cells, cell, state = [], [], "", "start"
    text = text.replace("\r\n", "\n") + "\n"
    for index, sign in enumerate(text):
        if state == "quoted":
            if sign == '"':
                state = "closed"
            else:
                demand(index < len(text) - 1)
                cell += sign
        elif sign == '"' and state == "closed":
            cell, state = cell + '"', "quoted"
        elif sign == '"' and state == "start":
            state = "quoted"
        elif sign == ",":
            cells, cell, state = [*cells, cell], "", "start"
        elif sign == "\n":
            empty = state == "start" and not cells
            rows.append([] if empty else [*cells, cell])
            cells, cell, state = [], "", "start"
        else:
            demand(state != "closed")
            cell, state = cell + sign, "plain"
    return rows


def text_of(data):
    text = data.removeprefix(b"\xef\xbb\xbf").rstrip(BLANKS.encode())
    try:
        text = text.decode()
    except UnicodeDecodeError:
        raise InvalidError from None
    demand(text and "\0" not in text and "\ufeff" not in text)
    demand("\r" not in text.replace("\r\n", ""))
    return text


def number(cell):
    cell = cell.strip(BLANKS)
    demand(re.search(r"\d{30}", cell) is None)
    demand(cell and cell.isascii() and cell.isprintable() and "_" not in cell)
    try:
        value = float(cell)
    except ValueError:
        raise InvalidError from None
    demand(math.isfinite(value))
    return value


def reading(cell):
    value = number(cell)
    demand(value == 100 or -130 <= value <= 0)
    return math.nan if value == 100 else value


def metres(cell):
    value = number(cell)
    demand(abs(value) <= 1e9)
    return value


def label(cell):
    value = number(cell)
    demand(value == round(value) and abs(value) < 2**31)
    return int(value)


def table_of(data):
    """{column: cells} of a file with a header."""
    header, _, body = text_of(data).partition("\n")
    [names] = rows_of(header.removesuffix("\r"))
    names = [name.strip() for name in names]
    demand(all(names) and len(set(names)) == len(names) and body)
    rows = rows_of(body)
    demand(all(len(row) == len(names) for row in rows))
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def read_headed(name, files):
    train_file, test_file, x, y, labels = HEADED[name]
    tables = [table_of(files[file]) for file in (train_file, test_file)]
    parts, order = [], None
    for table in tables:
        rows = len(next(iter(table.values())))
        known = ("x", "y", "floor", "building")
        if name == "home":
            mine = [column for column in table if column not in known]
            demand(order or not any(column.lower() in known for column in mine))
        else:
            mine = [column for column in table if column.startswith("WAP")]
            demand(order is None or set(mine) == set(order))
        spelled = {column.lower(): column for column in mine}
        order = order or mine
        demand(len(spelled) == len(mine) and any(column.lower() in spelled for column in order))
        cells = [table.get(spelled.get(column.lower()), ["100"] * rows) for column in order]
        wanted = [c for c in known[2:] if c in table] if name == "home" else labels.split()
        demand(all(column in table for column in (x, y, *wanted)))
        parts.append(
            {
                "access_points": order,
                "rss_dbm": list(zip(*(map(reading, column) for column in cells), strict=True)),
                "position_m": list(zip(*(map(metres, table[c]) for c in (x, y)), strict=True)),
                "labels": [list(map(label, table[column])) for column in wanted],
            }
        )
        demand(name != "home" or not looks_like_degrees(parts[-1]["position_m"]))
    return parts


def looks_like_degrees(positions):
    """A site of less than a tenth of a metre."""
    across = max(max(axis) - min(axis) for axis in zip(*positions, strict=True))
    on_earth = all(abs(x) <= 180 and abs(y) <= 90 for x, y in positions)
    return 0 < across < 0.1 and on_earth


def read_tampere(files):
    parts, width = [], None
    for part in ("Training", "Test"):
        readings = rows_of(text_of(files[f"{part}_rss_21Aug17.csv"]))
        positions = rows_of(text_of(files[f"{part}_coordinates_21Aug17.csv"]))
        width = width or len(readings[0])
        demand(len(readings) == len(positions) and all(len(row) == width for row in readings))
        demand(all(len(row) == 3 for row in positions))
        floors = [metres(row[2]) / 3.7 for row in positions]
        demand(all(abs(floor - round(floor)) <= 0.01 for floor in floors))
        parts.append(
            {
                "access_points": [f"AP{number:03d}" for number in range(1, width + 1)],
                "rss_dbm": [tuple(map(reading, row)) for row in readings],
                "position_m": [tuple(map(metres, row[:2])) for row in positions],
                "labels": [[round(floor) for floor in floors]],
            }
        )
    return parts


def read(name, files):
    """[train, test] as plain lists, from {file: bytes}; InvalidError where they must be refused."""
    return read_tampere(files) if name == "tampere" else read_headed(name, files)
