"""One comma-separated file: read fast, and searched for the faulty cell only when that fails."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsstl_jax.data.readers.archives import DataFile
from rsstl_jax.errors import DataError

__all__ = ["Sheet", "count_columns", "open_sheet"]

Numbers = NDArray[np.float64]

_FORBIDDEN = {
    rb"\0": "holds a NUL byte",
    rb"\r(?!\n)": "holds a carriage return that no line feed follows",
    codecs.BOM_UTF8: "holds a byte order mark that is not at the start of the file",
}


_NUMBER = re.compile(
    r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*|\s*[+-]?(nan|inf|infinity)\s*|",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class Sheet:
    """The text of a file whose rows all have as many cells as there are columns.

    Args:
        file: what messages call it.
        columns: the columns' names, each different.
        body: the rows below the header, UTF-8.
        first_line: line of the first data row, counted from one.

    Example:
        >>> Sheet("a.csv", ("x", "y"), b"1,2", first_line=2).numbers(("y",)).tolist()
        [[2.0]]
    """

    file: str
    columns: tuple[str, ...]
    body: bytes
    first_line: int

    def numbers(self, columns: Sequence[str]) -> Numbers:
        """The named columns as numbers, in the given order.

        Args:
            columns: names of columns, each different.

        Returns:
            float64[n, len(columns)]. Empty cells are NaN.

        Raises:
            DataError: a column is missing, or a cell is not a number.

        Example:
            >>> Sheet("a.csv", ("x", "y"), b"1,2\\n3,4", 2).numbers(("y", "x")).tolist()
            [[2.0, 1.0], [4.0, 3.0]]
        """
        self.require(columns)
        try:
            frame = pd.read_csv(
                io.BytesIO(self.body),
                header=None,
                names=list(self.columns),
                usecols=list(columns),
                dtype=np.float64,
                skip_blank_lines=False,
                low_memory=False,
            )
        except ValueError as error:
            raise self._text_error(columns, error) from error
        return frame[list(columns)].to_numpy()

    def require(self, columns: Sequence[str]) -> None:
        """Checks that columns are there.

        Args:
            columns: their names.

        Raises:
            DataError: one is missing; the message names it.

        Example:
            >>> Sheet("a.csv", ("x", "y"), b"1,2", 2).require(("x", "y"))
        """
        present = set(self.columns)
        for column in columns:
            if column not in present:
                raise DataError(
                    f"{self.file}, line 1: column {column!r} is missing from the header; columns "
                    "are separated by commas, and small and capital letters differ"
                )

    def cell(self, row: int, column: str) -> str:
        """The place of a cell, for messages.

        Args:
            row: data row, counted from zero.
            column: the column's name.

        Returns:
            str. File, data row and line counted from one, and column.

        Example:
            >>> Sheet("a.csv", ("x", "y"), b"1,2", 2).cell(0, "y")
            "a.csv, row 1 (line 2), column 'y'"
        """
        return f"{self.file}, row {row + 1} (line {row + self.first_line}), column {column!r}"

    def _rows(self) -> Iterator[list[str]]:
        rows = csv.reader(io.StringIO(self.body.decode(), newline=""), strict=True)
        row = 0
        try:
            for row, cells in enumerate(rows, start=1):  # noqa: B007
                yield cells
        except csv.Error as error:
            raise DataError(
                f"{self.file}, row {row + 1} (line {row + self.first_line}): cannot be cut into "
                f"cells ({error}); quotes must come in pairs, around whole cells"
            ) from error

    def _text_error(self, columns: Sequence[str], cause: ValueError) -> DataError:
        places = [self.columns.index(column) for column in columns]
        for row, cells in enumerate(self._rows()):
            for column, place in zip(columns, places, strict=True):
                if not _NUMBER.fullmatch(cells[place]):
                    return DataError(
                        f"{self.cell(row, column)}: {cells[place]!r} is not a number; "
                        "a number with a decimal point is expected"
                    )
        return DataError(f"{self.file}: cannot be read as numbers ({cause})")


def open_sheet(file: DataFile, *, columns: Sequence[str] | None = None) -> Sheet:
    """Reads a file and checks its form: encoding, header, and one width for all rows.

    Args:
        file: where it lies.
        columns: the columns of a file without a header; None: the first line names them.

    Returns:
        Sheet. The rows, not yet read as numbers.

    Raises:
        DataError: the file is empty or not UTF-8, a column has no name or the name of another, or
            a row is longer or shorter than the header.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp(), "a.csv")
        >>> _ = path.write_text("AP1,x,y\\n-60,1.0,2.0\\n")
        >>> open_sheet(DataFile(path)).columns
        ('AP1', 'x', 'y')
    """
    text = file.read().removeprefix(codecs.BOM_UTF8).rstrip()
    if not text:
        raise DataError(f"{file}: is empty; rows of numbers separated by commas are expected")
    _check_encoding(str(file), text)
    _check_characters(str(file), text)
    if columns is not None:
        sheet = Sheet(str(file), tuple(columns), text, first_line=1)
    else:
        header, _, body = text.partition(b"\n")
        sheet = Sheet(str(file), _header_names(str(file), header), body, first_line=2)
    if not sheet.body:
        raise DataError(f"{file}: has a header but no data rows")
    _check_width(sheet)
    return sheet


def count_columns(file: DataFile) -> int:
    """Number of cells in a file's first line: the width of a file without a header.

    Args:
        file: where it lies.

    Returns:
        int. At least one.

    Raises:
        DataError: the file cannot be read or is not UTF-8.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp(), "a.csv")
        >>> _ = path.write_text("100,-60,100\\n")
        >>> count_columns(DataFile(path))
        3
    """
    return file.read().partition(b"\n")[0].count(b",") + 1


def _check_encoding(file: str, text: bytes) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{file}, line {line}: byte 0x{text[error.start]:02x} is not UTF-8; "
            "save the file as UTF-8 text"
        ) from error


def _check_characters(file: str, text: bytes) -> None:
    """Refuses what each parser makes something else of."""
    for pattern, name in _FORBIDDEN.items():
        found = re.search(pattern, text)
        if found:
            line = text.count(b"\n", 0, found.start()) + 1
            raise DataError(f"{file}, line {line}: {name}; save the file as plain text again")


def _header_names(file: str, header: bytes) -> tuple[str, ...]:
    if not header.strip():
        raise DataError(f"{file}, line 1: is empty; the columns' names are expected")
    try:
        cells = next(csv.reader([header.decode().rstrip("\r")], strict=True))
    except csv.Error as error:
        raise DataError(f"{file}, line 1: cannot be cut into columns' names ({error})") from error
    names = tuple(name.strip() for name in cells)
    seen: dict[str, int] = {}
    for place, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{file}, line 1: column {place} has no name")
        if name in seen:
            raise DataError(
                f"{file}, line 1: column {name!r} is named twice, as columns {seen[name]} and "
                f"{place}; every column needs a name of its own"
            )
        seen[name] = place
    return names


def _check_width(sheet: Sheet) -> None:
    characters = np.frombuffer(sheet.body, np.uint8)
    starts = np.append(0, np.flatnonzero(characters == ord("\n")) + 1)
    commas = np.add.reduceat(characters == ord(","), starts, dtype=np.int64)
    plain = len(sheet.columns) > 1 and b'"' not in sheet.body
    if plain and (commas == len(sheet.columns) - 1).all():
        return
    # Commas and line ends may lie within quotes, and an empty line has no cell instead of one.
    for row, cells in enumerate(sheet._rows()):
        if len(cells) != len(sheet.columns):
            raise DataError(
                f"{sheet.file}, row {row + 1} (line {row + sheet.first_line}): has {len(cells)} "
                f"columns; {len(sheet.columns)} are expected"
            )
