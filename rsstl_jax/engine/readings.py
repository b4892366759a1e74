"""Readings as a caller hands them to a localiser, checked before they are located."""

from collections.abc import Sequence

import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from rsstl_jax.data import Fingerprints, Preprocessor
from rsstl_jax.data.site import MAX_DBM
from rsstl_jax.errors import DataError


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
