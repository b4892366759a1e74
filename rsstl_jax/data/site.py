"""`Fingerprints` and `Site`: what every reader returns, checked once, where they are made."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.errors import DataError

if TYPE_CHECKING:
    from rsstl_jax.data.readers.layout import Layout

# The weakest and the strongest signal that are taken for readings; 0 dBm is one.
MIN_DBM, MAX_DBM = -130.0, 0.0
MAX_POSITION_M = 1e9  # beyond every map projection, and exact to a micrometre
PARTS = ("train", "test", "validation")

_LABELS: dict[str, type] = {
    "floor": np.int32,
    "building": np.int32,
    "phone": np.str_,
    "time": np.datetime64,
}


@dataclass(frozen=True, eq=False, repr=False)
class Fingerprints:
    """One part of a dataset: n fingerprints and the positions they were taken at.

    Args:
        dataset: name of the dataset.
        part: 'train', 'test' or 'validation'.
        rss_dbm: float32[n, A]. Received signal strengths, -130...0 dBm; NaN where undetected.
        position_m: float64[n, 2]. Metres in the dataset's own plane coordinates, which float32
            would round by up to half a metre. UJIIndoorLoc's unit is another: see `load_site`.
        floor: int32[n] or None. Floor index.
        building: int32[n] or None. Building index.
        access_points: A names in the order of the columns, different in more than spelling.
        layout: how the file was written that they come from; scans of the site are read by it.
        phone: str[n] or None. Name of the phone that took each fingerprint.
        time: datetime64[n] or None. Moment of each fingerprint, UTC.

    Raises:
        DataError: an array has another shape or dtype, or a value lies outside its range.

    Example:
        >>> rss_dbm = np.array([[-60.0, np.nan]], np.float32)
        >>> part = Fingerprints("home", "train", rss_dbm, np.zeros((1, 2)), None, None, ("a", "b"))
        >>> part
        <Fingerprints of home, train: 1 fingerprint, 2 access points, 50% detected,
        0.0 x 0.0 m>
        >>> Fingerprints("home", "train", rss_dbm, np.zeros((3, 2)), None, None, ("a", "b"))
        Traceback (most recent call last):
        ...
        rsstl_jax.errors.DataError: home train: position_m is float64[3, 2]; expected float64[1, 2]
    """

    dataset: str
    part: str
    rss_dbm: NDArray[np.float32]
    position_m: NDArray[np.float64]
    floor: NDArray[np.int32] | None
    building: NDArray[np.int32] | None
    access_points: tuple[str, ...]
    layout: "Layout | None" = None
    phone: NDArray[np.str_] | None = None
    time: NDArray[np.datetime64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "access_points", check_names(self.access_points))
        if self.part not in PARTS:
            raise DataError(f"part is {self.part!r}; it must be one of {', '.join(PARTS)}")
        num_rows = len(self.rss_dbm) if np.ndim(self.rss_dbm) else 0
        self._check_array("rss_dbm", self.rss_dbm, (num_rows, len(self.access_points)), np.float32)
        self._check_array("position_m", self.position_m, (num_rows, 2), np.float64)
        for name, labels in self._labels().items():
            self._check_array(name, labels, (num_rows,), _LABELS[name])
        if self.rss_dbm.size == 0:
            raise self._error("has no fingerprints or no access points")
        self._check_values()

    def _labels(self) -> dict[str, NDArray[Any]]:
        return {name: own for name in _LABELS if (own := getattr(self, name)) is not None}

    def _check_array(self, name: str, array: object, shape: tuple[int, ...], dtype: type) -> None:
        wanted = f"{dtype.__name__}{list(shape)}"
        if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
            raise self._error(f"{name} is a {type(array).__name__}; a NumPy {wanted} is expected")
        if array.shape != shape or array.dtype.type is not dtype or not array.dtype.isnative:
            raise self._error(f"{name} is {array.dtype}{list(array.shape)}; expected {wanted}")

    def _check_values(self) -> None:
        if alike := names_alike(self.access_points):
            raise self._error(
                f"access point {alike[1]!r} is named more than once, or differs from another one "
                "in upper and lower case or the separators of a MAC alone"
            )
        outside = (self.rss_dbm < MIN_DBM) | (self.rss_dbm > MAX_DBM)
        if outside.any():
            row, column = np.argwhere(outside)[0]
            raise self._error(
                f"row {row + 1}, access point {self.access_points[column]!r}: "
                f"{self.rss_dbm[row, column]:g} lies outside {MIN_DBM:g}...{MAX_DBM:g} dBm; "
                "undetected is NaN here"
            )
        lost = ~(np.abs(self.position_m) <= MAX_POSITION_M).all(axis=1)
        if lost.any():
            raise self._error(
                f"row {np.argmax(lost) + 1}: the position is not finite, or beyond "
                f"{MAX_POSITION_M:g} m"
            )

    def _error(self, text: str) -> DataError:
        return DataError(f"{self.dataset} {self.part}: {text}")

    def __len__(self) -> int:
        return len(self.rss_dbm)

    def __repr__(self) -> str:
        return f"<Fingerprints of {self.dataset}, {self.part}: {self._summary()}>"

    def _summary(self) -> str:
        counts = {"fingerprint": len(self), "access point": self.num_access_points}
        labels = {noun: own for noun, own in self._labels().items() if noun != "time"}
        counts |= {noun: len(np.unique(own)) for noun, own in labels.items()}
        facts = [f"{number:,} {noun}{'s' * (number != 1)}" for noun, number in counts.items()]
        width_m, depth_m = np.ptp(self.position_m, axis=0)
        facts[2:2] = [
            f"{1 - np.isnan(self.rss_dbm).mean():.0%} detected",
            f"{width_m:.1f} x {depth_m:.1f} m",
        ]
        return ", ".join(facts)

    @property
    def num_access_points(self) -> int:
        """Number A of access points, detected or not."""
        return len(self.access_points)

    def take(self, indices: Sequence[int] | NDArray[np.integer | np.bool_]) -> "Fingerprints":
        """The fingerprints at the given rows, int[m], in their order, or where bool[n] is true."""
        rows = np.asarray(indices)
        if rows.size == 0:  # A list without entries is of floats.
            rows = rows.astype(np.intp)
        if rows.ndim != 1 or rows.dtype.kind not in "iub":
            raise IndexError(
                f"indices is {indices!r:.40}; a list of rows, or a mask of all rows, is needed"
            )
        return replace(
            self,
            rss_dbm=self.rss_dbm[rows],
            position_m=self.position_m[rows],
            **{name: values[rows] for name, values in self._labels().items()},
        )

    def groups(self) -> dict[str, NDArray[np.str_]]:
        """{"phone", "month" such as '2013-06' (UTC): str[n]} of each fingerprint, where known."""
        groups = {} if self.phone is None else {"phone": self.phone}
        if self.time is not None:
            groups["month"] = self.time.astype("datetime64[M]").astype(np.str_)
        return groups

    def digest(self) -> str:
        """SHA-256 of access points, readings, positions, floors and buildings, not of names."""
        undetected = np.isnan(self.rss_dbm)
        readings = np.where(undetected, np.float32(100), self.rss_dbm) + np.float32(0)
        fields: dict[str, NDArray[np.generic] | None] = {
            "rss_dbm": readings.astype("<f4"),
            "position_um": np.rint(self.position_m * 1e6).astype("<i8"),
            "floor": None if self.floor is None else self.floor.astype("<i4"),
            "building": None if self.building is None else self.building.astype("<i4"),
        }
        total = hashlib.sha256(repr(self.access_points).encode())
        for name, array in fields.items():
            total.update(f"{name}{None if array is None else array.shape}".encode())
            total.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
        return total.hexdigest()


def check_names(access_points: Iterable[str]) -> tuple[str, ...]:
    """Names of access points as a tuple; DataError where they have no order, or one is none."""
    if isinstance(access_points, str | set | frozenset):
        kind = "text" if isinstance(access_points, str) else "set, which has no order"
        raise DataError(f"access_points is a {kind}; a sequence of names is expected")
    names = tuple(access_points)
    if odd := [name for name in names if not isinstance(name, str)]:
        raise DataError(f"{odd[0]!r} is no access point's name; text is expected")
    return names


@lru_cache(2**16)
def match_key(name: str) -> str:
    """What all spellings of an access point share: case and a MAC's separators do not count."""
    key = name.strip().casefold()
    # R and MATLAB write X in front of a column that begins with a digit.
    mac = re.fullmatch("x?([0-9a-f]{12})", re.sub("[-:._]", "", key))
    return mac[1] if mac else key


def names_alike(names: Iterable[str]) -> list[str]:
    """The first names that are spellings of one; empty: all are different."""
    spellings: dict[str, list[str]] = {}
    for name in names:
        spellings.setdefault(match_key(name), []).append(name)
    return next((alike for alike in spellings.values() if len(alike) > 1), [])


def count_repeated(
    part: Fingerprints, radio_map: Fingerprints, *, at_position: bool = False
) -> int:
    """How many fingerprints of a part have the readings (and position) of one of the radio map."""
    rows = lambda one: (  # noqa: E731
        np.hstack([one.rss_dbm, one.position_m]) if at_position else one.rss_dbm
    )
    known = {row.tobytes() for row in rows(radio_map)}
    return sum(row.tobytes() in known for row in rows(part))


@dataclass(frozen=True, eq=False, repr=False)
class Site:
    """A dataset: its train and test part, which have the same access points in the same order.

    Args:
        name: the dataset's name.
        train: the fingerprints that networks and preprocessing are fitted on.
        test: the fingerprints that final figures are measured on.

    Raises:
        DataError: the parts' access points differ in name or order, or the parts are swapped.

    Example:
        >>> from rsstl_jax.data import make_synthetic_site
        >>> make_synthetic_site("synthetic-office")
        <Site synthetic-office
          train: 600 fingerprints, 60 access points, 53% detected, 59.4 x 19.9 m, 3 floors
          test: 200 fingerprints, 60 access points, 52% detected, 59.7 x 19.8 m, 3 floors>
    """

    name: str
    train: Fingerprints
    test: Fingerprints

    def __post_init__(self) -> None:
        if self.train.access_points != self.test.access_points:
            raise DataError(
                f"{self.name}: train and test must have the same access points in the same order"
            )
        if (self.train.part, self.test.part) == ("test", "train"):
            raise DataError(f"{self.name}: train and test are swapped")

    def __repr__(self) -> str:
        parts = [f"{part.part}: {part._summary()}" for part in (self.train, self.test)]
        return "\n  ".join([f"<Site {self.name}", *parts]) + ">"
