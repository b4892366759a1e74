"""A site from walks: the scans of Indoor Location Competition 2.0 traces become fingerprints."""

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
FORMS = {
    "TYPE_WAYPOINT": "time, kind, x, y",
    "TYPE_WIFI": "time, kind, SSID, BSSID, dBm, frequency, last seen",
}
"""Fields of the lines that are read, separated by tabulators; times in milliseconds."""
OTHER_KINDS = re.compile(
    r"TYPE_(ACCELEROMETER|GYROSCOPE|MAGNETIC_FIELD|ROTATION_VECTOR|BEACON|BLU|DIST|SENSOR_)\w*"
)
"""Kinds of lines that are not read."""
_START = re.compile(r"(?<=.)1\d{12}\tTYPE_[A-Z]")
"""Where a line starts that follows another without a line end: a time of this century."""

_NUMBER = re.compile(r"-?\d+(\.\d*)?([eE][+-]?\d{1,2})?", re.ASCII)
_RECORD = re.compile(r"\d+\tTYPE_[A-Z]")

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
    """Reads one building of the Indoor Location Competition 2.0, every scan a fingerprint.

    A surveyor walks from waypoint to waypoint while the phone scans; the position of a scan is
    interpolated between the two waypoints around it. Floors are laid over each other by the
    corner of their outlines (geojson_map.json). One trace in five, by the checksum of its file's
    name, makes the test part. Scans before the first waypoint or after the last (by more than half
    a second), and levels that are none (above 0 or below -130 dBm), are left out.

    Args:
        name: what the site is called.
        folder: one building, such as data/site1 of the publisher's repository: a folder per floor
            (B1, F1, ...) with geojson_map.json and path_data_files/*.txt.
        min_scans: access points detected in fewer scans are left out.
        max_age_s: readings older than this when their scan was delivered are left out; seconds,
            above 0.

    Returns:
        Site. Access points by BSSID, positions in metres, floors -1 for B1, 0 for F1, ...

    Raises:
        MissingDataError: the folder holds no floor, or a floor lacks its outline.
        DataError: a line of a trace is faulty; the message names file and line. Of lines that are
            not read, such as those of motion sensors, only time and kind are checked. Two lines
            that ran together are read as two.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "F1" / "path_data_files").mkdir(parents=True)
        >>> outline = {"features": [{"geometry": {"coordinates": [[120.0, 30.0]]}}]}
        >>> _ = (folder / "F1" / "geojson_map.json").write_text(json.dumps(outline))
        >>> lines = ["0\\tTYPE_WAYPOINT\\t0\\t0", "9000\\tTYPE_WAYPOINT\\t18\\t9",
        ...     "3000\\tTYPE_WIFI\\tguest\\taa:bb\\t-50\\t2422\\t3000"]
        >>> for walk in range(10):
        ...     path = folder / "F1" / "path_data_files" / f"{walk}.txt"
        ...     _ = path.write_text("\\n".join(lines))
        >>> mall = read_traces("mall", folder, min_scans=1)
        >>> len(mall.train) + len(mall.test), mall.train.position_m[0].tolist()
        (10, [6.0, 3.0])
    """
    root = as_path("folder", folder)
    floors = sorted(path for path in root.glob("[BF]*") if re.fullmatch(r"[BF]\d+", path.name))
    if not floors:
        raise MissingDataError(root / "F1" / "geojson_map.json", address=ADDRESS)
    if others := {path.parent for path in root.glob("*/path_data_files")} - {*floors}:
        _log.warning(
            "%s: %s are not read, since they are no floors B1, F1, ...; give them such names",
            *(root, ", ".join(sorted(path.name for path in others))),
        )
    if not max_age_s > 0 or min_scans < 1:
        raise DataError(f"max_age_s is {max_age_s}, min_scans {min_scans}; both must be above 0")
    _check_numbers(floors)
    offsets_m = _offsets_m(floors)
    for floor in floors:
        files = sorted((floor / "path_data_files").glob("[!.]*"))
        for path in files:
            if path.suffix != ".txt":
                _log.warning("%s is not read: a trace is a .txt file", path)
        if not any(path.suffix == ".txt" for path in files):
            _log.warning("%s has no trace: path_data_files/*.txt is expected", floor)
    walks = [
        _read_walk(path, _floor_number(floor.name), offset_m, max_age_s * 1000)
        for floor, offset_m in zip(floors, offsets_m, strict=True)
        for path in sorted((floor / "path_data_files").glob("*.txt"))
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


def _check_numbers(floors: Sequence[Path]) -> None:
    """Refuses two folders of one floor, such as F1 and F01, or B1 and F0."""
    by_number: dict[int, Path] = {}
    for floor in floors:
        other = by_number.setdefault(_floor_number(floor.name), floor)
        if other is not floor:
            raise DataError(f"{other} and {floor.name} are one floor; give each its own name")


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
        outline = json.loads(path.read_text())["features"][0]["geometry"]["coordinates"]
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
    for place, line in _lines(path):
        fields = line.split("\t")
        if fields[1] == "TYPE_WAYPOINT":
            time_ms, x, y = _numbers(place, line, (0, 2, 3))
            if max(abs(x), abs(y)) > MAX_POSITION_M:
                raise DataError(f"{place}: the position lies beyond {MAX_POSITION_M:g} m")
            waypoints.append((time_ms, x, y))
        else:
            time_ms, dbm, _, seen_ms = _numbers(place, line, (0, 4, 5, 6))
            if seen_ms > time_ms:
                raise DataError(f"{place}: was last seen at {fields[6]}, after {fields[0]}")
            if not fields[3] or dbm != int(dbm):
                raise DataError(f"{place}: an access point and a level in whole dBm are expected")
            if time_ms - seen_ms < max_age_ms and MIN_DBM <= dbm <= MAX_DBM:
                # Phones write the same name in small or in capital letters.
                readings.setdefault(time_ms, []).append((fields[3].lower(), int(dbm), seen_ms))
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


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of scans and waypoints, each with its place, also where two ran together."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    for number, whole in enumerate(text.split("\n"), start=1):
        place, starts = f"{path}, line {number}", [0, *(m.start() for m in _START.finditer(whole))]
        for start, end in pairwise([*starts, len(whole)]):
            line = whole[start:end].rstrip("\r")
            if not line or line.startswith("#"):
                continue
            kind = line.split("\t", 2)[1] if _RECORD.match(line) else ""
            if line.count("\tTYPE_") != 1 or not (kind in FORMS or OTHER_KINDS.fullmatch(kind)):
                raise DataError(f"{place}: {line[:80]!r} is not a line of a trace: time, kind, ...")
            if kind in FORMS:
                yield place, line


def _numbers(place: str, line: str, indices: tuple[int, ...]) -> list[float]:
    """The fields of a line that are numbers."""
    fields = line.split("\t")
    form = FORMS[fields[1]]
    texts = [fields[index] for index in indices if index < len(fields)]
    if len(fields) != form.count(",") + 1 or not all(map(_NUMBER.fullmatch, texts)):
        raise DataError(f"{place}: {line[:80]!r} is not of the published form: {form}")
    return [float(text) for text in texts]


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
