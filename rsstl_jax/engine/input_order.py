"""What a locator is handed: which columns are which inputs, and what is no reading of its site."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsstl_jax.data import Fingerprints, Preprocessor
from rsstl_jax.data.site import MAX_DBM
from rsstl_jax.errors import DataError

if TYPE_CHECKING:
    from rsstl_jax.engine.locator import Locator


def in_order_of(locator: "Locator", part: Fingerprints) -> Fingerprints:
    """A part with its columns in the order of a locator's inputs."""
    if part.access_points == locator.access_points:
        return part
    column = {name.casefold(): index for index, name in enumerate(part.access_points)}
    if column.keys() == {name.casefold() for name in locator.access_points}:
        order = [column[name.casefold()] for name in locator.access_points]
        ordered_dbm = np.ascontiguousarray(part.rss_dbm[:, order])
        return replace(part, rss_dbm=ordered_dbm, access_points=locator.access_points)
    here, known = set(part.access_points), set(locator.access_points)
    unknown = [name for name in part.access_points if name not in known]
    missing = [name for name in locator.access_points if name not in here]
    words = [
        f"{verb} {len(names)} that {what} {shown_names(names, most=5)}"
        for verb, what, names in (
            ("has", "the student does not know", unknown),
            ("lacks", "it needs", missing),
        )
        if names
    ]
    raise DataError(
        f"{part.dataset}: the student of {locator.dataset} knows {len(known)} access points; the "
        f"dataset {' and '.join(words)}"
    )


def shown_names(names: Sequence[str], *, most: int = 3) -> str:
    """The first few of them in brackets."""
    return f"({', '.join([*names[:most], *(['...'] if len(names) > most else [])])})"


def check_rows(rss_dbm: ArrayLike, access_points: Sequence[str]) -> NDArray[np.float32]:
    """Readings as float32[n, A]; DataError where they are no such rows, or one is above 0 dBm."""
    rows = np.asarray(rss_dbm, np.float32)
    if rows.ndim != 2 or rows.shape[1] != len(access_points) or not len(rows):
        raise DataError(
            f"rss_dbm has shape {list(rows.shape)}; [n, {len(access_points)}] is expected: a row "
            "for each fingerprint, a column for each access point"
        )
    if (rows > MAX_DBM).any():
        row, column = np.argwhere(rows > MAX_DBM)[0]
        raise DataError(
            f"rss_dbm, row {row}, access point {access_points[column]!r}: {rows[row, column]:g} is "
            f"above {MAX_DBM:g} dBm; undetected is NaN here"
        )
    return rows


def check_same_site(part: Fingerprints, preprocessor: Preprocessor, dataset: str) -> None:
    """DataError where a part lies elsewhere than the site that a localiser was fitted to."""
    away_m = part.position_m - preprocessor.origin_m
    apart_m = float(np.linalg.norm(away_m.mean(axis=0)))
    if apart_m > max(float(away_m.std(axis=0).max()), preprocessor.scale_m):
        raise DataError(
            f"{part.dataset}: its fingerprints lie {apart_m:,.0f} m from those of {dataset}, where "
            "the localiser was trained; floors and radii are read off a radio map of that site"
        )
