"""Fingerprints of a site whose positions nobody knows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.data.readers.archives import find_file
from rsstl_jax.data.readers.cells import read_numbers, to_rss_dbm
from rsstl_jax.data.readers.columns import access_point_columns
from rsstl_jax.data.readers.layout import read_layout
from rsstl_jax.data.readers.sheet import open_sheet
from rsstl_jax.errors import DataError


def read_unlabelled(folder: Path, access_points: Sequence[str]) -> NDArray[np.float32]:
    """Reads unlabelled.csv: a header, and exactly the access points of the train part."""
    sheet = open_sheet(find_file(folder, "unlabelled.csv"), layout=read_layout(folder))
    spelled = {name.casefold(): name for name in access_point_columns(sheet, is_radio_map=False)}
    columns = [spelled.get(name.casefold(), name) for name in access_points]
    sheet.require(columns)
    ignored = {name.casefold() for name in sheet.layout.ignore}
    used = set(columns)
    if others := [c for c in sheet.columns if c not in used and c.casefold() not in ignored]:
        raise DataError(
            f"{sheet.file}, line 1: column {others[0]!r} is no access point of the train part; "
            "a file of unlabelled fingerprints has these alone"
        )
    return to_rss_dbm(sheet, read_numbers(sheet, columns))
