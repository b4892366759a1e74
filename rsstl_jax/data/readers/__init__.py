"""Readers of the published datasets and of tables: one file for each layout.

The way of a file: `archives` finds it, `sheet` checks its encoding, header and row widths, `cells`
checks and converts every cell; `with_header` and `tampere` know the layouts.
"""

from collections.abc import Callable
from pathlib import Path

from rsstl_jax.data.readers.tampere import read_tampere
from rsstl_jax.data.readers.with_header import read_table, read_uji, read_uts
from rsstl_jax.data.site import Site

__all__ = ["READERS", "read_site"]

READERS: dict[str, Callable[[Path], Site]] = {
    "uji": read_uji,
    "uts": read_uts,
    "tampere": read_tampere,
}
"""Readers of the datasets with a layout of their own; every other name is read as a table."""


def read_site(name: str, folder: Path) -> Site:
    """Reads a dataset from its folder with the reader that its name calls for."""
    return READERS[name](folder) if name in READERS else read_table(name, folder)
