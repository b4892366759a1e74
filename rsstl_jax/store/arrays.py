"""Named arrays as a compressed NumPy file, written whole or not at all."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.errors import DamagedError
from rsstl_jax.store.files import writing


def write_arrays(file: str | Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes arrays under their names."""
    with writing(file) as out:
        np.savez_compressed(out, **arrays)


def read_arrays(file: str | Path, *needed: str) -> dict[str, NDArray[Any]]:
    """What `write_arrays` wrote, with the names that the reader needs."""
    try:
        with Path(file).open("rb") as content, np.load(content, allow_pickle=False) as loaded:
            arrays = dict(loaded)
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DamagedError(f"{file} is damaged: {error}") from error
    if missing := [name for name in needed if name not in arrays]:
        raise DamagedError(f"{file} is damaged: it has no {missing[0]}")
    return arrays
