"""Where a wrong cell of a CSV gets its error: numbers, readings, positions and labels.

Every error names the cell by file, line and column, what stands in it, and what is expected.
What is wrong with a whole row, the header or the encoding is found earlier, in `sheet.py`.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsstl_jax.data.readers.layout import (
    MAX_LATITUDE,
    MAX_LONGITUDE,
    Layout,
    ignore_flag,
    remedy,
)
from rsstl_jax.data.readers.sheet import Sheet
from rsstl_jax.data.site import MAX_DBM, MAX_POSITION_M, MIN_DBM
from rsstl_jax.errors import DataError

UNDETECTED = 100
"""How files write that an access point was not detected, unless their layout says otherwise."""

COMMON_FRACTION = 0.05  # of the readings: a value that is none of them may stand for undetected

MAX_DIGITS = 30  # in a row: no measured number has so many

NUMBER = re.compile(
    r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*|\s*[+-]?(nan|inf|infinity)\s*|",
    re.ASCII | re.IGNORECASE,
)


def read_numbers(sheet: Sheet, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns as float64, in the given order; empty cells are NaN."""
    sheet.require(columns)
    try:
        decimal = sheet.layout.decimal
        numbers = sheet.frame(columns, dtype=np.float64, low_memory=False, decimal=decimal)
    except ValueError as error:
        generic = DataError(f"{sheet.file}: cannot be read as numbers ({error})")
        raise _text_error(sheet, columns) or generic from error
    # pandas makes 1 and 0 of True and False, loses digits of long numbers, may make inf of 1e999.
    may_be_wrong = _MISREAD.search(sheet.body) or np.isinf(numbers).any(axis=None)
    if may_be_wrong and (fault := _text_error(sheet, columns)):
        raise fault
    return numbers


# What other tools write into empty cells, as pandas reads it.
_MISSING = {"NA", "N/A", "n/a", "#N/A", "#NA", "NULL", "null", "None", "<NA>"}
_MISREAD = re.compile(rb"true|false|\d{%d}" % MAX_DIGITS, re.IGNORECASE)


def _text_error(sheet: Sheet, columns: Sequence[str]) -> DataError | None:
    """The error of the first cell that is not a number; pandas does not say which one it is."""
    indices = [sheet.columns.index(column) for column in columns]
    labels = {use: getattr(sheet.layout, use) for use in ("floor", "building")}
    point, other = sheet.layout.decimal, "," if sheet.layout.decimal == "." else "."
    pointed = lambda cell: cell if point == "." else cell.translate(_SWAPPED)  # noqa: E731
    for row, cells in enumerate(sheet.rows()):
        for column, index in zip(columns, indices, strict=True):
            cell, number = cells[index], pointed(cells[index])
            if not NUMBER.fullmatch(number) and cell not in _MISSING:
                hint = ""
                if NUMBER.fullmatch(cell.replace(other, ".")):
                    hint = f"; {remedy(f'--decimal={other}')} says that it has a {_POINTS[other]}"
                elif column not in (sheet.layout.x, sheet.layout.y) and not any(
                    cells[index].strip() and NUMBER.fullmatch(pointed(cells[index]))
                    for cells in sheet.rows()
                ):
                    # A label that a flag names is left out by another value of that flag.
                    uses = [f"--{use}=" for use in labels if labels[use] == column != use]
                    hint = f"; {remedy(*uses, ignore_flag(column))} leaves the column out"
                is_label = column in labels.values()
                kind = "whole number" if is_label else f"number with a decimal {_POINTS[point]}"
                return DataError(
                    f"{sheet.cell_name(row, column)}: {cell!r} is not a number; "
                    f"a {kind} is expected{hint}"
                )
            if re.search(rf"\d{{{MAX_DIGITS}}}", number):
                return DataError(
                    f"{sheet.cell_name(row, column)}: {cell[:40]!r} has {MAX_DIGITS} digits in a "
                    "row; a number of fewer is expected"
                )
            if number.strip()[-1:].isdigit() and math.isinf(float(number)):
                return DataError(f"{sheet.cell_name(row, column)}: {cell[:40]!r} is too large")
    return None


_SWAPPED = str.maketrans(",.", ".,")
_POINTS = {".": "point", ",": "comma"}


def to_rss_dbm(sheet: Sheet, numbers: pd.DataFrame) -> NDArray[np.float32]:
    """Readings in dBm, float32[n, A]; what stands for undetected becomes NaN."""
    values, layout = numbers.to_numpy(), sheet.layout
    undetected = np.isin(values, layout.undetected)
    if layout.empty_is_undetected:
        undetected |= np.isnan(values)
    sound = undetected | ((values >= MIN_DBM) & (values <= MAX_DBM))
    if not sound.all():
        marks = [f"{value:g}" for value in layout.undetected]
        marks += ["an empty cell"] if layout.empty_is_undetected else []
        expected = f"a reading is expected in {MIN_DBM:g}...{MAX_DBM:g} dBm"
        expected += f", or {' or '.join(marks)} for undetected" if marks else ""
        _check_cells(sheet, numbers, sound, expected + _reading_hint(numbers, sound, layout))
    return np.where(undetected, np.nan, values).astype(np.float32)


def _reading_hint(numbers: pd.DataFrame, sound: NDArray[np.bool_], layout: Layout) -> str:
    """What mends cells that are no readings: columns that are left out, or a value of many."""
    cells = numbers.to_numpy()
    # A column of an access point has a level somewhere, whatever stands for undetected.
    has_level = ((cells >= MIN_DBM) & (cells < MAX_DBM)).any(axis=0)
    odd = ~has_level & (sound.mean(axis=0) < 0.5)
    is_above = (cells[~sound] > MAX_DBM).all()
    if is_above and len(cells) > 1 and sound[:, ~odd].all() and not odd.all():
        flag = remedy(ignore_flag(*numbers.columns[odd]))
        return f"; {flag} leaves out what is no access point"
    values, counts = np.unique(cells[~sound], return_counts=True)
    value, count, num_cells = values[counts.argmax()], int(counts.max()), cells.size
    # Of levels in another unit, each value is one of many.
    is_rare = count < max(2, COMMON_FRACTION * num_cells) or 2 * count < counts.sum()
    if is_rare or np.isinf(value):
        return ""
    content, flag = f"{value:g}", undetected_flag(*layout.undetected, value)
    if np.isnan(value):
        content, flag = "empty", "--empty_is_undetected"
    return (
        f"; {count} of {num_cells} cells are {content}: if that means undetected, "
        f"{remedy(flag)} says so"
    )


def undetected_flag(*marks: float) -> str:
    """The flag that says that each of these values stands for undetected."""
    return f"--undetected={','.join(f'{mark:g}' for mark in marks)}"


def to_positions(sheet: Sheet, numbers: pd.DataFrame) -> NDArray[np.float64]:
    """Positions in the unit of the sheet, float64[n, 2]."""
    values, unit = np.ascontiguousarray(numbers.to_numpy()), sheet.layout.positions
    if unit == "degrees":
        limits = {"longitude": MAX_LONGITUDE, "latitude": MAX_LATITUDE}
        for index, (name, limit) in enumerate(limits.items()):
            column = numbers.iloc[:, [index]]
            expected = f"a {name} is expected in {-limit:g}...{limit:g} degrees"
            _check_cells(sheet, column, np.abs(column.to_numpy()) <= limit, expected)
        return values
    expected = f"a position in {unit} is expected in {-MAX_POSITION_M:g}...{MAX_POSITION_M:g}"
    _check_cells(sheet, numbers, np.abs(values) <= MAX_POSITION_M, expected)
    return values


def to_labels(sheet: Sheet, numbers: pd.DataFrame) -> NDArray[np.int32]:
    """Floor or building indices of the only column, int32[n]."""
    values = numbers.to_numpy()
    # inf would pass a plain comparison with its own rounding
    whole = np.isfinite(values) & (values == np.rint(values)) & (np.abs(values) < 2**31)
    _check_cells(sheet, numbers, whole, "a whole number is expected")
    return values[:, 0].astype(np.int32)


def read_texts(sheet: Sheet, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns as they are written."""
    return sheet.frame(columns, dtype=str, keep_default_na=False) if columns else pd.DataFrame()


def to_phones(sheet: Sheet, cells: pd.DataFrame) -> NDArray[np.str_]:
    """Names of phones of the only column, str[n]."""
    # A column of numbers with an empty cell is written as 13.0 by pandas.
    texts = cells.iloc[:, 0].str.strip().str.replace(r"^(\d+)\.0+$", r"\1", regex=True)
    names = np.array(texts.tolist(), np.str_)
    _check_cells(sheet, cells, names[:, None] != "", "the name of a phone is expected")
    return names


_ZONE = r"(?:[Zz]|:\d.*[+-]\d\d(?::?\d\d)?)\s*$"


def to_times(sheet: Sheet, cells: pd.DataFrame) -> NDArray[np.datetime64]:
    """Moments in UTC of the only column, datetime64[n], of seconds since 1970 or of ISO 8601."""
    texts = cells.iloc[:, 0]
    seconds = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)
    time = np.full(len(texts), "NaT", "datetime64[s]")
    # pandas reads a time without a zone in that of the row before; and "now" as the present.
    zoned, dated = texts.str.contains(_ZONE), texts.str.match(r"\s*\d")
    for rows in (zoned & dated, ~zoned & dated):
        written = pd.to_datetime(texts[rows], format="ISO8601", errors="coerce", utc=True)
        time[rows] = written.dt.tz_localize(None).to_numpy("datetime64[s]")
    whole = np.nan_to_num(seconds).clip(0, 1e10).astype(np.int64)
    time = np.where(np.isnan(seconds), time, whole.astype("datetime64[s]"))
    sound = (time >= np.datetime64("1990")) & (time < np.datetime64("2100"))
    expected = "seconds since 1970, or a time such as 2013-06-20 07:35, is expected in 1990...2099"
    _check_cells(sheet, cells, sound[:, None], expected)
    return time


def _check_cells(sheet: Sheet, cells: pd.DataFrame, sound: NDArray[np.bool_], words: str) -> None:
    """Raises DataError for the first cell that is not sound."""
    if sound.all():
        return
    row, index = np.argwhere(~sound)[0]
    value: Any = cells.iloc[row, index]
    content = f"is {value!r}" if isinstance(value, str) else f"is {value:g}"
    content = "is empty or NaN" if content == "is nan" else content
    raise DataError(f"{sheet.cell_name(row, cells.columns[index])}: {content}; {words}")
