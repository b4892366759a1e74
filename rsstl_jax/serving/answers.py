"""Answers a file of scans: a table block by block, JSON lines one by one."""

import codecs
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsstl_jax.data import read_scans
from rsstl_jax.data.plausibility import warn_of_scans
from rsstl_jax.data.readers.scan_table import read_scan_table
from rsstl_jax.engine.locator import Locator
from rsstl_jax.errors import DataError
from rsstl_jax.store.files import parse_json

COUNTED = ANSWERED, WITHOUT, UNREAD = (
    "scans answered",
    "without a known access point",
    "lines not read",
)
CHECKED_LINES = 100  # of scans are looked at together: of one alone little can be said


def answer_table(locator: Locator, scans: str, output: IO[str], *, as_csv: bool) -> Counter[str]:
    """Answers a CSV block by block; how many scans it had, and how many without an answer."""
    counts = Counter[str]()
    for rows, carried in read_scan_table(scans, locator.access_points, locator.layout):
        answers = locator.answer_table(rows)
        carry(answers, carried)
        _write(output, answers, as_csv=as_csv, is_first=not counts[ANSWERED])
        counts += Counter({ANSWERED: len(answers), WITHOUT: int((rows.detected == 0).sum())})
    return counts


def _write(output: IO[str], answers: pd.DataFrame, *, as_csv: bool, is_first: bool) -> None:
    if as_csv:
        answers.to_csv(output, index=False, header=is_first, float_format="%.3f")
    else:
        output.writelines(f"{line}\n" for line in answers_json(answers))


def answers_json(answers: pd.DataFrame) -> list[str]:
    """Each row of a table of answers as a line of JSON; what is missing is null."""
    # Column by column: pandas takes milliseconds for the records of a table.
    missing: Any = None
    columns = [answers[name].to_numpy(object, na_value=missing).tolist() for name in answers]
    names = answers.columns.tolist()
    return [json.dumps(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]


def carry(answers: pd.DataFrame, carried: pd.DataFrame) -> None:
    """Adds the other columns of a table of scans, with scan_ before a name that is taken."""
    for name in carried.columns:
        free = name
        while free in answers or (free != name and free in carried):
            free = f"scan_{free}"
        answers[free] = carried[name].to_numpy()


def answer_lines(locator: Locator, scans: str, output: IO[str], *, as_csv: bool) -> Counter[str]:
    """Answers JSON lines one by one; a line that cannot be read is answered with its error."""
    counts = Counter[str]()
    read = partial(read_scans, access_points=locator.access_points, layout=locator.layout)
    checked: list[NDArray[np.float32]] = []
    # The program is compiled before the first line comes.
    locator.answer_table(read([{}]))
    for number, line in _lines(scans):
        try:
            scan = _parse(line)
            # A list of one dict would be a scan of one record.
            rows = read(scan if isinstance(scan, dict) else [scan])
        except DataError as error:
            message = str(error).removeprefix("scan 0").lstrip(":, ")
            if as_csv:
                name = "standard input" if scans == "-" else scans
                raise DataError(f"{name}, line {number}: {message}") from error
            output.write(f"{json.dumps({'line': number, 'error': message})}\n")
            output.flush()
            counts[UNREAD] += 1
            continue
        _write(output, locator.answer_table(rows), as_csv=as_csv, is_first=not counts[ANSWERED])
        output.flush()
        counts += Counter({ANSWERED: 1, WITHOUT: int(rows.detected[0] == 0)})
        if counts[ANSWERED] <= CHECKED_LINES:
            checked.append(rows.rss_dbm)
        if counts[ANSWERED] == CHECKED_LINES:
            warn_of_scans(np.concatenate(checked), scans, locator.layout)
    if 0 < counts[ANSWERED] < CHECKED_LINES:
        warn_of_scans(np.concatenate(checked), scans, locator.layout)
    return counts


def _parse(line: bytes) -> Any:
    try:
        scan = parse_json(line.decode())
    except DataError:
        raise
    except (ValueError, RecursionError) as error:
        raise DataError(f'not JSON ({error}); a scan such as {{"AP1": -61}} is expected') from error
    if not isinstance(scan, dict | list):
        raise DataError(f'{json.dumps(scan)} is no scan; one such as {{"AP1": -61}} is expected')
    return scan


def _lines(scans: str) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, each with its number in the file."""
    with nullcontext(sys.stdin.buffer) if scans == "-" else Path(scans).open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if text.strip():
                yield number, text
