"""`Layout`: how a site's tables are written where that differs from the standard form."""

import math
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.config.rules import name_text
from rsstl_jax.data.readers.archives import find_file
from rsstl_jax.errors import DataError, MissingDataError
from rsstl_jax.store.files import parse_json, write_json

LAYOUT_FILE = "layout.json"
POSITIONS = ("metres", "degrees", "feet")
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabulators", "|": "vertical bars"}
METRES_PER_FOOT = 0.3048
USES = ("x", "y", "floor", "building", "phone", "time")
MAX_LONGITUDE, MAX_LATITUDE = 180.0, 90.0


@dataclass(frozen=True)
class Layout:
    r"""How the tables of a site are written; the defaults are the standard form.

    A file layout.json in the site's folder holds the fields that differ, and every command reads
    the site by it. `rsstl check_site --write` makes that file.

    Args:
        x: name of the column with x or the longitude.
        y: name of the column with y or the latitude.
        floor: name of the column with the floor. It may be absent under its usual name.
        building: name of the column with the building, likewise; empty: it is not read.
        access_point_prefix: what the names of access points start with. Empty: every column that
            has no other use is an access point.
        undetected: the values that stand for an access point that was not detected.
        empty_is_undetected: whether an empty cell stands for that, too.
        ignore: names of columns that are not read, in small or capital letters.
        delimiter: what separates the columns: ',', ';', '\t' or '|'.
        decimal: the decimal point of numbers: '.' or ','.
        positions: the unit of x and y: 'metres', 'feet', or 'degrees' of longitude and latitude.
        origin: longitude and latitude that degrees are projected around. None: their mean over
            the train part.
        phone: name of the column with the name of the phone; empty: it is not read.
        time: name of the column with the time: seconds since 1970, or such as 2013-06-20 07:35;
            without a time zone it is UTC. Empty: it is not read.

    Raises:
        DataError: a field has a value that it cannot have; the message names it.

    Example:
        >>> layout = Layout(positions="degrees", origin=(24.9, 60.2), undetected=(-110,))
        >>> layout.to_metres(np.array([[24.901, 60.2], [24.9, 60.201]])).round(2).tolist()
        [[55.46, 0.0], [0.0, 111.42]]
        >>> Layout(delimiter="semicolon")
        Traceback (most recent call last):
        ...
        rsstl_jax.errors.DataError: delimiter is 'semicolon'; it must be one of ',', ';', '\t', '|'
    """

    x: str = "x"
    y: str = "y"
    floor: str = "floor"
    building: str = "building"
    access_point_prefix: str = ""
    undetected: tuple[float, ...] = (100.0,)
    empty_is_undetected: bool = False
    ignore: tuple[str, ...] = ()
    delimiter: str = ","
    decimal: str = "."
    positions: str = "metres"
    origin: tuple[float, float] | None = None
    phone: str = ""
    time: str = ""

    def __post_init__(self) -> None:
        for name in ("undetected", "ignore", "origin"):
            if isinstance(values := getattr(self, name), list | tuple):
                plain = tuple(v.item() if isinstance(v, np.generic) else v for v in values)
                object.__setattr__(self, name, plain)
        for name in (*USES, "access_point_prefix"):
            self._demand(isinstance(getattr(self, name), str), name, "be text")
        for number, name in enumerate(USES):
            column, others = getattr(self, name), USES[:number]
            self._demand(column or name not in ("x", "y"), name, "be a column's name")
            same = [other for other in others if column and getattr(self, other) == column]
            self._demand(not same, name, f"be another column than {', '.join(same)}")
        self._demand(_all_numbers(self.undetected), "undetected", "be a list of finite numbers")
        names = isinstance(self.ignore, tuple) and all(isinstance(n, str) for n in self.ignore)
        self._demand(names, "ignore", "be a list of columns' names")
        ignored = {name.casefold() for name in self.ignore}
        for name in USES:
            column = getattr(self, name)
            chosen = name in ("x", "y") or column != getattr(Layout, name)
            taken = column and chosen and column.casefold() in ignored
            self._demand(not taken, "ignore", f"leave {column} alone, which {name} names")
        switch = self.empty_is_undetected
        self._demand(isinstance(switch, bool), "empty_is_undetected", "be true or false")
        choices = {"delimiter": DELIMITERS, "decimal": (".", ","), "positions": POSITIONS}
        for name, known in choices.items():
            needed = f"be one of {', '.join(map(repr, known))}"
            self._demand(getattr(self, name) in tuple(known), name, needed)
        if self.positions == "degrees":
            for name, wrong in (("x", "latitude"), ("y", "longitude")):
                needed = f"not be a {wrong}: x is the longitude, y the latitude"
                self._demand(_degrees_in(getattr(self, name)) != wrong, name, needed)
        if self.origin is not None:
            limits = MAX_LONGITUDE, MAX_LATITUDE
            two = _all_numbers(self.origin) and len(self.origin) == 2
            on_earth = two and (np.abs(self.origin) <= limits).all()
            self._demand(on_earth, "origin", "be a longitude and a latitude")
            self._demand(self.positions == "degrees", "origin", "be left out but for degrees")

    def _demand(self, condition: object, name: str, needed: str) -> None:
        if not condition:
            raise DataError(f"{name} is {getattr(self, name)!r}; it must {needed}")

    def to_metres(self, position: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions in the table's unit, float64[n, 2], as metres; degrees on WGS 84."""
        if self.positions == "metres":
            return position
        if self.positions == "feet":
            return position * METRES_PER_FOOT
        if self.origin is None:
            raise ValueError("origin is None; degrees are projected around an origin")
        return (position - np.array([self.origin])) * np.array([_metres_per_degree(self.origin[1])])


def _all_numbers(values: object) -> bool:
    return isinstance(values, tuple) and all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        for value in values
    )


_DEGREES = re.compile(
    r"(?:gps|geo|pos|position|coord)?"
    r"(?:(?P<latitude>lat|latitude|north|northing)|(?P<longitude>lng|long?|longitude|east|easting))"
    r"(?:deg)?"
)


def _degrees_in(column: str) -> str:
    """'latitude' or 'longitude' where a column's name says so; else empty."""
    match = _DEGREES.fullmatch(re.sub(r"[^a-z]", "", column.lower()))
    return (match.lastgroup or "") if match else ""


def _metres_per_degree(latitude: float) -> tuple[float, float]:
    """Of longitude and of latitude, on WGS 84: the usual series in the latitude."""
    phi = math.radians(latitude)
    east = 111_412.84 * math.cos(phi) - 93.5 * math.cos(3 * phi) + 0.118 * math.cos(5 * phi)
    north = 111_132.92 - 559.82 * math.cos(2 * phi) + 1.175 * math.cos(4 * phi)
    return east, north


def check_one_origin(here: Layout | None, there: Layout | None, dataset: str) -> None:
    """DataError where degrees are projected around two origins, so that their metres differ."""
    origins = [list(layout.origin) for layout in (here, there) if layout and layout.origin]
    if len(origins) == 2 and origins[0] != origins[1]:
        raise DataError(
            f"{dataset}: positions are metres from longitude and latitude {origins[0]} here, and "
            f"from {origins[1]} in a locator that was trained earlier; write "
            f'"origin": {origins[1]} into {LAYOUT_FILE}, or train the locator anew'
        )


def used_columns(layout: Layout) -> tuple[str, ...]:
    """Names of the columns that are read and are no access points."""
    return tuple(column for use in USES if (column := getattr(layout, use)))


def make_layout(values: Mapping[str, Any]) -> Layout:
    """A layout of the fields that are given; one value may stand for a list of one."""
    names = [field.name for field in fields(Layout)]
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
            raise DataError(f"{name!r} is no field of a layout; {hint}")
        is_list = name in ("undetected", "ignore", "origin")
        if is_list and not isinstance(value, list | tuple | None):
            value = [value]
        made[name] = value
    return Layout(**made)


def read_layout(folder: Path) -> Layout | None:
    """The layout that a site's folder or archive names; None: tables have the standard form."""
    for other in folder.glob("*.*"):
        is_read = other.name == LAYOUT_FILE and other.is_file()
        # Windows hides the ending .txt that its editor adds.
        if other.name.lower().removesuffix(".txt") == LAYOUT_FILE and not is_read:
            raise DataError(f"{other} is not read; a file of the name {LAYOUT_FILE} is expected")
    try:
        file = find_file(folder, LAYOUT_FILE)
    except MissingDataError:
        return None
    try:
        values = parse_json(file.read().decode("utf-8-sig"))
        if not isinstance(values, dict):
            raise DataError("is no JSON object of a layout's fields")
        return make_layout(values)
    except DataError as error:
        raise DataError(f"{file}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}: cannot be read as JSON ({error})") from error


def choose_layout(given: Layout | None, folder: Path) -> Layout | None:
    """The layout that is given, else the folder's."""
    if not isinstance(given, Layout | None):
        raise DataError(f"layout is {given!r}; a Layout is expected, as rsstl_jax.data has it")
    return given or read_layout(folder)


def layout_facts(layout: Layout) -> dict[str, Any]:
    """The fields that differ from the standard form, as `make_layout` reads them."""
    standard = asdict(Layout())
    return {name: value for name, value in asdict(layout).items() if value != standard[name]}


def write_layout(folder: Path, layout: Layout) -> Path:
    """Writes layout.json with the fields that differ from the standard form."""
    write_json(folder / LAYOUT_FILE, layout_facts(layout))
    return folder / LAYOUT_FILE


_REMEDY = re.compile(r"rsstl check_site --dataset=\.\.\. (.*?) --write")


def for_scans(message: str) -> str:
    """The same message with the remedy for scans: --layout, which replaces the site's own."""

    def describe(match: re.Match[str]) -> str:
        fields = " ".join(shlex.split(match[1])).replace("--", "").replace("=tab", r"=\t")
        return f"--layout=<the layout.json in use with {fields} added>"

    return _REMEDY.sub(describe, message)


def without_remedy(message: str, instead: str) -> str:
    """The same message where no layout can be stored."""
    return re.sub(_REMEDY.pattern + "[^;]*", instead, message)


_OF_BOTH = re.compile(r"rsstl check_site --dataset=\.\.\. '?--(delimiter|decimal|x|y)=.*")


@contextmanager
def advise_one_layout(train: str) -> Iterator[None]:
    """Errors of another part, where a flag that mends it would break the train part, say so."""
    try:
        yield
    except DataError as error:
        words = _OF_BOTH.sub(f"one layout reads both parts: write it as {train} is", str(error))
        raise error if words == str(error) else DataError(words) from error


def ignore_flag(*columns: str) -> str:
    """The flag that leaves these columns out."""
    return f"--ignore={name_text(columns)}"


def remedy(*flags: str) -> str:
    """The command that stores how a table is to be read."""
    return f"rsstl check_site --dataset=... {shlex.join(flags)} --write"
