"""Files with a header: access points and labels by name. The table format is one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rsstl_jax.data.cards import CARDS
from rsstl_jax.data.readers.archives import find_file
from rsstl_jax.data.readers.checks import (
    check_same_access_points,
    to_labels,
    to_position_m,
    to_rss_dbm,
)
from rsstl_jax.data.readers.sheet import Sheet, open_sheet
from rsstl_jax.data.site import Fingerprints, Site
from rsstl_jax.errors import DataError

__all__ = ["read_table", "read_uji", "read_uts"]


@dataclass(frozen=True)
class Layout:
    """How one publisher names files and columns."""

    train_file: str
    test_file: str
    x: str
    y: str
    floor: str
    is_access_point: Callable[[str], bool]
    building: str = ""
    labels_required: bool = True
    subfolder: str = ""


def _is_wap(column: str) -> bool:
    return column.startswith("WAP")


RESERVED = ("x", "y", "floor", "building")


def _is_not_reserved(column: str) -> bool:
    return column not in RESERVED


_UJI = Layout(
    train_file="trainingData.csv",
    test_file="validationData.csv",
    subfolder="UJIndoorLoc",
    x="LONGITUDE",
    y="LATITUDE",
    floor="FLOOR",
    building="BUILDINGID",
    is_access_point=_is_wap,
)
_UTS = Layout(
    train_file="UTS_training.csv",
    test_file="UTS_test.csv",
    x="Pos_x",
    y="Pos_y",
    floor="Floor_ID",
    is_access_point=_is_wap,
)
_TABLE = Layout(
    train_file="train.csv",
    test_file="test.csv",
    x="x",
    y="y",
    floor="floor",
    building="building",
    labels_required=False,
    is_access_point=_is_not_reserved,
)


def read_uji(folder: Path) -> Site:
    """Reads UJIIndoorLoc: trainingData.csv and, as the test part, validationData.csv.

    Args:
        folder: holds the two files plain, as .gz, in `UJIndoorLoc/`, or the publisher's zip.

    Returns:
        Site. 520 access points WAP001..., positions in UTM-like metres, floor and building.

    Raises:
        MissingDataError: a file is not there.
        DataError: a file is faulty; the message names file, row and column.

    Example:
        >>> try:
        ...     read_uji(Path("nowhere"))
        ... except DataError as error:
        ...     print(str(error).partition(".")[0])
        nowhere/trainingData
    """
    return _read_site("uji", folder, _UJI)


def read_uts(folder: Path) -> Site:
    """Reads UTSIndoorLoc: UTS_training.csv and UTS_test.csv.

    Args:
        folder: holds the two files plain, as .gz, or in a zip.

    Returns:
        Site. 589 access points WAP001..., positions in metres, floors -3...12; no building, as
        there is one only.

    Raises:
        MissingDataError: a file is not there; the training part must be fetched from GitHub.
        DataError: a file is faulty; the message names file, row and column.

    Example:
        >>> try:
        ...     read_uts(Path("nowhere"))
        ... except DataError as error:
        ...     print(str(error).partition(".")[0])
        nowhere/UTS_training
    """
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
        DataError: a file is faulty, or the parts have different access points.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for part in ("train", "test"):
        ...     _ = (folder / f"{part}.csv").write_text("AP1,AP2,x,y\\n-60,100,1.0,2.0\\n")
        >>> read_table("home", folder).train.rss_dbm.tolist()
        [[-60.0, nan]]
    """
    return _read_site(name, folder, _TABLE)


def _read_site(name: str, folder: Path, layout: Layout) -> Site:
    address = CARDS[name].address if name in CARDS else ""
    if address and layout is _TABLE:
        address += ", to be rewritten as a table (docs/extending.md, A site of one's own)"
    files = [
        find_file(folder, file, subfolder=layout.subfolder, address=address)
        for file in (layout.train_file, layout.test_file)
    ]
    train, test = (open_sheet(file) for file in files)
    for sheet in (train, test):
        sheet.require((layout.x, layout.y))
    access_points, test_names = (
        tuple(filter(layout.is_access_point, sheet.columns)) for sheet in (train, test)
    )
    for column in access_points:
        if layout is _TABLE and column.lower() in RESERVED:
            raise DataError(
                f"{train.file}, line 1: column {column!r} would be read as an access point; "
                f"write {column.lower()!r}, or give it another name"
            )
    if not access_points:
        raise DataError(f"{train.file}, line 1: names no access point")
    check_same_access_points(train, access_points, test, test_names)
    return Site(
        name,
        _read_part(name, "train", train, access_points, layout),
        _read_part(name, "test", test, access_points, layout),
    )


def _read_part(
    name: str, part: str, sheet: Sheet, access_points: tuple[str, ...], layout: Layout
) -> Fingerprints:
    position = (layout.x, layout.y)
    labels = [
        column
        for column in (layout.floor, layout.building)
        if column and (layout.labels_required or column in sheet.columns)
    ]
    values = sheet.numbers((*access_points, *position, *labels))
    ends = (len(access_points), len(access_points) + len(position))
    readings, places, numbers = np.split(values, ends, axis=1)
    numbered = {
        column: to_labels(sheet, column, numbers[:, place]) for place, column in enumerate(labels)
    }
    return Fingerprints(
        dataset=name,
        part=part,
        rss_dbm=to_rss_dbm(sheet, access_points, readings),
        position_m=to_position_m(sheet, position, places),
        floor=numbered.get(layout.floor),
        building=numbered.get(layout.building),
        access_points=access_points,
    )
