"""Readers of the published datasets and of tables: one file for each layout.

The way of a file: `archives` finds it, `sheet` checks its encoding, header and row widths, `cells`
checks and converts every cell; `columns` tells access points from other columns. `published`,
`tampere` and `table` know how files and columns are named.
"""

from collections.abc import Callable
from pathlib import Path

from rsstl_jax.data.readers.layout import LAYOUT_FILE, Layout
from rsstl_jax.data.readers.published import read_uji, read_uts
from rsstl_jax.data.readers.table import read_table
from rsstl_jax.data.readers.tampere import read_tampere
from rsstl_jax.data.site import Site
from rsstl_jax.errors import DataError

__all__ = ["READERS", "read_site"]

READERS: dict[str, Callable[[Path], Site]] = {
    "uji": read_uji,
    "uts": read_uts,
    "tampere": read_tampere,
}
"""Readers of the datasets with a layout of their own; every other name is read as a table."""


def read_site(name: str, folder: Path, layout: Layout | None = None) -> Site:
    """Reads a dataset from its folder with the reader that its name calls for."""
    if name not in READERS:
        return read_table(name, folder, layout=layout)
    if layout is not None or (folder / LAYOUT_FILE).exists():
        raise DataError(
            f"{folder / LAYOUT_FILE}: {name} is read as its publisher writes it; give a table in "
            "another form a folder and a name of its own"
        )
    return READERS[name](folder)
