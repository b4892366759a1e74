"""Which columns of a table are access points, and which of another part's columns they are."""

import logging
import re
from collections.abc import Sequence

from rsstl_jax.data.readers.layout import Layout, ignore_flag, remedy, used_columns
from rsstl_jax.data.readers.sheet import Sheet
from rsstl_jax.data.site import match_key, names_alike
from rsstl_jax.errors import DataError

# What columns that are no access points are usually called, without punctuation.
_OTHER_USES = re.compile(
    r"id|uid|uuid|index|idx|row|number|num|no|nr|user|username|device|phone|phonetype|model|brand|"
    r"timestamp|time|date|datetime|unixtime|epoch|scan|sample|sequence|seq|floor|floornumber|level|"
    r"storey|building|room|space|relativeposition|zone|area|site|z|height|altitude|elevation|lat|"
    r"latitude|lon|lng|long|longitude|x|y|[xy](c?m|ft|feet)|pos[xy]|position[xy]|coord[xy]|heading|"
    r"bearing|orientation|azimuth|direction|angle|speed|accuracy|label|class|target|point|position|"
    r"location|referencepoint|rp|session|track|mac|bssid|ssid|rssi|rss|dbm|signal|frequency|channel"
)
_IDENTIFIER = re.compile(
    r"(.*[_\-. ])?id|unnamed: \d+|"
    r"(user|device|phone|scan|sample|floor|level|building|room|space|zone|area|site|position|"
    r"point|location|session|track)(id|no|number|index|name)"
)
_MEANT = {
    "x": re.compile(r"(x|east|easting)(m|ft|feet)?|lon|lng|long|longitude|(pos|position|coord)x"),
    "y": re.compile(r"(y|north|northing)(m|ft|feet)?|lat|latitude|(pos|position|coord)y"),
    "floor": re.compile(r"floor(id|no|number|index)?|level(id)?|storey"),
    "building": re.compile(r"building(id|no|number|index)?"),
}
_IN_FEET = re.compile(r"(ft|feet)\W*$", re.IGNORECASE)
MAX_SHOWN = 10
# The keys of a record of one reading, and the columns of a table that has a row for each.
NAME_KEYS = ("mac", "bssid", "id", "name")
LEVEL_KEYS = ("rssi", "rss", "level", "dbm", "signal")

_log = logging.getLogger(__name__)


def require_positions(sheet: Sheet) -> None:
    """Refuses a table without positions, and says which columns may hold them."""
    layout = sheet.layout
    try:
        sheet.require((layout.x, layout.y))
    except DataError as error:
        missing = [name for name in ("x", "y") if getattr(layout, name) not in sheet.columns]
        meant = [f"--{name}={_meant(sheet, name) or '...'}" for name in missing]
        if layout.positions == "metres" and all(map(_IN_FEET.search, meant)):
            meant.append("--positions=feet")
        raise DataError(f"{error}; {remedy(*meant)} names another") from None


def _meant(sheet: Sheet, name: str) -> str:
    """The column that seems to hold x, y, floor or building; empty: there is none."""
    return next((c for c in sheet.columns if _MEANT[name].fullmatch(_plain(c))), "")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def access_point_columns(sheet: Sheet, *, is_radio_map: bool) -> tuple[str, ...]:
    """The columns of access points; those of a radio map must not look like something else."""
    layout = sheet.layout
    # A label of an empty name is not read.
    unread = [name for name in ("floor", "building") if not getattr(layout, name)]
    used = (*used_columns(layout), *unread)
    ignored = {name.casefold() for name in layout.ignore}
    names = tuple(
        column
        for column in sheet.columns
        if column.casefold().startswith(layout.access_point_prefix.casefold())
        and column not in used
        and column.casefold() not in ignored
    )
    if alike := names_alike(names):
        raise DataError(
            f"{sheet.file}, line 1: the access points {alike[0]!r} and {alike[1]!r} are one: small "
            "and capital letters and a MAC's separators do not count; give one another name"
        )
    if is_radio_map:
        if not names:
            prefix = layout.access_point_prefix
            which = f" that starts with {prefix!r} (access_point_prefix)" if prefix else ""
            raise DataError(f"{sheet.file}, line 1: names no access point{which}")
        _refuse_rows_of_readings(sheet, names)
        _check_uses(sheet, names)
        _warn_of_labels(sheet, names)
        absent = ignored - {column.casefold() for column in sheet.columns}
        if absent:
            _log.warning("%s has no column %s, which is to be ignored", sheet.file, shown(absent))
    return names


def _refuse_rows_of_readings(sheet: Sheet, names: Sequence[str]) -> None:
    """Refuses a table with a row for each reading, also where the names' column is ignored."""
    mac = [column for column in sheet.columns if column.casefold() in ("mac", "bssid")]
    level = [name for name in names if name.casefold() in LEVEL_KEYS]
    if mac and level:
        raise DataError(f"{sheet.file}, line 1: {rows_of_readings(mac[0], level[0])}")


def rows_of_readings(*columns: str) -> str:
    """What is wrong with a table whose rows are readings, as these columns show."""
    return (
        f"has a row for each reading, as {' and '.join(columns)} show; a row for each scan is "
        "expected, with a column for each access point (pandas: pivot_table)"
    )


def _warn_of_labels(sheet: Sheet, names: Sequence[str]) -> None:
    """Warns of floors and buildings that the prefix of access points alone leaves out."""
    ignored = {name.casefold() for name in sheet.layout.ignore}
    for label in ("floor", "building"):
        column, named = _meant(sheet, label), getattr(sheet.layout, label)
        unread = column and column not in names and column.casefold() not in ignored
        if unread and named and named not in sheet.columns:
            flag = remedy(f"--{label}={column}")
            _log.warning("%s: %s is not read; %s reads the %s", sheet.file, column, flag, label)


def _check_uses(sheet: Sheet, names: Sequence[str]) -> None:
    """Refuses names that say that a column is no access point."""
    if odd := [name for name in names if has_other_use(name)]:
        flag = remedy(ignore_flag(*odd))
        for label in ("floor", "building"):
            given = getattr(sheet.layout, label) in sheet.columns
            if not given and (meant := _meant(sheet, label)):
                flag = f"{remedy(f'--{label}={meant}')} reads the {label}, {flag}"
        raise DataError(
            f"{sheet.file}, line 1: columns that would be read as access points look like "
            f"something else: {shown(odd)}; {flag} leaves them out, and an access point of such a "
            "name needs another"
        )


def has_other_use(name: str) -> bool:
    """Whether a column's name says that it is no access point."""
    return bool(_OTHER_USES.fullmatch(_plain(name)) or _IDENTIFIER.fullmatch(name.lower()))


def match_access_points(
    access_points: Sequence[str], radio_map: str, sheet: Sheet, *, must_match: bool
) -> list[str | None]:
    """The column of each access point of the radio map in another part; None: it is not there."""
    columns = {match_key(name): name for name in access_point_columns(sheet, is_radio_map=False)}
    found = [columns.pop(match_key(name), None) for name in access_points]
    lacking = [n for n, column in zip(access_points, found, strict=True) if column is None]
    names = {"unknown to the train part:": [*columns.values()], "lacking:": lacking}
    faults = [f"{text} {shown(odd)}" for text, odd in names.items() if odd]
    if faults and (must_match or len(lacking) == len(access_points)):
        raise DataError(
            f"{sheet.file}, line 1: must name the same access points as {radio_map}; "
            + "; ".join(faults)
        )
    if faults:
        _log.warning(
            "%s names other access points than %s: %s. The unknown are not read, the lacking count "
            "as undetected",
            *(sheet.file, radio_map, "; ".join(faults)),
        )
    return found


def label_columns(sheet: Sheet) -> list[str]:
    """The columns of labels; one that the layout names itself must be there."""
    layout, usual = sheet.layout, (Layout.floor, Layout.building)
    labels = used_columns(layout)[2:]
    named = [name for name in labels if name not in usual]
    sheet.require(named)
    ignored = {name.casefold() for name in layout.ignore}
    return [n for n in labels if n in sheet.columns and n.casefold() not in ignored]


def shown(names: Sequence[str] | set[str]) -> str:
    """The first few names of a list, and how many there are."""
    names = sorted(names) if isinstance(names, set) else list(names)
    more = f" ... ({len(names)} in all)" if names[MAX_SHOWN:] else ""
    return ", ".join(names[:MAX_SHOWN]) + more
