"""The Tampere crowdsourced set: readings and coordinates in separate files without headers."""

from pathlib import Path

import numpy as np

from rsstl_jax.data.cards import CARDS
from rsstl_jax.data.readers.archives import DataFile, find_file
from rsstl_jax.data.readers.checks import to_position_m, to_rss_dbm
from rsstl_jax.data.readers.sheet import Sheet, count_columns, open_sheet
from rsstl_jax.data.site import Fingerprints, Site
from rsstl_jax.errors import DataError

__all__ = ["FLOOR_HEIGHT_M", "read_tampere"]

FLOOR_HEIGHT_M = 3.7
"""Height of one floor of the building, metres."""

COORDINATES = ("x", "y", "height")


def read_tampere(folder: Path) -> Site:
    """Reads the Tampere set: {Training,Test}_{rss,coordinates}_21Aug17.csv.

    Args:
        folder: holds the four files plain, as .gz, in `FINGERPRINTING_DB/`, or the publisher's
            zip.

    Returns:
        Site. Access points AP001... by column, positions in metres, floor = height / 3.7 m; no
        building.

    Raises:
        MissingDataError: a file is not there.
        DataError: a file is faulty, or two files do not fit each other.

    Example:
        >>> try:
        ...     read_tampere(Path("nowhere"))
        ... except DataError as error:
        ...     print(str(error).partition(".")[0])
        nowhere/Training_rss_21Aug17
    """
    files = {
        f"{part}_{kind}": find_file(
            folder,
            f"{part}_{kind}_21Aug17.csv",
            subfolder="FINGERPRINTING_DB",
            address=CARDS["tampere"].address,
        )
        for part in ("Training", "Test")
        for kind in ("rss", "coordinates")
    }
    width = count_columns(files["Training_rss"])
    names = tuple(f"AP{number:03d}" for number in range(1, width + 1))
    return Site(
        "tampere",
        _read_part("train", files["Training_rss"], files["Training_coordinates"], names),
        _read_part("test", files["Test_rss"], files["Test_coordinates"], names),
    )


def _read_part(
    part: str, rss_file: DataFile, coordinates_file: DataFile, names: tuple[str, ...]
) -> Fingerprints:
    rss = open_sheet(rss_file, columns=names)
    coordinates = open_sheet(coordinates_file, columns=COORDINATES)
    readings, places = rss.numbers(names), coordinates.numbers(COORDINATES)
    if len(readings) != len(places):
        raise DataError(
            f"{coordinates.file}: has {len(places)} rows; {len(readings)} are expected, "
            f"as many as in {rss.file}"
        )
    return Fingerprints(
        dataset="tampere",
        part=part,
        rss_dbm=to_rss_dbm(rss, names, readings),
        position_m=to_position_m(coordinates, COORDINATES[:2], places[:, :2]),
        floor=_floors(coordinates, places[:, 2:]),
        building=None,
        access_points=names,
    )


def _floors(sheet: Sheet, height_m: np.ndarray) -> np.ndarray:
    to_position_m(sheet, ("height",), height_m)
    floor = height_m[:, 0] / FLOOR_HEIGHT_M
    between = np.abs(floor - np.rint(floor)) > 0.01
    if between.any():
        row = int(np.argmax(between))
        raise DataError(
            f"{sheet.cell(row, 'height')}: is {height_m[row, 0]:g}; a multiple of "
            f"{FLOOR_HEIGHT_M} m is expected, the height of a floor"
        )
    return np.rint(floor).astype(np.int32)
