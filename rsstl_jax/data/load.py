"""From a dataset's name to its two parts: the one entry of the data layer."""

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pooch
from numpy.typing import NDArray

from rsstl_jax.config.rules import DATASET_NAME
from rsstl_jax.data.cards import CARDS, check_card
from rsstl_jax.data.download import download_dataset
from rsstl_jax.data.readers import read_site
from rsstl_jax.data.readers.columns import shown
from rsstl_jax.data.readers.layout import Layout
from rsstl_jax.data.readers.table import read_radio_map, read_unlabelled
from rsstl_jax.data.site import Fingerprints, Site
from rsstl_jax.data.synthetic import SYNTHETIC_PREFIX, SYNTHETIC_SITES, make_synthetic_site
from rsstl_jax.errors import DataError, MissingDataError

DATA_DIR_VARIABLE = "RSSTL_DATA_DIR"
OTHER_FORMS = ("xlsx", "xls", "ods", "json", "jsonl", "txt", "tsv", "parquet", "mat", "CSV")

DataDir = str | os.PathLike[str] | None


def load_site(name: str, *, data_dir: DataDir = None, layout: Layout | None = None) -> Site:
    """Loads a dataset by name, and checks it against its card where one is known.

    Files are looked for in <data folder>/<name>/. Only the cache folder is ever downloaded into,
    and nothing else ever stands in for a file that is missing. UJIIndoorLoc's positions are Web
    Mercator metres, each 0.766 m on the ground (`CARDS["uji"].coordinates`).

    Args:
        name: 'uji', 'uts', 'tampere', 'tut7', a synthetic site such as 'synthetic-office', or the
            name of a folder with a table of one's own.
        data_dir: folder that holds one folder per dataset; None or empty: the environment variable
            RSSTL_DATA_DIR, else the user's cache folder.
        layout: how the files of a table of one's own are written; None: as the layout.json in its
            folder says, and in the standard form without one.

    Returns:
        Site. The train and the test part.

    Raises:
        MissingDataError: a file is not there and could not be fetched.
        DataError: the data are faulty, or are not those of the card.

    Example:
        >>> site = load_site("synthetic-office")
        >>> site.name, len(site.train), site.train.num_access_points
        ('synthetic-office', 600, 60)
        >>> load_site("ujii", data_dir=".")
        Traceback (most recent call last):
        ...
        rsstl_jax.errors.MissingDataError: ujii/train.csv is not there and 'ujii' is none of the
        known datasets (uji, uts, tampere, tut7, mall-1, mall-2, synthetic-office, synthetic-mall,
        synthetic-campus); perhaps uji is meant. No public address is known for it: put the file
        there, or choose other sites.
    """
    check_dataset_name(name)
    if name.startswith(SYNTHETIC_PREFIX):
        if layout is not None:
            raise DataError(f"layout has no use: {name} is made and not read; leave it out")
        return make_synthetic_site(name)
    root, may_download = resolve_data_dir(data_dir)
    card = CARDS.get(name)
    try:
        site = read_site(name, root / name, layout)
    except MissingDataError as error:
        _explain(error, name, root)
        if card is None or not may_download or not card.downloads:
            raise
        download_dataset(card, root / name)
        site = read_site(name, root / name)
    if card is not None:
        check_card(card, site)
    return site


def check_dataset_name(name: str) -> None:
    """Refuses what cannot be the name of a dataset and of its folder."""
    if not isinstance(name, str) or not DATASET_NAME.fullmatch(name):
        hint = ""
        if isinstance(name, os.PathLike) or "/" in str(name).rstrip("/"):
            hint = (
                "; this is a path: give the folder above it as data_dir, or read_radio_map a file"
            )
        raise DataError(
            f"dataset name {str(name)!r}: a name is made of ASCII letters, digits, '.', '_' and "
            f"'-', such as {', '.join(CARDS)}{hint}"
        )


def load_radio_map(
    name: str, *, data_dir: DataDir = None, layout: Layout | None = None
) -> Fingerprints:
    """Loads the train part of a dataset; a table of one's own needs no test.csv for it.

    Args:
        name: the dataset's name, as in `load_site`.
        data_dir: folder of the datasets, as in `load_site`.
        layout: how the file is written, as in `load_site`.

    Returns:
        Fingerprints. Part 'train'.

    Raises:
        DataError: as `load_site`.

    Example:
        >>> load_radio_map("synthetic-office").position_m.shape
        (600, 2)
    """
    check_dataset_name(name)
    if name in CARDS or name.startswith(SYNTHETIC_PREFIX):
        return load_site(name, data_dir=data_dir, layout=layout).train
    root = resolve_data_dir(data_dir)[0]
    try:
        return read_radio_map(root / name, name=name, layout=layout)
    except MissingDataError as error:
        _explain(error, name, root)
        raise


def _explain(error: MissingDataError, name: str, root: Path) -> None:
    """Raises the error anew where it is known why the file is not there."""
    if cause := _find_cause(name, root, Path(error.file)):
        raise MissingDataError(error.file, address=error.address, cause=cause) from None


def _find_cause(name: str, root: Path, file: Path) -> str:
    """The cause of a missing file as a phrase; empty where nothing more is known of it."""
    folder = root / name
    if _has_train_part(root) and not folder.exists():
        return (
            f"{root} is itself the folder of a dataset; name the folder above it as the data "
            f"folder, and {root.resolve().name} as the dataset"
        )
    if name not in CARDS and not folder.is_dir():
        known = [*CARDS, *SYNTHETIC_SITES]
        cause = f"{name!r} is none of the known datasets ({', '.join(known)})"
        others = sorted(path.name for path in root.glob("[!.]*") if path.is_dir())
        lower = {other.lower(): other for other in (*known, *others)}
        if near := get_close_matches(name.lower(), lower, n=1):
            return f"{cause}; perhaps {lower[near[0]]} is meant"
        return cause + (f" or of the folders in {root} ({shown(others)})" if others else "")
    if other := next((o for o in OTHER_FORMS if file.with_suffix(f".{o}").is_file()), ""):
        return f"{file.with_suffix(f'.{other}').name} is; save it as {file.name}, UTF-8 text"
    if file.name == "test.csv" and name not in CARDS and _has_train_part(folder):
        return (
            "train.csv is; measuring takes fingerprints of known position that are not in it. "
            "rsstl predict, rsstl check_site and runs with data.evaluate_on=validation take "
            "train.csv alone"
        )
    present = {path.name for path in folder.glob("[!.]*")} if folder.is_dir() else set()
    return f"{folder} holds {shown(present)}" if present and name not in CARDS else ""


def _has_train_part(folder: Path) -> bool:
    return any((folder / f"train.csv{end}").is_file() for end in ("", ".gz"))


def load_unlabelled(
    name: str, access_points: Sequence[str], *, data_dir: DataDir = None
) -> NDArray[np.float32]:
    """float32[n, A], dBm, of <name>/unlabelled.csv: fingerprints whose positions nobody knows."""
    return read_unlabelled(resolve_data_dir(data_dir)[0] / name, access_points)


def resolve_data_dir(data_dir: DataDir = None) -> tuple[Path, bool]:
    """The folder that holds the datasets, and whether files may be downloaded into it."""
    variable = os.environ.get(DATA_DIR_VARIABLE)
    origin, named = ("data_dir", data_dir) if data_dir else (DATA_DIR_VARIABLE, variable)
    if not named:
        return Path(pooch.os_cache("rsstl_jax")), True
    folder = Path(os.path.expanduser(named))
    if not folder.is_dir():
        raise DataError(f"{origin} is {str(named)!r}, which is not a folder")
    return folder, False
