"""A site from walks: the scans of Indoor Location Competition 2.0 traces become fingerprints.

A surveyor walks from waypoint to waypoint while the phone scans; the position of a scan is
interpolated between the two waypoints around it. Floors are laid over each other by the corner of
their outlines. One trace in five, by the checksum of its file's name, makes the test part. Scans
off the walk, old readings, and levels that are none are left out.
"""

import json
import logging
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.data.readers.layout import MAX_LATITUDE, MAX_LONGITUDE
from rsstl_jax.data.site import MAX_DBM, MAX_POSITION_M, MIN_DBM, Fingerprints, Site
from rsstl_jax.errors import DataError, MissingDataError
from rsstl_jax.store.files import as_path

ADDRESS = "https://github.com/location-competition/indoor-location-competition-20"
METRES_PER_DEGREE = (111_320.0, 110_540.0)  # of longitude at the equator, and of latitude
BEYOND_WALK_MS = 500
MAX_APART_M = 1000.0  # between the outlines of two floors of a building
TEST_EVERY = 5
_N = r"(-?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,2})?)"
FORMS = {
    "time, TYPE_WAYPOINT, x, y": re.compile(rf"{_N}\tTYPE_WAYPOINT\t{_N}\t{_N}", re.ASCII),
    "time, TYPE_WIFI, SSID, BSSID, whole dBm, frequency, last seen": re.compile(
        rf"{_N}\tTYPE_WIFI\t[^\t]*\t([^\t]+)\t(-?\d+)\t{_N}\t{_N}", re.ASCII
    ),
}
"""Fields of the lines that are read, separated by tabulators; times in milliseconds."""
OTHER_KINDS = re.compile(
    r"TYPE_(ACCELEROMETER|GYROSCOPE|MAGNETIC_FIELD|ROTATION_VECTOR|BEACON|BLU|DIST|SENSOR_)\w*"
)
"""Kinds of lines that are not read."""
_START = re.compile(r"(?<=.)1\d{12}\tTYPE_[A-Z]")
"""Where a line starts that follows another without a line end: a time of this century."""

_RECORD = re.compile(r"\d+\t(TYPE_[A-Z]\w*)\t")

_log = logging.getLogger(__name__)


class _Scan(NamedTuple):
    """What was detected at one moment of a walk."""

    trace: str  # file of the walk
    floor: int
    position_m: tuple[float, float]
    readings: dict[str, int]  # dBm by BSSID


def read_traces(
    name: str, folder: str | Path, *, min_scans: int = 50, max_age_s: float = 3.0
) -> Site:
    """Reads one building, every scan a fingerprint; floors are -1 for B1, 0 for F1, 1 for F2."""
    root = as_path("folder", folder)
    floors = sorted(p for p in root.glob("[BF]*") if re.fullmatch(r"[BF]0*[1-9]\d*", p.name))
    if len({_floor_number(path.name) for path in floors}) < len(floors):
        names = ", ".join(path.name for path in floors)
        raise DataError(f"{root}: two of {names} are one floor; give each its own name")
    if others := {path.parent for path in root.glob("*/path_data_files")} - {*floors}:
        _log.warning(
            "%s: %s are not read, since they are no floors B1, F1, ...; give them such names",
            *(root, ", ".join(sorted(path.name for path in others))),
        )
    if not floors:
        raise MissingDataError(root / "F1" / "geojson_map.json", address=ADDRESS)
    walks = [
        _read_walk(path, _floor_number(floor.name), offset_m, max_age_s * 1000)
        for floor, offset_m in zip(floors, _offsets_m(floors), strict=True)
        for path in _traces(floor)
    ]
    scans = [scan for walk in walks for scan in walk]
    num_detections = Counter(bssid for scan in scans for bssid in scan.readings)
    kept = sorted(bssid for bssid, number in num_detections.items() if number >= min_scans)
    _log.info(
        "%s: %d traces (%d without a scan that has a position), %d scans, "
        "%d of %d access points kept",
        *(name, len(walks), walks.count([]), len(scans), len(kept), len(num_detections)),
    )
    parts: dict[str, list[_Scan]] = {"train": [], "test": []}
    for scan in scans:
        is_test = zlib.crc32(scan.trace.encode()) % TEST_EVERY == 0
        parts["test" if is_test else "train"].append(scan)
    for part, scans in parts.items():
        if all(scan.readings.keys().isdisjoint(kept) for scan in scans):
            raise DataError(
                f"{root}: {len(walks)} traces leave no scan for the {part} part; {len(kept)} of "
                f"{len(num_detections)} access points are in at least min_scans={min_scans} scans, "
                f"by readings younger than max_age_s={max_age_s:g} s in {MIN_DBM:g}...{MAX_DBM:g} "
                "dBm"
            )
    return Site(name, *(_to_part(name, part, parts[part], kept) for part in ("train", "test")))


def _traces(floor: Path) -> list[Path]:
    """The files of a floor's walks; what is none is said."""
    files = sorted((floor / "path_data_files").glob("[!.]*"))
    traces = [path for path in files if path.suffix == ".txt"]
    for path in files:
        if path not in traces:
            _log.warning("%s is not read: a trace is a .txt file", path)
    if not traces:
        _log.warning("%s has no trace: path_data_files/*.txt is expected", floor)
    return traces


def _offsets_m(floors: Sequence[Path]) -> NDArray[np.float64]:
    """Where the plan of each floor begins, metres from that of the first one."""
    corners = np.array([_corner(floor) for floor in floors])
    offsets_m = (corners - corners[0]) * METRES_PER_DEGREE
    offsets_m[:, 0] *= np.cos(np.radians(corners[:, 1]))
    for floor, away_m in zip(floors, np.linalg.norm(offsets_m, axis=1), strict=True):
        if away_m > MAX_APART_M:
            raise DataError(
                f"{floor / 'geojson_map.json'}: the outline is {away_m:,.0f} m from that of "
                f"{floors[0].name}; the floors of one building lie over each other"
            )
    return offsets_m


def _floor_number(name: str) -> int:
    return -int(name[1:]) if name[0] == "B" else int(name[1:]) - 1


def _corner(floor: Path) -> NDArray[np.float64]:
    """Longitude and latitude of the plan's lower left corner, from which waypoints count."""
    path = floor / "geojson_map.json"
    if not path.exists():
        raise MissingDataError(path, address=ADDRESS)
    try:
        outline = json.loads(path.read_text("utf-8-sig"))["features"][0]["geometry"]["coordinates"]
        corner = np.array([point[:2] for point in _points(outline)], dtype=float).min(axis=0)
    except (ValueError, LookupError, TypeError) as error:
        raise DataError(f"{path}: no outline of the floor in its first feature") from error
    if not (np.abs(corner) <= (MAX_LONGITUDE, MAX_LATITUDE)).all():
        raise DataError(f"{path}: the outline is at {corner}; degrees are expected")
    return corner


def _points(nested: Sequence) -> list[Sequence[float]]:
    if not isinstance(nested[0], list):
        return [nested]
    return [point for part in nested for point in _points(part)]


def _read_walk(
    path: Path, floor: int, offset_m: NDArray[np.float64], max_age_ms: float
) -> list[_Scan]:
    waypoints: list[tuple[float, float, float]] = []
    readings: dict[float, list[tuple[str, int, float]]] = {}
    for place, fields in _records(path):
        if len(fields) == 3:
            time_ms, x, y = map(float, fields)
            if max(abs(x), abs(y)) > MAX_POSITION_M:
                raise DataError(f"{place}: the position lies beyond {MAX_POSITION_M:g} m")
            waypoints.append((time_ms, x, y))
        else:
            time_ms, seen_ms, dbm = float(fields[0]), float(fields[4]), int(fields[2])
            if seen_ms > time_ms:
                raise DataError(f"{place}: was last seen at {fields[4]}, after {fields[0]}")
            if time_ms - seen_ms < max_age_ms and MIN_DBM <= dbm <= MAX_DBM:
                # Phones write the same name in small or in capital letters.
                readings.setdefault(time_ms, []).append((fields[1].lower(), dbm, seen_ms))
    if len(waypoints) < 2:
        return []
    times_ms, *axes_m = np.array(sorted(waypoints)).T
    scans = []
    for rows in readings.values():
        moment_ms = float(np.mean([seen_ms for *_, seen_ms in rows]))
        if not times_ms[0] - BEYOND_WALK_MS <= moment_ms <= times_ms[-1] + BEYOND_WALK_MS:
            continue
        x, y = (float(np.interp(moment_ms, times_ms, axis_m)) for axis_m in axes_m)
        # The last reading of an access point is kept, which is the strongest.
        strongest = {bssid: dbm for bssid, dbm, _ in sorted(rows, key=lambda row: row[1])}
        position_m = (x + float(offset_m[0]), y + float(offset_m[1]))
        scans.append(_Scan(path.name, floor, position_m, strongest))
    return scans


def _records(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The fields of scans and waypoints, each with its place, also where two lines ran together."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    for number, whole in enumerate(text.split("\n"), start=1):
        place, starts = f"{path}, line {number}", [0, *(m.start() for m in _START.finditer(whole))]
        for start, end in pairwise([*starts, len(whole)]):
            line = whole[start:end].rstrip("\r")
            if not line or line.startswith("#"):
                continue
            kind = match[1] if (match := _RECORD.match(line)) else ""
            form = next((form for form in FORMS if f" {kind}," in form), "")
            if line.count("\tTYPE_") != 1 or not (form or OTHER_KINDS.fullmatch(kind)):
                raise DataError(f"{place}: {line[:80]!r} is not a line of a trace: time, kind, ...")
            if form:
                if not (fields := FORMS[form].fullmatch(line)):
                    raise DataError(f"{place}: {line[:80]!r} is not of the published form: {form}")
                yield place, fields.groups()


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
