"""A site from a .mat file of the collection of Torres-Sospedra et al.: DSI1, LIB1, TUT7, ..."""

import logging
from pathlib import Path
from typing import Any

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

_log = logging.getLogger(__name__)


def read_mat(name: str, file: str | Path) -> Site:
    """Reads one site of the .mat collection that many papers on fingerprinting use.

    Its files hold a struct `database` with `trainingMacs` and `testMacs`, a row a fingerprint and a
    column an access point in dBm, 100 where undetected, and `trainingLabels` and `testLabels` with
    the columns x, y, z, floor, building [Torres-Sospedra et al. 2020, supplementary materials,
    doi:10.5281/zenodo.3751042]. The collection gives access points no names: they are called AP001,
    AP002, ... in the order of the columns. Heights (z) are logged and left out.

    Args:
        name: what the site is called.
        file: a MATLAB file up to version 7.

    Returns:
        Site. Positions in the file's unit, which is the metre.

    Raises:
        DataError: the file is not there or not such a file, or a field is missing, of another shape
            or holds another value, or positions look like degrees; the message names file, field,
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


def _read_database(file: Path) -> dict[str, Any]:
    """The fields of the struct `database`."""
    # scipy.io takes a moment to load, and other readers do without it.
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not file.is_file():
        raise DataError(f"{file} is not there; name a .mat file, such as TUT7.mat")
    try:
        content = loadmat(file)
    except NotImplementedError as error:
        raise DataError(
            f"{file} is a MATLAB file of version 7.3 (HDF5), which SciPy does not read; load it in "
            "MATLAB or Octave and save it with -v7"
        ) from error
    except (*UNREADABLE, MatReadError, TypeError, LookupError) as error:
        raise DataError(
            f"{file} cannot be read as a MATLAB file up to version 7: {error}"
        ) from error
    if "database" not in content:
        others = ", ".join(name for name in content if not name.startswith("__")) or "nothing"
        raise DataError(f"{file} holds {others}; a struct named database is expected")
    struct = content["database"]
    if struct.dtype.names is None or struct.size != 1:
        raise DataError(f"{file}: database must be one struct with the fields {', '.join(FIELDS)}")
    fields = {name: struct.reshape(-1)[0][name] for name in struct.dtype.names}
    if missing := [name for name in FIELDS if name not in fields]:
        raise DataError(
            f"{file}: database has no field {', '.join(missing)}; it has {', '.join(fields)}"
        )
    if unread := [name for name in fields if name not in FIELDS]:
        _log.warning("%s: database.%s is not read", file, ", database.".join(unread))
    return fields


def _matrix(file: str | Path, database: dict[str, Any], field: str) -> NDArray[np.float64]:
    matrix = database[field]
    if not isinstance(matrix, np.ndarray) or matrix.dtype.kind not in "iuf" or matrix.ndim != 2:
        raise DataError(f"{file}: database.{field} must be a full matrix of real numbers")
    if matrix.size == 0:
        raise DataError(f"{file}: database.{field} is empty; a row per fingerprint is expected")
    return matrix.astype(np.float64)


def _read_part(
    name: str, part: str, field: str, file: str | Path, database: dict[str, Any]
) -> Fingerprints:
    readings, labels = (_matrix(file, database, f"{field}{kind}") for kind in ("Macs", "Labels"))
    if labels.shape != (len(readings), len(LABELS)):
        raise DataError(
            f"{file}: database.{field}Labels is {labels.shape[0]} x {labels.shape[1]}; "
            f"{len(readings)} x {len(LABELS)} is expected: a row for each of {field}Macs, "
            f"with {', '.join(LABELS)}"
        )
    undetected = readings == UNDETECTED
    _check(
        f"{file}: database.{field}Macs",
        readings,
        undetected | ((readings >= MIN_DBM) & (readings <= MAX_DBM)),
        f"a reading in {MIN_DBM:g}...{MAX_DBM:g} dBm, or {UNDETECTED} for undetected, is expected",
    )
    where = f"{file}: database.{field}Labels"
    _check(where, labels, np.isfinite(labels), f"{', '.join(LABELS)} must be finite")
    whole = np.ones(labels.shape, bool)
    whole[:, 3:] = (labels[:, 3:] == np.rint(labels[:, 3:])) & (np.abs(labels[:, 3:]) < 2**31)
    _check(where, labels, whole, "floor and building must be whole numbers")
    floor, building = labels[:, 3:].astype(np.int32).T
    width = readings.shape[1]
    digits = max(3, len(str(width)))
    _log_heights(where, labels[:, 2], floor)
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


def _log_heights(where: str, height_m: NDArray[np.float64], floor: NDArray[np.int32]) -> None:
    heights = [(f, np.unique(height_m[floor == f])) for f in np.unique(floor)]
    shown = ", ".join(
        f"floor {f} at {h[0]:g}{f' to {h[-1]:g}' if len(h) > 1 else ''} m" for f, h in heights
    )
    _log.info("%s: heights (z) are left out: %s", where, shown)
