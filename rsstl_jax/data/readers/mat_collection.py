"""A site from a .mat file of the collection of Torres-Sospedra et al.: DSI1, LIB1, TUT7, ..."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.data.plausibility import check_unit, warn_of
from rsstl_jax.data.readers.archives import UNREADABLE
from rsstl_jax.data.readers.cells import UNDETECTED
from rsstl_jax.data.site import MAX_DBM, MIN_DBM, Fingerprints, Site
from rsstl_jax.errors import DataError
from rsstl_jax.store.files import as_path

FIELDS = ("trainingMacs", "trainingLabels", "testMacs", "testLabels")
LABELS = ("x", "y", "z", "floor", "building")  # columns of trainingLabels and testLabels


def read_mat(name: str, file: str | Path) -> Site:
    """Reads one site of the .mat collection that many papers on fingerprinting use.

    Its files hold a struct `database` with `trainingMacs` and `testMacs`, a row a fingerprint and a
    column an access point in dBm, 100 where undetected, and `trainingLabels` and `testLabels` with
    the columns x, y, z, floor, building [Torres-Sospedra et al. 2020, supplementary materials,
    doi:10.5281/zenodo.3751042]. The collection gives access points no names: they are called AP001,
    AP002, ... in the order of the columns. Heights (z) are left out.

    Args:
        name: what the site is called.
        file: a MATLAB file up to version 7.

    Returns:
        Site. Positions in the file's unit, which is the metre.

    Raises:
        DataError: the file is not such a file, or a value is wrong; the message names file, field,
            row and column.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> file = Path(tempfile.mkdtemp(), "HOME1.mat")
        >>> readings = [[-60, 100], [100, -71]]
        >>> labels = [[1.5, 2.0, 0.0, 0, 0], [4.0, 2.0, 3.7, 1, 0]]
        >>> savemat(file, {"database": {"trainingMacs": readings, "trainingLabels": labels,
        ...                             "testMacs": readings, "testLabels": labels}})
        >>> home = read_mat("home1", file)
        >>> home.train.access_points, home.train.rss_dbm.tolist(), home.train.floor.tolist()
        (('AP001', 'AP002'), [[-60.0, nan], [nan, -71.0]], [0, 1])
    """
    file = as_path("file", file)
    database = _read_database(file)
    train = _read_part(name, "train", "training", file, database)
    test = _read_part(name, "test", "test", file, database)
    if train.num_access_points != test.num_access_points:
        raise DataError(
            f"{file}: database.trainingMacs has {train.num_access_points} columns and testMacs "
            f"{test.num_access_points}; both must have one for each access point of the site"
        )
    for part in (train, test):
        check_unit(part, f"{file}, {part.part} part")
    warn_of(train, f"{file}, train part")
    warn_of(test, f"{file}, test part", radio_map=train)
    return Site(name, train, test)


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
    undetected = readings == UNDETECTED
    expected = f"a reading in {MIN_DBM:g}...{MAX_DBM:g} dBm, or {UNDETECTED}, is expected"
    sound = undetected | ((readings >= MIN_DBM) & (readings <= MAX_DBM))
    _check(f"{file}: database.{field}Macs", readings, sound, expected)
    sound = np.isfinite(labels)
    sound[:, 3:] &= (labels[:, 3:] == np.rint(labels[:, 3:])) & (np.abs(labels[:, 3:]) < 2**31)
    expected = f"{', '.join(LABELS)} must be finite, floor and building whole numbers"
    _check(f"{file}: database.{field}Labels", labels, sound, expected)
    floor, building = labels[:, 3:].astype(np.int32).T
    width = readings.shape[1]
    digits = max(3, len(str(width)))
    return Fingerprints(
        dataset=name,
        part=part,
        rss_dbm=np.where(undetected, np.nan, readings).astype(np.float32),
        position_m=np.ascontiguousarray(labels[:, :2]),
        floor=np.ascontiguousarray(floor),
        building=np.ascontiguousarray(building),
        access_points=tuple(f"AP{n:0{digits}d}" for n in range(1, width + 1)),
    )


def _check(where: str, values: NDArray[np.float64], sound: NDArray[np.bool_], words: str) -> None:
    """Raises DataError for the first value that is not sound."""
    if not sound.all():
        row, column = np.argwhere(~sound)[0]
        raise DataError(
            f"{where}, row {row + 1}, column {column + 1}: is {values[row, column]:g}; {words}"
        )
