"""A CSV file as a `Sheet`: its kind, encoding, header and row widths get their errors here.

A wrong cell gets its error in `cells.py`.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from rsstl_jax.data.readers.archives import DataFile
from rsstl_jax.data.readers.layout import DELIMITERS, Layout, remedy
from rsstl_jax.errors import DataError

# How files of other kinds start.
_KINDS = {
    rb"PK\x03\x04|\xd0\xcf\x11\xe0": "an Excel workbook or an archive",
    rb"\x1f\x8b": "gzip without the ending .gz",
    rb"PAR1|SQLite format|MATLAB 5\.0|\x89HDF|\x93NUMPY": "a binary file",
    rb"\s*(\{\s*\"|\[\s*[\[{])": "JSON",
    rb"\s*<(\?xml|!doctype|html|table)": "a page of HTML or XML",
}

# What each parser makes something else of.
_FORBIDDEN = {
    rb"\Asep=": "starts with 'sep=', which only Excel reads",
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
    layout: Layout = field(default_factory=Layout)

    def require(self, columns: Sequence[str]) -> None:
        """Raises DataError if a column is missing from the header."""
        present = set(self.columns)
        for column in columns:
            if column not in present:
                raise DataError(
                    f"{self.file}, line 1: column {column!r} is missing from the header; columns "
                    f"are separated by {DELIMITERS[self.layout.delimiter]}, and small and capital "
                    "letters differ"
                )

    def row_name(self, row: int) -> str:
        """How messages name a data row: by its line, as an editor counts them."""
        line = row + self.first_line
        if b'"' in self.body:
            # Line ends may lie within quotes.
            reader = self._reader()
            with suppress(csv.Error):
                for _ in zip(range(row), reader, strict=False):
                    pass
            line = reader.line_num + self.first_line
        return f"{self.file}, line {line}"

    def cell_name(self, row: int, column: str) -> str:
        """How messages name a cell."""
        return f"{self.row_name(row)}, column {column!r}"

    def rows(self) -> Iterator[list[str]]:
        """The cells of each data row, as text."""
        row = 0
        try:
            for row, cells in enumerate(self._reader(), start=1):  # noqa: B007
                yield cells
        except csv.Error as error:
            raise DataError(
                f"{self.row_name(row)}: cannot be cut into cells ({error}); quotes must come in "
                "pairs, around whole cells"
            ) from error

    def frame(self, columns: Sequence[str], **options: Any) -> pd.DataFrame:
        """The named columns as pandas reads them, in the given order."""
        frame: pd.DataFrame = pd.read_csv(
            io.BytesIO(self.body),
            header=None,
            names=list(self.columns),
            usecols=list(columns),
            skip_blank_lines=False,
            sep=self.layout.delimiter,
            **options,
        )
        return frame[list(columns)]

    def _reader(self) -> Any:
        text = io.StringIO(self.body.decode(), newline="")
        return csv.reader(text, strict=True, delimiter=self.layout.delimiter)


def blank_bytes(layout: Layout) -> bytes:
    """What may stand at the end of a file and means nothing."""
    # A tabulator may stand before an empty cell.
    return b" \n\r\v\f" if layout.delimiter == "\t" else b" \n\r\v\f\t"


def open_sheet(
    file: DataFile, *, columns: Sequence[str] | None = None, layout: Layout | None = None
) -> Sheet:
    """Reads a file and checks its form; `columns` names those of a file without a header."""
    return parse_sheet(str(file), file.read(), columns=columns, layout=layout)


def parse_sheet(
    file: str,
    text: bytes,
    *,
    columns: Sequence[str] | None = None,
    layout: Layout | None = None,
    first_line: int = 1,
) -> Sheet:
    """The same of a text that has been read, or of further rows of one."""
    layout = layout or Layout()
    if first_line == 1:
        text = text.removeprefix(codecs.BOM_UTF8).rstrip(blank_bytes(layout))
        for start, kind in _KINDS.items():
            if re.match(start, text, re.IGNORECASE):
                raise DataError(f"{file}: looks like {kind}; save the table as CSV, UTF-8 text")
    if not text:
        raise DataError(f"{file}: is empty; rows of numbers separated by commas are expected")
    _check_characters(file, text, first_line)
    if columns is not None:
        sheet = Sheet(file, tuple(columns), text, first_line, layout)
    else:
        header, _, body = text.partition(b"\n")
        _check_delimiter(file, header, body, layout.delimiter)
        names = _header_names(file, header, layout.delimiter)
        sheet = Sheet(file, names, body, 2, layout)
    if not sheet.body:
        raise DataError(f"{file}: has a header but no data rows")
    _check_width(sheet)
    return sheet


def _check_characters(file: str, text: bytes, first_line: int) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + first_line
        raise DataError(
            f"{file}, line {line}: byte 0x{text[error.start]:02x} is not UTF-8; "
            "save the file as UTF-8 text"
        ) from error
    for pattern, fault in _FORBIDDEN.items():
        if match := re.search(pattern, text):
            line = text.count(b"\n", 0, match.start()) + first_line
            raise DataError(f"{file}, line {line}: {fault}; save the file as plain text again")


def _check_delimiter(file: str, header: bytes, body: bytes, delimiter: str) -> None:
    """Refuses a header of one column where another delimiter cuts it and the next line alike."""
    next_line = body.partition(b"\n")[0]
    cuts = [line.count(delimiter.encode()) for line in (header, next_line)]
    if header.lstrip().startswith(b"#") and cuts[0] < cuts[1]:
        raise DataError(f"{file}, line 1: is a comment; the columns' names are expected here")
    if delimiter.encode() in header:
        return
    for other, meaning in DELIMITERS.items():
        if 0 < header.count(other.encode()) == next_line.count(other.encode()):
            flag = remedy(f"--delimiter={other}".replace("\t", "tab"))
            raise DataError(
                f"{file}, line 1: looks separated by {meaning}; {DELIMITERS[delimiter]} are "
                f"expected: {flag} says that they are {meaning}"
            )


def _header_names(file: str, header: bytes, delimiter: str) -> tuple[str, ...]:
    if not header.strip():
        raise DataError(f"{file}, line 1: is empty; the columns' names are expected")
    try:
        line = header.decode().rstrip("\r")
        cells = next(csv.reader([line], strict=True, delimiter=delimiter))
    except csv.Error as error:
        raise DataError(f"{file}, line 1: cannot be cut into columns' names ({error})") from error
    names = tuple(name.strip() for name in cells)
    if "" in names:
        raise DataError(
            f"{file}, line 1: column {names.index('') + 1} has no name; name it, or write the "
            "table without it (pandas: index=False, R: row.names=FALSE)"
        )
    if twice := [name for name, number in Counter(names).items() if number > 1]:
        raise DataError(f"{file}, line 1: column {twice[0]!r} is named twice; rename one")
    return names


def _check_width(sheet: Sheet) -> None:
    characters = np.frombuffer(sheet.body, np.uint8)
    starts = np.append(0, np.flatnonzero(characters == ord("\n")) + 1)
    cuts = characters == ord(sheet.layout.delimiter)
    plain = len(sheet.columns) > 1 and b'"' not in sheet.body
    if plain and (np.add.reduceat(cuts, starts, dtype=np.int64) == len(sheet.columns) - 1).all():
        return
    # Delimiters and line ends may lie within quotes, and an empty line has no cell instead of one.
    for row, cells in enumerate(sheet.rows()):
        if len(cells) != len(sheet.columns):
            raise DataError(
                f"{sheet.row_name(row)}: has {len(cells)} columns; "
                f"{len(sheet.columns)} are expected, separated by "
                f"{DELIMITERS[sheet.layout.delimiter]}"
            )
