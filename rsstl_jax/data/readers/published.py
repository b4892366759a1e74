"""UJIIndoorLoc and UTSIndoorLoc: how their publishers name files and columns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from rsstl_jax.data.cards import CARDS
from rsstl_jax.data.readers.archives import find_file
from rsstl_jax.data.readers.layout import Layout
from rsstl_jax.data.readers.sheet import Sheet, open_sheet
from rsstl_jax.data.readers.table import read_parts
from rsstl_jax.data.site import Site

_UJI = Layout(
    x="LONGITUDE",
    y="LATITUDE",
    floor="FLOOR",
    building="BUILDINGID",
    access_point_prefix="WAP",
    phone="PHONEID",
    time="TIMESTAMP",
)
_UTS = Layout(x="Pos_x", y="Pos_y", floor="Floor_ID", building="", access_point_prefix="WAP")


def read_uji(folder: Path) -> Site:
    """UJIIndoorLoc; positions are Web Mercator metres, 0.766 m on the ground at 39.99 deg N."""
    files = ("trainingData.csv", "validationData.csv")
    return _read_published("uji", folder, files, _UJI, subfolder="UJIndoorLoc")


def read_uts(folder: Path) -> Site:
    """UTSIndoorLoc, which is one building: floors -3...12, positions in metres."""
    return _read_published("uts", folder, ("UTS_training.csv", "UTS_test.csv"), _UTS)


def _read_published(
    name: str, folder: Path, files: tuple[str, str], layout: Layout, *, subfolder: str = ""
) -> Site:
    train, test = (
        _open(folder, file, layout, subfolder=subfolder, address=CARDS[name].address)
        for file in files
    )
    return read_parts(name, train, test, must_match=True)


def _open(folder: Path, file: str, layout: Layout, **places: str) -> Sheet:
    """A file by a layout without the columns of phones and times that some copies lack."""
    sheet = open_sheet(find_file(folder, file, **places), layout=layout)
    absent: dict[str, Any] = {
        n: "" for n in ("phone", "time") if getattr(layout, n) not in sheet.columns
    }
    return replace(sheet, layout=replace(layout, **absent))
