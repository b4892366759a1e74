"""Where a wrong cell of a CSV gets its error: numbers, readings, positions and labels.

Every error names the cell by file, row, line and column, what stands in it, and what is expected.
What is wrong with a whole row, the header or the encoding is found earlier, in `sheet.py`.
"""

import io
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsstl_jax.data.readers.sheet import Sheet
from rsstl_jax.data.site import MAX_DBM, MAX_POSITION_M, MIN_DBM
from rsstl_jax.errors import DataError

UNDETECTED = 100
"""How files write that an access point was not detected."""

_NUMBER = re.compile(
    r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*|\s*[+-]?(nan|inf|infinity)\s*|",
    re.ASCII | re.IGNORECASE,
)


def read_numbers(sheet: Sheet, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns as float64, in the given order; empty cells are NaN."""
    sheet.require(columns)
    try:
        frame = pd.read_csv(
            io.BytesIO(sheet.body),
            header=None,
            names=list(sheet.columns),
            usecols=list(columns),
            dtype=np.float64,
            skip_blank_lines=False,
            low_memory=False,
        )
    except ValueError as error:
        raise _text_error(sheet, columns, error) from error
    return frame[list(columns)]


def _text_error(sheet: Sheet, columns: Sequence[str], cause: ValueError) -> DataError:
    """The error of the first cell that is not a number; pandas does not say which one it is."""
    indices = [sheet.columns.index(column) for column in columns]
    for row, cells in enumerate(sheet.rows()):
        for column, index in zip(columns, indices, strict=True):
            if not _NUMBER.fullmatch(cells[index]):
                return DataError(
                    f"{sheet.cell_name(row, column)}: {cells[index]!r} is not a number; "
                    "a number with a decimal point is expected"
                )
    return DataError(f"{sheet.file}: cannot be read as numbers ({cause})")


def to_rss_dbm(sheet: Sheet, numbers: pd.DataFrame) -> NDArray[np.float32]:
    """Readings in dBm, float32[n, A]; the 100 of the files becomes NaN."""
    values = numbers.to_numpy()
    undetected = values == UNDETECTED
    sound = undetected | ((values >= MIN_DBM) & (values <= MAX_DBM))
    expected = f"a reading is expected in {MIN_DBM:g}...{MAX_DBM:g} dBm"
    _check_cells(sheet, numbers, sound, f"{expected}, or {UNDETECTED} for undetected")
    return np.where(undetected, np.nan, values).astype(np.float32)


def to_position_m(sheet: Sheet, numbers: pd.DataFrame) -> NDArray[np.float64]:
    """Positions in metres, float64[n, 2]."""
    values = np.ascontiguousarray(numbers.to_numpy())
    expected = f"a position in metres is expected in {-MAX_POSITION_M:g}...{MAX_POSITION_M:g}"
    _check_cells(sheet, numbers, np.abs(values) <= MAX_POSITION_M, expected)
    return values


def to_labels(sheet: Sheet, numbers: pd.DataFrame) -> NDArray[np.int32]:
    """Floor or building indices of the only column, int32[n]."""
    values = numbers.to_numpy()
    # inf would pass a plain comparison with its own rounding
    whole = np.isfinite(values) & (values == np.rint(values)) & (np.abs(values) < 2**31)
    _check_cells(sheet, numbers, whole, "a whole number is expected")
    return values[:, 0].astype(np.int32)


def _check_cells(
    sheet: Sheet, numbers: pd.DataFrame, sound: NDArray[np.bool_], expected: str
) -> None:
    """Raises DataError for the first cell that is not sound."""
    if sound.all():
        return
    row, index = np.argwhere(~sound)[0]
    value = numbers.to_numpy()[row, index]
    content = "is empty or NaN" if np.isnan(value) else f"is {value:g}"
    raise DataError(f"{sheet.cell_name(row, numbers.columns[index])}: {content}; {expected}")
