"""Fingerprints of a site whose places nobody knows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.data.readers.archives import find_file
from rsstl_jax.data.readers.checks import to_rss_dbm
from rsstl_jax.data.readers.sheet import open_sheet
from rsstl_jax.errors import DataError

__all__ = ["read_unlabelled"]

FILE = "unlabelled.csv"


def read_unlabelled(folder: Path, access_points: Sequence[str]) -> NDArray[np.float32]:
    """Reads unlabelled.csv: a header, and one column for every access point of the train part.

    Args:
        folder: holds the file plain, as .gz, or in a zip.
        access_points: names of the train part's A access points; the file's order is free.

    Returns:
        float32[n, A]. dBm, NaN where undetected, columns in the order of `access_points`.

    Raises:
        MissingDataError: the file is not there.
        DataError: it has another column, lacks one, or a cell is faulty; the message names it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "unlabelled.csv").write_text("hall,kitchen\\n-60,100\\n")
        >>> read_unlabelled(folder, ("kitchen", "hall")).tolist()
        [[nan, -60.0]]
    """
    sheet = open_sheet(find_file(folder, FILE, address=""))
    sheet.require(tuple(access_points))
    known = set(access_points)
    if others := [column for column in sheet.columns if column not in known]:
        raise DataError(
            f"{sheet.file}, line 1: column {others[0]!r} is no access point of the train part; "
            "a file of unlabelled fingerprints has these alone"
        )
    return to_rss_dbm(sheet, access_points, sheet.numbers(access_points))
