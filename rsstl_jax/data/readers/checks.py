"""Turning checked columns of a sheet into fingerprints, with every fault named by its cell."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.data.readers.sheet import Numbers, Sheet
from rsstl_jax.data.site import MAX_DBM, MAX_POSITION_M, MIN_DBM
from rsstl_jax.errors import DataError

__all__ = ["check_same_access_points", "to_labels", "to_position_m", "to_rss_dbm"]

UNDETECTED = 100
"""How files write that an access point was not detected."""


def to_rss_dbm(sheet: Sheet, columns: Sequence[str], values: Numbers) -> NDArray[np.float32]:
    """Readings in dBm, with the published 100 turned into NaN.

    Args:
        sheet: where the values come from, for messages.
        columns: the access points' columns.
        values: float64[n, A]. Their cells; 100 where undetected.

    Returns:
        float32[n, A]. dBm, NaN where undetected.

    Raises:
        DataError: a cell is empty, or neither 100 nor in -130...0 dBm.

    Example:
        >>> sheet = Sheet("a.csv", ("AP1", "AP2"), b"-60,100", 2)
        >>> to_rss_dbm(sheet, sheet.columns, sheet.numbers(sheet.columns)).tolist()
        [[-60.0, nan]]
    """
    undetected = values == UNDETECTED
    faulty = ~(undetected | ((values >= MIN_DBM) & (values <= MAX_DBM)))
    _raise_first(
        sheet,
        columns,
        values,
        faulty,
        f"a reading is expected in {MIN_DBM:g}...{MAX_DBM:g} dBm, or {UNDETECTED} for undetected",
    )
    return np.where(undetected, np.nan, values).astype(np.float32)


def to_position_m(sheet: Sheet, columns: Sequence[str], values: Numbers) -> Numbers:
    """Positions in metres.

    Args:
        sheet: where the values come from, for messages.
        columns: the two coordinates' columns.
        values: float64[n, 2]. Their cells.

    Returns:
        float64[n, 2]. The same values.

    Raises:
        DataError: a cell is empty or outside -1e+09...1e+09 m.

    Example:
        >>> sheet = Sheet("a.csv", ("x", "y"), b"1.5,2", 2)
        >>> to_position_m(sheet, sheet.columns, sheet.numbers(sheet.columns)).tolist()
        [[1.5, 2.0]]
    """
    faulty = ~(np.abs(values) <= MAX_POSITION_M)
    expected = f"a position in metres is expected in {-MAX_POSITION_M:g}...{MAX_POSITION_M:g}"
    _raise_first(sheet, columns, values, faulty, expected)
    return np.ascontiguousarray(values)


def to_labels(sheet: Sheet, column: str, values: Numbers) -> NDArray[np.int32]:
    """Floor or building indices.

    Args:
        sheet: where the values come from, for messages.
        column: the labels' column.
        values: float64[n]. Its cells.

    Returns:
        int32[n]. The same values as integers.

    Raises:
        DataError: a cell is empty or not a whole number.

    Example:
        >>> sheet = Sheet("a.csv", ("floor",), b"3", 2)
        >>> to_labels(sheet, "floor", sheet.numbers(("floor",))[:, 0]).tolist()
        [3]
    """
    # inf would pass a plain comparison with its own rounding
    faulty = ~(np.isfinite(values) & (values == np.rint(values)) & (np.abs(values) < 2**31))
    _raise_first(sheet, (column,), values[:, None], faulty[:, None], "a whole number is expected")
    return values.astype(np.int32)


def check_same_access_points(
    train: Sheet, train_names: Sequence[str], test: Sheet, test_names: Sequence[str]
) -> None:
    """Checks that two files name the same access points, in whatever order.

    Args:
        train: the train file, for messages.
        train_names: its access points.
        test: the test file, for messages.
        test_names: its access points.

    Raises:
        DataError: some occur in one file only; the message lists them.

    Example:
        >>> sheet = Sheet("a.csv", ("AP1", "AP2"), b"-60,100", 2)
        >>> check_same_access_points(sheet, ("AP1", "AP2"), sheet, ("AP2", "AP1"))
    """
    known, found = set(train_names), set(test_names)
    unknown = [name for name in test_names if name not in known]
    lacking = [name for name in train_names if name not in found]
    faults = [
        f"{text} {', '.join(names[:10])}{f' ... ({len(names)} in all)' if names[10:] else ''}"
        for text, names in (("unknown to the train part:", unknown), ("lacking:", lacking))
        if names
    ]
    if faults:
        raise DataError(
            f"{test.file}, line 1: must name the same access points as {train.file}; "
            + "; ".join(faults)
        )


def _raise_first(
    sheet: Sheet, columns: Sequence[str], values: Numbers, faulty: NDArray[np.bool_], expected: str
) -> None:
    if not faulty.any():
        return
    row, place = np.argwhere(faulty)[0]
    value = values[row, place]
    found = "is empty or NaN" if np.isnan(value) else f"is {value:g}"
    raise DataError(f"{sheet.cell(row, columns[place])}: {found}; {expected}")
