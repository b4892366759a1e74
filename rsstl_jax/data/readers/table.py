"""Tables with a header, columns found by name: a train and a test part, or one of them."""

import gzip
import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsstl_jax.data.cards import CARDS
from rsstl_jax.data.plausibility import check_plausible, warn_of_scans
from rsstl_jax.data.readers.archives import DataFile, find_file
from rsstl_jax.data.readers.cells import (
    UNDETECTED,
    read_numbers,
    read_texts,
    to_labels,
    to_phones,
    to_positions,
    to_rss_dbm,
    to_times,
)
from rsstl_jax.data.readers.columns import (
    access_point_columns,
    has_other_use,
    label_columns,
    match_access_points,
    require_positions,
)
from rsstl_jax.data.readers.layout import (
    LAYOUT_FILE,
    Layout,
    advise_one_layout,
    choose_layout,
    read_layout,
)
from rsstl_jax.data.readers.sheet import Sheet, open_sheet
from rsstl_jax.data.site import Fingerprints, Site
from rsstl_jax.errors import DataError, MissingDataError
from rsstl_jax.store.files import as_path, write_bytes

_log = logging.getLogger(__name__)

Origin = tuple[float, float] | None

MAX_AWAY_M = 100_000.0
"""How far from an origin a site may lie: farther, a plane says little of the earth."""


def read_table(name: str, folder: str | Path, *, layout: Layout | None = None) -> Site:
    """Reads a dataset of one's own: train.csv and test.csv in the form of docs/datasets.md."""
    folder = as_path("folder", folder)
    train = _open(name, folder, "train", layout)
    with advise_one_layout(train.file):
        test = _open(name, folder, "test", layout)
    site = read_parts(name, train, test, must_match=False)
    check_plausible(site.train, train.file)
    check_plausible(site.test, test.file, radio_map=site.train)
    return site


def read_radio_map(
    path: str | Path, *, name: str = "", layout: Layout | None = None
) -> Fingerprints:
    """Reads the train part of a folder with train.csv, or a file; it is called as its folder is."""
    path = as_path("path", path)
    if path.is_file():
        sheet = open_sheet(DataFile(path), layout=choose_layout(layout, path.parent))
    elif path.name.endswith((".csv", ".csv.gz")) and not path.exists():
        raise MissingDataError(path)
    else:
        sheet = _open(path.name, path, "train", layout)
    # The name of a link is its own.
    folder = os.path.abspath(path if path.is_dir() else path.parent)
    part = read_train(name or os.path.basename(folder), sheet)
    check_plausible(part, sheet.file)
    return part


def _open(name: str, folder: Path, part: str, layout: Layout | None) -> Sheet:
    address = CARDS[name].address if name in CARDS else ""
    if address:
        address += ", to be rewritten as a table (docs/datasets.md, A table of your own)"
    file = find_file(folder, f"{part}.csv", address=address)
    return open_sheet(file, layout=choose_layout(layout, folder))


@advise_one_layout("the train part")
def read_unlabelled(folder: Path, access_points: Sequence[str]) -> NDArray[np.float32]:
    """Reads unlabelled.csv: a header, and exactly the access points of the train part."""
    sheet = open_sheet(find_file(folder, "unlabelled.csv"), layout=read_layout(folder))
    found = match_access_points(access_points, "the train part", sheet, must_match=True)
    columns = [column for column in found if column is not None]
    known = {name.casefold() for name in (*columns, *sheet.layout.ignore)}
    if others := [column for column in sheet.columns if column.casefold() not in known]:
        raise DataError(
            f"{sheet.file}, line 1: column {others[0]!r} is no access point of the train part; "
            "a file of unlabelled fingerprints has these alone"
        )
    rss_dbm = to_rss_dbm(sheet, read_numbers(sheet, columns))
    warn_of_scans(rss_dbm, sheet.file, sheet.layout, of_dataset=True)
    return rss_dbm


def write_table(fingerprints: Fingerprints, path: str | Path) -> None:
    """Writes a table that `load_site` reads, without labels that are unknown, phones and times."""
    if not isinstance(fingerprints, Fingerprints):
        raise DataError(
            f"fingerprints is a {type(fingerprints).__name__}; one part is expected, as site.train"
        )
    rss = np.where(np.isnan(fingerprints.rss_dbm), UNDETECTED, fingerprints.rss_dbm)
    readings = pd.DataFrame(rss, columns=list(fingerprints.access_points))
    x, y = fingerprints.position_m.T
    columns = {"x": x, "y": y, "floor": fingerprints.floor, "building": fingerprints.building}
    labels = pd.DataFrame({name: col for name, col in columns.items() if col is not None})
    table = pd.concat([readings, labels], axis=1)
    path = as_path("path", path)
    if read_layout(path.parent) not in (None, Layout()):
        raise DataError(f"{path}: the {LAYOUT_FILE} beside it says another form; remove it")
    if odd := [name for name in fingerprints.access_points if has_other_use(name)]:
        raise DataError(f"{path}: {odd[0]!r} would not be read as an access point; rename it")
    text = table.to_csv(index=False).encode()
    write_bytes(path, gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def read_parts(name: str, train: Sheet, test: Sheet, *, must_match: bool) -> Site:
    """Both parts; the access points, their order and the origin are those of the train part."""
    radio_map = read_train(name, train)
    names, origin = radio_map.access_points, find_origin(train)
    with advise_one_layout(train.file):
        require_positions(test)
        found = match_access_points(names, train.file, test, must_match=must_match)
        held_out = _read_part(name, "test", test, names, found, origin)
    return Site(name, radio_map, held_out)


def read_train(name: str, sheet: Sheet) -> Fingerprints:
    """The train part alone."""
    require_positions(sheet)
    names = access_point_columns(sheet, is_radio_map=True)
    return _read_part(name, "train", sheet, names, names, find_origin(sheet))


def find_origin(sheet: Sheet) -> Origin:
    """Longitude and latitude that a table in degrees is projected around; None: metres or feet."""
    layout = sheet.layout
    if layout.positions != "degrees":
        return None
    degrees = to_positions(sheet, read_numbers(sheet, [layout.x, layout.y]))
    # To a centimetre: the origin can then be written down.
    longitude, latitude = degrees.mean(axis=0).round(7).tolist()
    if layout.origin:
        away_m = np.linalg.norm(layout.to_metres(degrees), axis=1).min()
        if away_m > MAX_AWAY_M:
            raise DataError(
                f"{sheet.file}: the origin {list(layout.origin)} is {away_m / 1000:,.0f} km from "
                f"the nearest position; it is a longitude and a latitude, such as the positions' "
                f"mean [{longitude}, {latitude}]"
            )
        return layout.origin
    _log.info("%s: positions are metres from %.7f, %.7f", sheet.file, longitude, latitude)
    return longitude, latitude


def _read_part(
    name: str,
    part: str,
    sheet: Sheet,
    access_points: tuple[str, ...],
    found: Sequence[str | None],
    origin: Origin,
) -> Fingerprints:
    # Locators keep the origin: their positions are counted from it.
    layout, labels = replace(sheet.layout, origin=origin), label_columns(sheet)
    columns = [column for column in found if column is not None]
    position = [layout.x, layout.y]
    texts = read_texts(sheet, [name for name in (layout.phone, layout.time) if name in labels])
    numbers = read_numbers(sheet, [*columns, *position, *(n for n in labels if n not in texts)])
    floor, building = (
        to_labels(sheet, numbers[[column]]) if column in labels else None
        for column in (layout.floor, layout.building)
    )
    rss_dbm = np.full((len(numbers), len(found)), np.nan, np.float32)
    present = [index for index, column in enumerate(found) if column is not None]
    rss_dbm[:, present] = to_rss_dbm(sheet, numbers[columns])
    return Fingerprints(
        dataset=name,
        part=part,
        rss_dbm=rss_dbm,
        position_m=layout.to_metres(to_positions(sheet, numbers[position])),
        floor=floor,
        building=building,
        access_points=access_points,
        layout=layout,
        phone=to_phones(sheet, texts[[layout.phone]]) if layout.phone in texts else None,
        time=to_times(sheet, texts[[layout.time]]) if layout.time in texts else None,
    )
