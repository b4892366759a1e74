"""CSV files with a header, columns found by name: UJIIndoorLoc, UTSIndoorLoc, and any table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rsstl_jax.data.cards import CARDS
from rsstl_jax.data.readers.archives import find_file
from rsstl_jax.data.readers.cells import (
    UNDETECTED,
    read_numbers,
    to_labels,
    to_position_m,
    to_rss_dbm,
)
from rsstl_jax.data.readers.sheet import Sheet, open_sheet
from rsstl_jax.data.site import Fingerprints, Site
from rsstl_jax.errors import DataError

RESERVED = ("x", "y", "floor", "building")


@dataclass(frozen=True)
class Layout:
    """How one publisher names files and columns."""

    train_file: str
    test_file: str
    x: str = "x"
    y: str = "y"
    floor: str = "floor"
    building: str = "building"  # empty: the column is not read
    access_point_prefix: str = ""  # empty: every column but x, y, floor and building
    labels_required: bool = True  # floor and building must be there
    subfolder: str = ""  # where the publisher's archive unpacks to


_UJI = Layout(
    "trainingData.csv",
    "validationData.csv",
    x="LONGITUDE",
    y="LATITUDE",
    floor="FLOOR",
    building="BUILDINGID",
    access_point_prefix="WAP",
    subfolder="UJIndoorLoc",
)
_UTS = Layout(
    "UTS_training.csv",
    "UTS_test.csv",
    x="Pos_x",
    y="Pos_y",
    floor="Floor_ID",
    building="",
    access_point_prefix="WAP",
)
_TABLE = Layout("train.csv", "test.csv", labels_required=False)


def read_uji(folder: Path) -> Site:
    """UJIIndoorLoc; positions are Web Mercator metres, 0.766 m on the ground at 39.99 deg N."""
    return _read_site("uji", folder, _UJI)


def read_uts(folder: Path) -> Site:
    """UTSIndoorLoc, which is one building: floors -3...12, positions in metres."""
    return _read_site("uts", folder, _UTS)


def read_table(name: str, folder: Path) -> Site:
    """Reads a dataset of one's own: train.csv and test.csv, each with a header.

    The columns x, y (metres) are required and floor, building (whole numbers) optional; every
    other column is an access point in dBm, with 100 for undetected. The order is free.

    Args:
        name: the dataset's name.
        folder: holds the two files plain, as .gz, or in a zip.

    Returns:
        Site. Access points in the train file's order.

    Raises:
        MissingDataError: a file is not there.
        DataError: a file is faulty, or the parts have different access points; the message names
            file, row, line and column.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for part in ("train", "test"):
        ...     _ = (folder / f"{part}.csv").write_text("AP1,AP2,x,y\\n-60,100,1.0,2.0\\n")
        >>> read_table("home", folder).train.rss_dbm.tolist()
        [[-60.0, nan]]
    """
    return _read_site(name, folder, _TABLE)


def write_table(fingerprints: Fingerprints, path: str | Path) -> None:
    """Writes a table that `load_site` reads: a column per access point, x, y, floor, building.

    Args:
        fingerprints: what is written; labels that it lacks get no column.
        path: the file, such as my-office/train.csv.gz.

    Example:
        >>> import tempfile
        >>> from rsstl_jax.data import load_site, make_synthetic_site
        >>> office = make_synthetic_site("synthetic-office")
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "office").mkdir()
        >>> for part in (office.train, office.test):
        ...     write_table(part, folder / "office" / f"{part.part}.csv.gz")
        >>> load_site("office", data_dir=folder).train.digest() == office.train.digest()
        True
    """
    rss = np.where(np.isnan(fingerprints.rss_dbm), UNDETECTED, fingerprints.rss_dbm)
    readings = pd.DataFrame(rss, columns=list(fingerprints.access_points))
    x, y = fingerprints.position_m.T
    columns = {"x": x, "y": y, "floor": fingerprints.floor, "building": fingerprints.building}
    labels = pd.DataFrame({name: col for name, col in columns.items() if col is not None})
    pd.concat([readings, labels], axis=1).to_csv(path, index=False)


def _read_site(name: str, folder: Path, layout: Layout) -> Site:
    address = CARDS[name].address if name in CARDS else ""
    if address and layout is _TABLE:
        address += ", to be rewritten as a table (docs/datasets.md, A table of your own)"
    train, test = (
        open_sheet(find_file(folder, file, subfolder=layout.subfolder, address=address))
        for file in (layout.train_file, layout.test_file)
    )
    for sheet in (train, test):
        sheet.require((layout.x, layout.y))
    access_points = _access_points(train, layout)
    if not access_points:
        raise DataError(f"{train.file}, line 1: names no access point")
    _check_same_access_points(train, access_points, test, _access_points(test, layout))
    return Site(
        name,
        _read_part(name, "train", train, access_points, layout),
        _read_part(name, "test", test, access_points, layout),
    )


def _access_points(sheet: Sheet, layout: Layout) -> tuple[str, ...]:
    names = tuple(
        column
        for column in sheet.columns
        if column.startswith(layout.access_point_prefix) and column not in RESERVED
    )
    for column in names:
        if column.lower() in RESERVED:
            raise DataError(
                f"{sheet.file}, line 1: column {column!r} would be read as an access point; "
                f"write {column.lower()!r}, or give it another name"
            )
    return names


def _check_same_access_points(
    train: Sheet, train_names: Sequence[str], test: Sheet, test_names: Sequence[str]
) -> None:
    in_train, in_test = set(train_names), set(test_names)
    unknown = [name for name in test_names if name not in in_train]
    lacking = [name for name in train_names if name not in in_test]
    faults = [
        f"{text} {', '.join(names[:10])}{f' ... ({len(names)} in all)' if names[10:] else ''}"
        for text, names in (("unknown to the train part:", unknown), ("lacking:", lacking))
        if names
    ]
    if faults:
        raise DataError(
            f"{test.file}, line 1: must name the same access points as {train.file}; "
            + "; ".join(faults)
        )


def _read_part(
    name: str, part: str, sheet: Sheet, access_points: tuple[str, ...], layout: Layout
) -> Fingerprints:
    position = [layout.x, layout.y]
    labels = [
        column
        for column in (layout.floor, layout.building)
        if column and (layout.labels_required or column in sheet.columns)
    ]
    numbers = read_numbers(sheet, [*access_points, *position, *labels])
    floor, building = (
        to_labels(sheet, numbers[[column]]) if column in labels else None
        for column in (layout.floor, layout.building)
    )
    return Fingerprints(
        dataset=name,
        part=part,
        rss_dbm=to_rss_dbm(sheet, numbers[list(access_points)]),
        position_m=to_position_m(sheet, numbers[position]),
        floor=floor,
        building=building,
        access_points=access_points,
    )
