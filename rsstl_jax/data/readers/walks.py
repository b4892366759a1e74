"""A site from walks: traces of the Indoor Location Competition 2.0 become fingerprints."""

import json
import logging
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rsstl_jax.data.readers.checks import UNDETECTED
from rsstl_jax.data.site import MAX_DBM, MIN_DBM, Fingerprints, Site
from rsstl_jax.errors import DataError, MissingDataError

__all__ = ["read_traces", "write_table"]

ADDRESS = "https://github.com/location-competition/indoor-location-competition-20"
METRES_PER_DEGREE = (111_320.0, 110_540.0)
"""Of longitude at the equator, and of latitude."""
BEYOND_WALK_MS = 500
TEST_EVERY = 5
FORMS = {
    "TYPE_WAYPOINT": "time, kind, x, y",
    "TYPE_WIFI": "time, kind, SSID, BSSID, dBm, frequency, last seen",
}
"""Fields of the lines that are read, separated by tabulators; times in milliseconds."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Scan:
    """What was heard at one moment of a walk: dBm by BSSID, metres, floor, file of the walk."""

    trace: str
    floor: int
    position_m: tuple[float, float]
    readings: dict[str, int]


def read_traces(
    name: str, folder: str | Path, *, min_scans: int = 50, max_age_s: float = 3.0
) -> Site:
    """Reads one building of the Indoor Location Competition 2.0, every scan a fingerprint.

    A surveyor walks from waypoint to waypoint while the phone scans; the place of a scan is
    interpolated between the two waypoints around it. Floors are laid over each other by the
    corner of their outlines (geojson_map.json). One trace in five, by the checksum of its file's
    name, makes the test part. Scans before the first waypoint or after the last (by more than half
    a second), and levels that are none (above 0 or below -130 dBm), are left out.

    Args:
        name: what the site is called.
        folder: one building, such as data/site1 of the publisher's repository: a folder per floor
            (B1, F1, ...) with geojson_map.json and path_data_files/*.txt.
        min_scans: access points heard in fewer scans are left out.
        max_age_s: readings older than this when their scan was delivered are left out; seconds.

    Returns:
        Site. Access points by BSSID, positions in metres, floors -1 for B1, 0 for F1, ...

    Raises:
        MissingDataError: the folder holds no floor, or a floor lacks its outline.
        DataError: a line of a trace is faulty; the message names file and line.

    Example:
        >>> try:
        ...     read_traces("mall-1", "nowhere")
        ... except DataError as error:
        ...     print(str(error).partition(" ")[0])
        nowhere/F1/geojson_map.json
    """
    root = Path(folder)
    floors = sorted(path for path in root.glob("[BF]*") if re.fullmatch(r"[BF]\d+", path.name))
    if not floors:
        raise MissingDataError(root / "F1" / "geojson_map.json", address=ADDRESS)
    corners = np.array([_corner(floor) for floor in floors])
    offsets_m = (corners - corners[0]) * METRES_PER_DEGREE
    offsets_m[:, 0] *= np.cos(np.radians(corners[:, 1]))
    scans, walks, unplaced = [], 0, 0
    for floor, offset_m in zip(floors, offsets_m, strict=True):
        for path in sorted((floor / "path_data_files").glob("*.txt")):
            found = _read_walk(path, _floor_number(floor.name), offset_m, max_age_s * 1000)
            scans += found
            walks += 1
            unplaced += not found
    heard = Counter(bssid for scan in scans for bssid in scan.readings)
    kept = sorted(bssid for bssid, count in heard.items() if count >= min_scans)
    logger.info(
        "%s: %d traces (%d without a scan that has a place), %d scans, %d of %d access points kept",
        name,
        walks,
        unplaced,
        len(scans),
        len(kept),
        len(heard),
    )
    parts: dict[str, list[_Scan]] = {"train": [], "test": []}
    for scan in scans:
        is_test = zlib.crc32(scan.trace.encode()) % TEST_EVERY == 0
        parts["test" if is_test else "train"].append(scan)
    return Site(name, *(_to_part(name, part, parts[part], kept) for part in ("train", "test")))


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
    table = pd.DataFrame(rss, columns=list(fingerprints.access_points))
    labels = {
        "x": fingerprints.position_m[:, 0],
        "y": fingerprints.position_m[:, 1],
        "floor": fingerprints.floor,
        "building": fingerprints.building,
    }
    own = pd.DataFrame({name: values for name, values in labels.items() if values is not None})
    pd.concat([table, own], axis=1).to_csv(path, index=False)


def _floor_number(name: str) -> int:
    return -int(name[1:]) if name[0] == "B" else int(name[1:]) - 1


def _corner(floor: Path) -> NDArray[np.float64]:
    """Longitude and latitude of the plan's lower left corner, from which waypoints count."""
    path = floor / "geojson_map.json"
    if not path.exists():
        raise MissingDataError(path, address=ADDRESS)
    try:
        outline = json.loads(path.read_text())["features"][0]["geometry"]["coordinates"]
        return np.array([point[:2] for point in _points(outline)], dtype=float).min(axis=0)
    except (ValueError, LookupError, TypeError) as error:
        raise DataError(f"{path}: no outline of the floor in its first feature") from error


def _points(nested: Sequence) -> list[Sequence[float]]:
    if not isinstance(nested[0], list):
        return [nested]
    return [point for part in nested for point in _points(part)]


def _read_walk(
    path: Path, floor: int, offset_m: NDArray[np.float64], max_age_ms: float
) -> list[_Scan]:
    waypoints: list[tuple[float, float, float]] = []
    scans: dict[str, list[tuple[str, int, float]]] = {}
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    for number, line in enumerate(lines, start=1):
        fields = line.rstrip("\r").split("\t")
        kind = fields[1] if len(fields) > 1 else ""
        try:
            if kind == "TYPE_WAYPOINT":
                time_ms, x, y = float(fields[0]), float(fields[2]), float(fields[3])
                waypoints.append((time_ms, x, y))
            elif kind == "TYPE_WIFI":
                seen_ms, dbm = float(fields[6]), int(fields[4])
                if float(fields[0]) - seen_ms < max_age_ms and MIN_DBM <= dbm <= MAX_DBM:
                    scans.setdefault(fields[0], []).append((fields[3], dbm, seen_ms))
        except (ValueError, IndexError) as error:
            raise DataError(
                f"{path}, line {number}: {line[:80]!r} is not of the published form: {FORMS[kind]}"
            ) from error
    times_ms, *plan = np.array(sorted(waypoints)).reshape(-1, 3).T
    found = []
    for rows in scans.values():
        moment = float(np.mean([seen_ms for *_, seen_ms in rows]))
        if len(times_ms) < 2 or not _within(moment, times_ms):
            continue
        x, y = (float(np.interp(moment, times_ms, axis)) for axis in plan)
        strongest: dict[str, int] = {}
        for bssid, dbm, _ in rows:
            strongest[bssid] = max(dbm, strongest.get(bssid, dbm))
        place = (x + float(offset_m[0]), y + float(offset_m[1]))
        found.append(_Scan(path.name, floor, place, strongest))
    return found


def _within(moment: float, times_ms: NDArray[np.float64]) -> bool:
    return times_ms[0] - BEYOND_WALK_MS <= moment <= times_ms[-1] + BEYOND_WALK_MS


def _to_part(name: str, part: str, scans: list[_Scan], bssids: list[str]) -> Fingerprints:
    columns = {bssid: column for column, bssid in enumerate(bssids)}
    scans = [scan for scan in scans if not scan.readings.keys().isdisjoint(columns)]
    rss_dbm = np.full((len(scans), len(bssids)), np.nan, np.float32)
    for row, scan in enumerate(scans):
        for bssid, dbm in scan.readings.items():
            if bssid in columns:
                rss_dbm[row, columns[bssid]] = dbm
    return Fingerprints(
        dataset=name,
        part=part,
        rss_dbm=rss_dbm,
        position_m=np.array([scan.position_m for scan in scans], dtype=float).reshape(-1, 2),
        floor=np.array([scan.floor for scan in scans], dtype=np.int32),
        building=None,
        access_points=tuple(bssids),
    )
