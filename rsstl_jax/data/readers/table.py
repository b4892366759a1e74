"""Tables of one's own: a train part and a test part, a radio map alone, or unlabelled scans."""

import gzip
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsstl_jax.data.cards import CARDS
from rsstl_jax.data.plausibility import check_unit, warn_of, warn_of_unlabelled
from rsstl_jax.data.readers.archives import DataFile, find_file
from rsstl_jax.data.readers.cells import UNDETECTED, read_numbers, to_rss_dbm
from rsstl_jax.data.readers.columns import access_point_columns
from rsstl_jax.data.readers.layout import LAYOUT_FILE, Layout, read_layout
from rsstl_jax.data.readers.sheet import Sheet, open_sheet, parse_sheet
from rsstl_jax.data.readers.with_header import read_parts, read_train
from rsstl_jax.data.site import Fingerprints, Site
from rsstl_jax.errors import DataError
from rsstl_jax.store.files import as_path, write_bytes


def read_table(name: str, folder: Path, *, layout: Layout | None = None) -> Site:
    """Reads a dataset of one's own: train.csv and test.csv, each with a header.

    The columns x, y (metres) are required and floor, building (whole numbers) optional; every
    other column is an access point in dBm, with 100 for undetected. The order is free. A
    layout.json beside the files says what is otherwise. Names of access points match without
    regard to small and capital letters; those that only one part names are said in a warning.

    Args:
        name: the dataset's name.
        folder: holds the two files plain, as .gz, or in a zip.
        layout: how the files are written; None: as the folder's layout.json says.

    Returns:
        Site. Access points in the train file's order.

    Raises:
        MissingDataError: a file is not there.
        DataError: a file is faulty, a column looks like no access point, or positions look like
            degrees; the message names file, line and column.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for part in ("train", "test"):
        ...     _ = (folder / f"{part}.csv").write_text("AP1,AP2,x,y\\n-60,100,1.0,2.0\\n")
        >>> read_table("home", folder).train.rss_dbm.tolist()
        [[-60.0, nan]]
    """
    train, test = (_open(name, folder, part, layout) for part in ("train", "test"))
    site = read_parts(name, train, test, must_match=False)
    for sheet, part in ((train, site.train), (test, site.test)):
        check_unit(part, sheet.file)
    warn_of(site.train, train.file)
    warn_of(site.test, test.file, radio_map=site.train)
    return site


def read_radio_map(
    path: str | Path, *, name: str = "", layout: Layout | None = None
) -> Fingerprints:
    """Reads the train part alone: what a site has before anything is to be measured there.

    Args:
        path: a folder with train.csv (plain, .gz or in a zip), or the file itself.
        name: what the site is called; empty: as the folder is.
        layout: how the file is written; None: as the layout.json beside it says.

    Returns:
        Fingerprints. Part 'train'.

    Raises:
        MissingDataError: the file is not there.
        DataError: as `read_table`.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "map.csv")
        >>> _ = path.write_text("AP1;x;y\\n-60,5;1,0;2,0\\n")
        >>> part = read_radio_map(path, layout=Layout(delimiter=";", decimal=","))
        >>> part.rss_dbm.tolist(), part.position_m.tolist()
        ([[-60.5]], [[1.0, 2.0]])
    """
    path = as_path("path", path)
    sheet = open_radio_map(path, layout=layout)
    # The name of a link is its own.
    folder = os.path.abspath(path if path.is_dir() else path.parent)
    part = read_train(name or os.path.basename(folder), sheet)
    check_unit(part, sheet.file)
    warn_of(part, sheet.file)
    return part


def open_radio_map(path: str | Path, *, layout: Layout | None = None) -> Sheet:
    """The text of what `read_radio_map` reads."""
    path = Path(path)
    if path.is_file():
        return open_sheet(DataFile(path), layout=layout or read_layout(path.parent))
    return _open(path.name, path, "train", layout)


def _open(name: str, folder: Path, part: str, layout: Layout | None) -> Sheet:
    address = CARDS[name].address if name in CARDS else ""
    if address:
        address += ", to be rewritten as a table (docs/datasets.md, A table of your own)"
    file = find_file(folder, f"{part}.csv", address=address)
    return open_sheet(file, layout=layout or read_layout(folder))


def read_unlabelled(folder: Path, access_points: Sequence[str]) -> NDArray[np.float32]:
    """Reads unlabelled.csv: a header, and exactly the access points of the train part."""
    sheet = open_sheet(find_file(folder, "unlabelled.csv"), layout=read_layout(folder))
    spelled = {name.casefold(): name for name in access_point_columns(sheet, is_radio_map=False)}
    columns = [spelled.get(name.casefold(), name) for name in access_points]
    sheet.require(columns)
    known = {name.casefold() for name in (*columns, *sheet.layout.ignore)}
    if others := [column for column in sheet.columns if column.casefold() not in known]:
        raise DataError(
            f"{sheet.file}, line 1: column {others[0]!r} is no access point of the train part; "
            "a file of unlabelled fingerprints has these alone"
        )
    rss_dbm = to_rss_dbm(sheet, read_numbers(sheet, columns))
    warn_of_unlabelled(rss_dbm, sheet.file)
    return rss_dbm


def write_table(fingerprints: Fingerprints, path: str | Path) -> None:
    """Writes a table that `load_site` reads: a column per access point, x, y, floor, building.

    Args:
        fingerprints: what is written; labels that it lacks get no column, nor do phones and times.
        path: the file, such as my-office/train.csv.gz.

    Raises:
        DataError: an access point has a name that would be read as another one, or as no access
            point, or a layout.json beside the file says another form.

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
    table = pd.concat([readings, labels], axis=1)
    path = as_path("path", path)
    _check_readable(path, fingerprints.access_points, table)
    text = table.to_csv(index=False).encode()
    write_bytes(path, gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def _check_readable(path: Path, names: Sequence[str], table: pd.DataFrame) -> None:
    """Refuses a table that would not be read as it is written."""
    if read_layout(path.parent) not in (None, Layout()):
        raise DataError(f"{path}: the {LAYOUT_FILE} beside it says another form; remove it")
    sheet = parse_sheet(str(path), table.iloc[:1].to_csv(index=False).encode())
    read = access_point_columns(sheet, is_radio_map=True)
    if read != tuple(names):
        pairs = zip(names, (*read, ""), strict=False)
        name, other = next(pair for pair in pairs if pair[0] != pair[1])
        raise DataError(f"{path}: the access point {name!r} would be read as {other!r}")
