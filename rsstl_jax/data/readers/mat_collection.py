"""A site from a .mat file of the collection of Torres-Sospedra et al.: DSI1, LIB1, TUT7, ...

A file holds a struct `database` with `trainingMacs` and `testMacs`, a row a fingerprint and a
column an access point in dBm, 100 where undetected, and `trainingLabels` and `testLabels` with the
columns x, y, z, floor, building [doi:10.5281/zenodo.3751042].
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsstl_jax.data.plausibility import check_plausible
from rsstl_jax.data.readers.archives import UNREADABLE
from rsstl_jax.data.readers.cells import to_labels, to_positions, to_rss_dbm
from rsstl_jax.data.readers.layout import without_remedy
from rsstl_jax.data.readers.sheet import Sheet
from rsstl_jax.data.site import Fingerprints, Site
from rsstl_jax.errors import DataError
from rsstl_jax.store.files import as_path

FIELDS = ("trainingMacs", "trainingLabels", "testMacs", "testLabels")
LABELS = ("x", "y", "z", "floor", "building")  # columns of trainingLabels and testLabels


def read_mat(name: str, file: str | Path) -> Site:
    """Reads one site without heights; access points have no names: they become AP001, AP002, ..."""
    file = as_path("file", file)
    database = _read_database(file)
    try:
        site = Site(
            name,
            _read_part(name, "train", "training", file, database),
            _read_part(name, "test", "test", file, database),
        )
        check_plausible(site.train, f"{file}, train part")
        check_plausible(site.test, f"{file}, test part", radio_map=site.train)
    except DataError as error:
        # There is no table yet that a layout could describe.
        raise DataError(without_remedy(str(error), "change the matrix")) from error
    return site


def _read_database(file: Path) -> dict[str, NDArray[np.float64]]:
    """The matrices of the struct `database`."""
    # scipy.io takes a moment to load, and other readers do without it.
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not file.is_file():
        raise DataError(f"{file} is not there; name a .mat file, such as TUT7.mat")
    try:
        struct = loadmat(file)["database"][0, 0]
        matrices = {field: struct[field] for field in FIELDS}
    except NotImplementedError as error:
        raise DataError(
            f"{file} is a MATLAB file of version 7.3 (HDF5), which SciPy does not read; load it in "
            "MATLAB or Octave and save it with -v7"
        ) from error
    except (*UNREADABLE, MatReadError, TypeError, LookupError) as error:
        raise DataError(
            f"{file} holds no struct database with the fields {', '.join(FIELDS)}, or is no MATLAB "
            f"file up to version 7 ({error})"
        ) from error
    for field, matrix in matrices.items():
        is_real = isinstance(matrix, np.ndarray) and matrix.dtype.kind in "iuf"
        if not is_real or matrix.ndim != 2 or matrix.size == 0:
            raise DataError(f"{file}: database.{field} must be a full matrix of real numbers")
    widths = [matrices[f"{kind}Macs"].shape[1] for kind in ("training", "test")]
    if widths[0] != widths[1]:
        raise DataError(
            f"{file}: database.trainingMacs has {widths[0]} columns and testMacs {widths[1]}; both "
            "must have one for each access point of the site"
        )
    return {field: matrix.astype(np.float64) for field, matrix in matrices.items()}


def _read_part(
    name: str, part: str, field: str, file: Path, database: dict[str, NDArray[np.float64]]
) -> Fingerprints:
    readings, labels = database[f"{field}Macs"], database[f"{field}Labels"]
    if labels.shape != (len(readings), len(LABELS)):
        raise DataError(
            f"{file}: database.{field}Labels is {labels.shape[0]} x {labels.shape[1]}; "
            f"{len(readings)} x {len(LABELS)} is expected: a row for each of {field}Macs, "
            f"with {', '.join(LABELS)}"
        )
    digits = max(3, len(str(readings.shape[1])))
    names = tuple(f"AP{n:0{digits}d}" for n in range(1, readings.shape[1] + 1))
    macs = Sheet(f"{file}: database.{field}Macs", names, b"", 1)
    places = Sheet(f"{file}: database.{field}Labels", LABELS, b"", 1)
    cells = pd.DataFrame(labels, columns=LABELS)
    return Fingerprints(
        dataset=name,
        part=part,
        rss_dbm=to_rss_dbm(macs, pd.DataFrame(readings, columns=names)),
        position_m=to_positions(places, cells[["x", "y"]]),
        floor=to_labels(places, cells[["floor"]]),
        building=to_labels(places, cells[["building"]]),
        access_points=names,
    )
