"""A CSV of scans without positions, in blocks of rows, so that memory stays flat."""

import gzip
import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import pandas as pd

from rsstl_jax.data.plausibility import warn_of_scans
from rsstl_jax.data.readers.archives import UNREADABLE
from rsstl_jax.data.readers.cells import read_numbers, read_texts, to_rss_dbm
from rsstl_jax.data.readers.columns import (
    LEVEL_KEYS,
    NAME_KEYS,
    has_other_use,
    rows_of_readings,
    shown,
)
from rsstl_jax.data.readers.layout import Layout, for_scans, used_columns
from rsstl_jax.data.readers.sheet import Sheet, blank_bytes, parse_sheet
from rsstl_jax.data.scans import ScanRows
from rsstl_jax.data.site import match_key, names_alike
from rsstl_jax.errors import DataError, MissingDataError
from rsstl_jax.store.files import as_path

BLOCK_ROWS = 4096

_log = logging.getLogger(__name__)


class ScanBlock(NamedTuple):
    """Some rows of a table of scans."""

    rows: ScanRows  # what was detected
    carried: pd.DataFrame  # the columns that are no access points, as text


def read_scan_table(
    path: str | Path, access_points: Sequence[str], layout: Layout | None = None
) -> Iterator[ScanBlock]:
    """Reads a CSV whose columns are access points or carried; an empty cell is undetected."""
    written = layout or Layout()
    layout = replace(written, empty_is_undetected=True)
    path, sheet, warned = as_path("path", path), None, False
    try:
        with _open(path) as file:
            header = file.readline()
            for body, first_line in _read_bodies(file, blank_bytes(layout)):
                if sheet is None:
                    sheet = parse_sheet(str(path), header + body, layout=layout)
                    names, columns = sheet.columns, _ScanColumns.of(sheet, access_points)
                else:
                    sheet = parse_sheet(
                        str(path), body, columns=names, layout=layout, first_line=first_line
                    )
                block = _read_block(sheet, columns)
                known = block.rows.rss_dbm[:, columns.place]
                warned = warned or warn_of_scans(known, str(path), written)
                yield block
            if sheet is None:
                # Refuses it: there is a header at most.
                parse_sheet(str(path), header, layout=layout)
    except DataError as error:
        message = for_scans(str(error))
        raise error if message == str(error) else DataError(message) from error
    except UNREADABLE as error:
        raise DataError(f"{path}: cannot be unpacked or read ({error})") from error


def _read_bodies(file: IO[bytes], blanks: bytes) -> Iterator[tuple[bytes, int]]:
    """Blocks of whole rows, each with its first line's number; blank lines at the end are left."""
    first_line, text = 2, b""
    while lines := list(itertools.islice(file, BLOCK_ROWS)):
        # A line end may lie within quotes.
        is_open = sum(line.count(b'"') for line in lines) % 2
        while is_open and (line := file.readline()):
            lines.append(line)
            is_open ^= line.count(b'"') % 2
        text += b"".join(lines)
        # Whether blank lines are those at the end of the file, the next block shows.
        end = text.find(b"\n", len(text.rstrip(blanks))) + 1 or len(text)
        if text[:end].strip(blanks):
            yield text[:end].removesuffix(b"\n").removesuffix(b"\r"), first_line
            first_line += text.count(b"\n", 0, end)
            text = text[end:]


def _open(path: Path) -> IO[bytes]:
    try:
        return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]
    except FileNotFoundError:
        raise MissingDataError(path) from None


class _ScanColumns(NamedTuple):
    """What the columns of a table of scans are."""

    known: list[str]  # access points that the locator knows
    place: list[int]  # their places among its inputs
    unknown: list[str]  # other access points
    carried: list[str]  # columns with another use
    width: int  # number of the locator's inputs

    @classmethod
    def of(cls, sheet: Sheet, access_points: Sequence[str]) -> "_ScanColumns":
        layout, lower = sheet.layout, {column: column.casefold() for column in sheet.columns}
        place = {match_key(name): index for index, name in enumerate(access_points)}
        ignored = {name.casefold() for name in layout.ignore}
        used = ignored | {name.casefold() for name in used_columns(layout)}
        prefix = layout.access_point_prefix.casefold()
        known = [c for c, name in lower.items() if match_key(c) in place and name not in ignored]
        if alike := names_alike(known):
            raise DataError(f"{sheet.file}, line 1: access point {alike[0]!r} is named twice")
        if not known:
            found = [[c for c, n in lower.items() if n in keys] for keys in (NAME_KEYS, LEVEL_KEYS)]
            if all(found):
                readings = rows_of_readings(found[0][0], found[1][0])
                raise DataError(f"{sheet.file}, line 1: {readings}")
            raise DataError(
                f"{sheet.file}, line 1: none of the {len(sheet.columns)} columns is an access "
                f"point that the locator knows, such as {access_points[0]!r}"
            )
        if unread := [c for c, name in lower.items() if match_key(c) in place and name in ignored]:
            _log.warning(
                "%s: the layout ignores %s, which the locator knows: it counts as undetected",
                *(sheet.file, shown(unread)),
            )
        places = [place[match_key(column)] for column in known]
        for column in known:
            del lower[column]
        carried = [
            column
            for column, name in lower.items()
            if name in used or has_other_use(column) or not name.startswith(prefix)
        ]
        unknown = [column for column in lower if column not in carried]
        return cls(known, places, unknown, carried, len(access_points))


def _read_block(sheet: Sheet, columns: _ScanColumns) -> ScanBlock:
    # Together, so that a column without a level is known from the others.
    levels = to_rss_dbm(sheet, read_numbers(sheet, [*columns.known, *columns.unknown]))
    known, others = np.split(levels, [len(columns.known)], axis=1)
    rss_dbm = np.full((len(known), columns.width), np.nan, np.float32)
    rss_dbm[:, columns.place] = known
    unknown = (~np.isnan(others)).sum(axis=1)
    carried = pd.DataFrame(index=range(len(known)))
    if columns.carried:
        carried = read_texts(sheet, columns.carried)
    return ScanBlock(ScanRows(rss_dbm, (~np.isnan(rss_dbm)).sum(axis=1), unknown), carried)
