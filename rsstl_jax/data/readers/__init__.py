"""One reader per dataset, as its publisher lays the files out, and one for tables of one's own."""

from collections.abc import Callable
from pathlib import Path

from rsstl_jax.data.readers.tampere import read_tampere
from rsstl_jax.data.readers.with_header import read_table, read_uji, read_uts
from rsstl_jax.data.site import Site

__all__ = ["READERS", "read_site", "read_table", "read_tampere", "read_uji", "read_uts"]

READERS: dict[str, Callable[[Path], Site]] = {
    "uji": read_uji,
    "uts": read_uts,
    "tampere": read_tampere,
}
"""Readers of the datasets with a layout of their own; `read_table` takes every other name."""


def read_site(name: str, folder: Path) -> Site:
    """Reads a dataset from its folder with the reader that its name calls for.

    Args:
        name: the dataset's name.
        folder: where its files lie.

    Returns:
        Site. Both parts.

    Raises:
        MissingDataError: a file is not there.
        DataError: a file is faulty.

    Example:
        >>> try:
        ...     read_site("home", Path("nowhere"))
        ... except ValueError as error:
        ...     print(str(error).partition(".")[0])
        nowhere/train
    """
    if name in READERS:
        return READERS[name](folder)
    return read_table(name, folder)
