"""A CSV file as a `Sheet`: its encoding, header and row widths get their errors here.

A wrong cell gets its error in `cells.py`.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rsstl_jax.data.readers.archives import DataFile
from rsstl_jax.errors import DataError

# What each parser makes something else of.
_FORBIDDEN = {
    rb"\0": "holds a NUL byte",
    rb"\r(?!\n)": "holds a carriage return that no line feed follows",
    codecs.BOM_UTF8: "holds a byte order mark that is not at the start of the file",
}


@dataclass(frozen=True)
class Sheet:
    """The text of a file whose rows all have as many cells as there are columns."""

    file: str  # what messages call it
    columns: tuple[str, ...]  # different names
    body: bytes  # the rows below the header, UTF-8
    first_line: int  # line of the first data row, counted from one

    def require(self, columns: Sequence[str]) -> None:
        """Raises DataError if a column is missing from the header."""
        present = set(self.columns)
        for column in columns:
            if column not in present:
                raise DataError(
                    f"{self.file}, line 1: column {column!r} is missing from the header; columns "
                    "are separated by commas, and small and capital letters differ"
                )

    def row_name(self, row: int) -> str:
        """How messages name a data row, which is counted from zero here and from one there."""
        return f"{self.file}, row {row + 1} (line {row + self.first_line})"

    def cell_name(self, row: int, column: str) -> str:
        """How messages name a cell."""
        return f"{self.row_name(row)}, column {column!r}"

    def rows(self) -> Iterator[list[str]]:
        """The cells of each data row, as text."""
        rows = csv.reader(io.StringIO(self.body.decode(), newline=""), strict=True)
        row = 0
        try:
            for row, cells in enumerate(rows, start=1):  # noqa: B007
                yield cells
        except csv.Error as error:
            raise DataError(
                f"{self.row_name(row)}: cannot be cut into cells ({error}); quotes must come in "
                "pairs, around whole cells"
            ) from error


def open_sheet(file: DataFile, *, columns: Sequence[str] | None = None) -> Sheet:
    """Reads a file and checks its form; `columns` names those of a file without a header."""
    text = file.read().removeprefix(codecs.BOM_UTF8).rstrip()
    if not text:
        raise DataError(f"{file}: is empty; rows of numbers separated by commas are expected")
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
    """Number of cells in the first line: the width of a file without a header."""
    return file.read().partition(b"\n")[0].count(b",") + 1


def _check_characters(file: str, text: bytes) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{file}, line {line}: byte 0x{text[error.start]:02x} is not UTF-8; "
            "save the file as UTF-8 text"
        ) from error
    for pattern, fault in _FORBIDDEN.items():
        if match := re.search(pattern, text):
            line = text.count(b"\n", 0, match.start()) + 1
            raise DataError(f"{file}, line {line}: {fault}; save the file as plain text again")


def _header_names(file: str, header: bytes) -> tuple[str, ...]:
    if not header.strip():
        raise DataError(f"{file}, line 1: is empty; the columns' names are expected")
    try:
        cells = next(csv.reader([header.decode().rstrip("\r")], strict=True))
    except csv.Error as error:
        raise DataError(f"{file}, line 1: cannot be cut into columns' names ({error})") from error
    names = tuple(name.strip() for name in cells)
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{file}, line 1: column {number} has no name")
        if name in seen:
            raise DataError(
                f"{file}, line 1: column {name!r} is named twice, as columns {seen[name]} and "
                f"{number}; every column needs a name of its own"
            )
        seen[name] = number
    return names


def _check_width(sheet: Sheet) -> None:
    characters = np.frombuffer(sheet.body, np.uint8)
    starts = np.append(0, np.flatnonzero(characters == ord("\n")) + 1)
    commas = np.add.reduceat(characters == ord(","), starts, dtype=np.int64)
    plain = len(sheet.columns) > 1 and b'"' not in sheet.body
    if plain and (commas == len(sheet.columns) - 1).all():
        return
    # Commas and line ends may lie within quotes, and an empty line has no cell instead of one.
    for row, cells in enumerate(sheet.rows()):
        if len(cells) != len(sheet.columns):
            raise DataError(
                f"{sheet.row_name(row)}: has {len(cells)} columns; "
                f"{len(sheet.columns)} are expected"
            )
