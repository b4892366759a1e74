"""Scans in the forms that receivers and tools report them in, as the rows that a network takes."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rsstl_jax.data.readers.cells import NUMBER
from rsstl_jax.data.readers.columns import LEVEL_KEYS, NAME_KEYS, has_other_use
from rsstl_jax.data.readers.layout import Layout, used_columns
from rsstl_jax.data.site import MAX_DBM, MIN_DBM, check_names, match_key, names_alike
from rsstl_jax.errors import DataError

Scans = (
    Sequence[Mapping[str, Any]]
    | Sequence[Sequence[Mapping[str, Any]]]
    | Mapping[str, Any]
    | pd.DataFrame
)


@dataclass(frozen=True, eq=False)
class ScanRows:
    """Scans as readings of a site's access points, in the order of its columns."""

    rss_dbm: NDArray[np.float32]  # [n, A]: dBm, NaN where undetected
    detected: NDArray[np.int64]  # [n]: access points of each scan that the site knows
    unknown: NDArray[np.int64]  # [n]: access points of each scan that it does not know


def read_scans(
    scans: Scans, access_points: Sequence[str], layout: Layout | None = None
) -> ScanRows:
    """Scans, in a form that `Locator.locate` takes, as readings of known access points."""
    undetected = layout.undetected if layout else ()
    others = (*layout.ignore, *used_columns(layout)) if layout else ()
    left_out = {name.casefold() for name in others}
    prefix = layout.access_point_prefix.casefold() if layout else ""
    column = {match_key(name): index for index, name in enumerate(check_names(access_points))}
    parts: list[tuple[str, Any, list[tuple[str, Any]], bool]]
    if isinstance(scans, pd.DataFrame):
        # One scan of columns, whose values are those of all rows.
        number, parts = len(scans), [("scans", slice(None), _columns(scans, column), True)]
    else:
        listed = _list_of_scans(scans)
        number, parts = len(listed), [_readings(scan, row) for row, scan in enumerate(listed)]
    if not number:
        raise DataError("scans is empty; at least one scan is needed")
    rss_dbm = np.full((number, len(column)), np.nan, np.float32)
    unknown = np.zeros(number, np.int64)
    for where, rows, readings, is_named in parts:
        kept = {name: level for name, level in readings if name.casefold() not in left_out}
        if alike := names_alike(name for name, _ in readings if name in kept):
            raise DataError(f"{where}: access point {alike[1]!r} is named twice")
        if is_named and _is_record(kept) and any(isinstance(value, str) for value in kept.values()):
            raise DataError(f"{where}: {kept!r} is one record; a list of them is a scan")
        for name, level in kept.items():
            index = column.get(match_key(name))
            # A record is an access point whatever its name.
            if is_named and not name.casefold().startswith(prefix):
                continue
            if is_named and index is None and has_other_use(name):
                raise DataError(
                    f"{where}: {name!r} looks like something else than an access point; leave it "
                    "out, or let the layout ignore it"
                )
            place = f"access point {name!r}"
            if isinstance(rows, slice):
                levels = _column_levels(level, place, undetected)
            else:
                levels = np.asarray(_level(level, f"{where}, {place}", undetected))
            if index is None:
                unknown[rows] += ~np.isnan(levels)
            else:
                rss_dbm[rows, index] = levels
    return ScanRows(rss_dbm, (~np.isnan(rss_dbm)).sum(axis=1), unknown)


def name_columns(scans: Any, access_points: Sequence[str]) -> pd.DataFrame:
    """An array of levels, float[n, B], as a table whose columns are these access points."""
    names = list(check_names(access_points))
    if isinstance(scans, pd.DataFrame) and scans.columns.tolist() != names:
        raise DataError("scans is a DataFrame with names of its own; leave access_points out")
    try:
        levels = np.ma.asarray(scans)
        if levels.dtype == jnp.bfloat16:  # which pandas does not know
            levels = levels.astype(np.float32)
    except ValueError:  # rows of unequal length
        levels = np.ma.asarray(None)
    if levels.ndim != 2 or levels.shape[1] != len(names):
        raise DataError(
            f"scans is a {type(scans).__name__} {list(levels.shape)}; with access_points an array "
            f"[n, {len(names)}] is expected, a column for each of them"
        )
    return pd.DataFrame(levels, columns=names)


def _list_of_scans(scans: Any) -> list[Any]:
    if isinstance(scans, str | bytes):
        raise DataError("scans is text; parse it first, such as with json.loads")
    if isinstance(scans, Mapping):
        return [scans]
    if isinstance(scans, pd.Series):
        # A column of a table has scans in it, a row has levels.
        entries: list[Any] = list(scans)
        is_column = any(isinstance(entry, Mapping | list) for entry in entries)
        return entries if is_column else [scans]
    if hasattr(scans, "ndim"):
        raise DataError(
            f"scans is a {type(scans).__name__}, whose columns have no names; give a DataFrame, or "
            "locate's access_points"
        )
    if not isinstance(scans, Iterable):
        raise DataError(f"scans is {type(scans).__name__}; a list of scans is expected")
    listed = list(scans)
    # A list of records is one scan: a list of scans of records has lists in it.
    if listed and all(_is_record(entry) for entry in listed):
        return [listed]
    return listed


def _is_record(entry: Any) -> bool:
    if not isinstance(entry, Mapping):
        return False
    keys = {str(key).casefold() for key in entry}
    return bool(keys & set(NAME_KEYS)) and bool(keys & set(LEVEL_KEYS))


def _readings(scan: Any, row: int) -> tuple[str, int, list[tuple[str, Any]], bool]:
    """The name of a scan, its row, its (access point, level), and whether it is a mapping."""
    where, is_named = f"scan {row}", isinstance(scan, Mapping | pd.Series)
    if is_named:
        readings = list(scan.items())
    elif isinstance(scan, Iterable) and not isinstance(scan, str | bytes):
        readings = []
        for record in scan:
            if not _is_record(record):
                raise DataError(
                    f"{where}: {record!r} is no record; one such as "
                    '{"mac": "00:1f:...", "rssi": -61} is expected'
                )
            (_, name), *_ = _of_keys(record, NAME_KEYS)
            (key, level), *others = _of_keys(record, LEVEL_KEYS)
            for other, odd in others:
                if odd != level:
                    raise DataError(
                        f"{where}: {record!r} has both {key} and {other}; keep the one in dBm"
                    )
            readings.append((name, level))
    else:
        raise DataError(
            f"{where} is {type(scan).__name__}; a mapping {{access point: dBm}} is expected"
        )
    for name, _ in readings:
        if not isinstance(name, str):
            raise DataError(f"{where}: {name!r} is no access point's name; text is expected")
    return where, row, readings, is_named


def _of_keys(record: Mapping[Any, Any], keys: Sequence[str]) -> list[tuple[Any, Any]]:
    """What a record has under keys, in their order and any case; if possible, without gaps."""
    found = [entry for entry in record.items() if str(entry[0]).casefold() in keys]
    found.sort(key=lambda entry: keys.index(str(entry[0]).casefold()))
    is_gap = lambda value: pd.api.types.is_scalar(value) and (pd.isna(value) or value == "")  # noqa: E731
    return [entry for entry in found if not is_gap(entry[1])] or found[:1]


def _columns(table: pd.DataFrame, known: Mapping[str, int]) -> list[tuple[str, Any]]:
    """The columns of a table with one for each access point."""
    if table.columns.nlevels > 1:
        raise DataError(
            f"scans has {table.columns.nlevels} levels of columns, as pivot_table makes them; give "
            "that of the access points, such as scans.droplevel(0, axis=1)"
        )
    names = [str(name) for name in table.columns]
    if not names:
        raise DataError("scans has no columns; one for each access point is expected")
    if _is_record(dict.fromkeys(names)) and known.keys().isdisjoint(map(match_key, names)):
        raise DataError(
            f"scans has a row for each record ({', '.join(names)}); a list of records is a scan: "
            'give [scan.to_dict("records") for _, scan in scans.groupby(<column of scans>)]'
        )
    return [(name, table.iloc[:, index]) for index, name in enumerate(names)]


def _level(level: Any, where: str, undetected: Sequence[float]) -> float:
    """A level in dBm; NaN where undetected."""
    if level is None or level is pd.NA:
        return math.nan
    is_switch = isinstance(level, bool) or getattr(getattr(level, "dtype", None), "kind", "") == "b"
    # Python reads -6_1 and other scripts' digits, too, and NumPy an array of one number.
    is_array = getattr(level, "ndim", 0) > 0
    if is_switch or is_array or (isinstance(level, str) and not NUMBER.fullmatch(level)):
        raise DataError(f"{where}: {level!r} is no level; a number in dBm is expected")
    try:
        level_dbm = float(level)
    except OverflowError:
        level_dbm = math.inf
    except (TypeError, ValueError):
        raise DataError(f"{where}: {level!r} is no level; a number in dBm is expected") from None
    if level_dbm in undetected:
        return math.nan
    if level_dbm < MIN_DBM or level_dbm > MAX_DBM:
        raise DataError(
            f"{where}: {level_dbm:g} is outside {MIN_DBM:g}...{MAX_DBM:g} dBm; leave out what was "
            "not detected, or give None"
        )
    return level_dbm


def _column_levels(cells: pd.Series, where: str, undetected: Sequence[float]) -> NDArray[Any]:
    """The levels of one column, NaN where undetected."""
    if not pd.api.types.is_any_real_numeric_dtype(cells):
        # Text, switches and moments are looked at one by one, as those of other scans are.
        each = enumerate(cells)
        return np.array([_level(cell, f"scan {row}, {where}", undetected) for row, cell in each])
    numbers = cells.to_numpy(np.float64, na_value=np.nan)
    numbers = np.where(np.isin(numbers, undetected), np.nan, numbers)
    wrong = (numbers < MIN_DBM) | (numbers > MAX_DBM)
    if wrong.any():
        row = int(wrong.argmax())
        _level(numbers[row], f"scan {row}, {where}", undetected)
    return numbers


def check_rows(rss_dbm: ArrayLike, access_points: Sequence[str]) -> NDArray[np.float32]:
    """Readings as float32[n, A]; DataError where they are no such rows, or one is above 0 dBm."""
    if isinstance(rss_dbm, pd.DataFrame) and rss_dbm.columns.tolist() != list(access_points):
        raise DataError(
            "rss_dbm is a DataFrame whose columns are not the access points in their order; give "
            "it to locate, which reads the names"
        )
    if isinstance(rss_dbm, np.ma.MaskedArray):
        rss_dbm = np.ma.filled(rss_dbm.astype(np.float32), np.nan)
    try:
        array = np.asarray(rss_dbm)
        rows = array.astype(np.float32)
        is_real = array.dtype.kind not in "bc"
    except (TypeError, ValueError):  # other things than numbers, or rows of unequal length
        is_real = False
    if not is_real:
        raise DataError(
            f"rss_dbm is a {type(rss_dbm).__name__}; readings in dBm are expected, as "
            "`Fingerprints.rss_dbm`, NaN: undetected"
        )
    if rows.ndim != 2 or rows.shape[1] != len(access_points) or not len(rows):
        raise DataError(
            f"rss_dbm has shape {list(rows.shape)}; [n, {len(access_points)}] is expected: a row "
            "for each fingerprint, a column for each access point"
        )
    if (rows > MAX_DBM).any():
        row, column = np.argwhere(rows > MAX_DBM)[0]
        raise DataError(
            f"rss_dbm, row {row}, access point {access_points[column]!r}: {rows[row, column]:g} is "
            f"above {MAX_DBM:g} dBm; undetected is NaN here"
        )
    return rows


def pad_rows(rss_dbm: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows without a reading added until there are 1, 2, 4, 8, ... of them."""
    # A program is compiled for every number of rows.
    missing = (1 << (len(rss_dbm) - 1).bit_length()) - len(rss_dbm)
    return np.pad(rss_dbm, ((0, missing), (0, 0)), constant_values=np.nan)
