"""UJIIndoorLoc and UTSIndoorLoc: how their publishers name files and columns."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rsstl_jax.data.cards import CARDS
from rsstl_jax.data.readers.archives import find_file
from rsstl_jax.data.readers.layout import Layout
from rsstl_jax.data.readers.sheet import Sheet, open_sheet
from rsstl_jax.data.readers.with_header import read_parts
from rsstl_jax.data.site import Site


@dataclass(frozen=True)
class Publisher:
    """How one publisher names files and columns."""

    train_file: str
    test_file: str
    layout: Layout
    subfolder: str = ""  # where the publisher's archive unpacks to


_UJI = Publisher(
    "trainingData.csv",
    "validationData.csv",
    Layout(
        x="LONGITUDE",
        y="LATITUDE",
        floor="FLOOR",
        building="BUILDINGID",
        access_point_prefix="WAP",
        phone="PHONEID",
        time="TIMESTAMP",
    ),
    subfolder="UJIndoorLoc",
)
_UTS = Publisher(
    "UTS_training.csv",
    "UTS_test.csv",
    Layout(x="Pos_x", y="Pos_y", floor="Floor_ID", building="", access_point_prefix="WAP"),
)


def read_uji(folder: Path) -> Site:
    """UJIIndoorLoc; positions are Web Mercator metres, 0.766 m on the ground at 39.99 deg N."""
    return _read_published("uji", folder, _UJI)


def read_uts(folder: Path) -> Site:
    """UTSIndoorLoc, which is one building: floors -3...12, positions in metres."""
    return _read_published("uts", folder, _UTS)


def _read_published(name: str, folder: Path, publisher: Publisher) -> Site:
    address = CARDS[name].address
    train, test = (
        _without_absent(
            open_sheet(
                find_file(folder, file, subfolder=publisher.subfolder, address=address),
                layout=publisher.layout,
            )
        )
        for file in (publisher.train_file, publisher.test_file)
    )
    return read_parts(name, train, test, must_match=True)


def _without_absent(sheet: Sheet) -> Sheet:
    """The sheet by a layout without the columns of phones and times that some copies lack."""
    layout = sheet.layout
    absent: dict[str, Any] = {
        n: "" for n in ("phone", "time") if getattr(layout, n) not in sheet.columns
    }
    return replace(sheet, layout=replace(layout, **absent))
