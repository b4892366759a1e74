"""CSV files with a header, columns found by name: what a part of any of them is made of."""

import logging
from collections.abc import Sequence

import numpy as np

from rsstl_jax.data.readers.cells import (
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
    label_columns,
    match_access_points,
    require_positions,
)
from rsstl_jax.data.readers.sheet import Sheet
from rsstl_jax.data.site import Fingerprints, Site
from rsstl_jax.errors import DataError

_log = logging.getLogger(__name__)

Origin = tuple[float, float] | None

MAX_AWAY_M = 100_000.0
"""How far from an origin a site may lie: farther, a plane says little of the earth."""


def read_parts(name: str, train: Sheet, test: Sheet, *, must_match: bool) -> Site:
    """Both parts; the access points, their order and the origin are those of the train part."""
    for sheet in (train, test):
        require_positions(sheet)
    access_points = access_point_columns(train, is_radio_map=True)
    found = match_access_points(access_points, train.file, test, must_match=must_match)
    origin = find_origin(train)
    return Site(
        name,
        _read_part(name, "train", train, access_points, access_points, origin),
        _read_part(name, "test", test, access_points, found, origin),
    )


def read_train(name: str, sheet: Sheet) -> Fingerprints:
    """The train part alone."""
    require_positions(sheet)
    access_points = access_point_columns(sheet, is_radio_map=True)
    return _read_part(name, "train", sheet, access_points, access_points, find_origin(sheet))


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
    layout, labels = sheet.layout, label_columns(sheet)
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
        position_m=layout.to_metres(to_positions(sheet, numbers[position]), origin),
        floor=floor,
        building=building,
        access_points=access_points,
        layout=layout,
        phone=to_phones(sheet, texts[layout.phone]) if layout.phone in texts else None,
        time=to_times(sheet, texts[layout.time]) if layout.time in texts else None,
    )
