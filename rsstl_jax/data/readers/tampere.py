"""The Tampere crowdsourced set: readings and coordinates in separate files without headers."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsstl_jax.data.cards import CARDS
from rsstl_jax.data.readers.archives import DataFile, find_file
from rsstl_jax.data.readers.cells import read_numbers, to_positions, to_rss_dbm
from rsstl_jax.data.readers.sheet import Sheet, open_sheet
from rsstl_jax.data.site import Fingerprints, Site
from rsstl_jax.errors import DataError

FLOOR_HEIGHT_M = CARDS["tampere"].floor_height_m
COORDINATES = ("x", "y", "height")


def read_tampere(folder: Path) -> Site:
    """Reads {Training,Test}_{rss,coordinates}_21Aug17.csv; floor = height / 3.7 m."""
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
    width = files["Training_rss"].read().partition(b"\n")[0].count(b",") + 1
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
    readings, positions = read_numbers(rss, names), read_numbers(coordinates, COORDINATES)
    if len(readings) != len(positions):
        raise DataError(
            f"{coordinates.file}: has {len(positions)} rows; {len(readings)} are expected, "
            f"as many as in {rss.file}"
        )
    return Fingerprints(
        dataset="tampere",
        part=part,
        rss_dbm=to_rss_dbm(rss, readings),
        position_m=to_positions(coordinates, positions[["x", "y"]]),
        floor=_floors(coordinates, positions[["height"]]),
        building=None,
        access_points=names,
    )


def _floors(sheet: Sheet, heights: pd.DataFrame) -> NDArray[np.int32]:
    height_m = to_positions(sheet, heights)[:, 0]
    floor = np.rint(height_m / FLOOR_HEIGHT_M)
    between = np.abs(height_m / FLOOR_HEIGHT_M - floor) > 0.01
    if between.any():
        row = int(np.argmax(between))
        raise DataError(
            f"{sheet.cell_name(row, 'height')}: is {height_m[row]:g}; a multiple of "
            f"{FLOOR_HEIGHT_M} m is expected, the height of a floor"
        )
    return floor.astype(np.int32)
