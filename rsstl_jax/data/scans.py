"""Scans as a receiver reports them, as the rows that a network takes."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.data.site import MAX_DBM, MIN_DBM
from rsstl_jax.errors import DataError


def scans_to_rss_dbm(
    scans: Sequence[Mapping[str, float]], access_points: Sequence[str], *, dataset: str
) -> NDArray[np.float32]:
    """Scans as rows of the readings of known access points.

    Args:
        scans: for each scan {an access point's name: its level, dBm}. Access points that are not
            known are left out, and known ones may be missing.
        access_points: names of the A known ones, in the order of the columns.
        dataset: name of the site that they belong to, for messages.

    Returns:
        float32[n, A]. dBm, NaN where undetected.

    Raises:
        DataError: there is no scan, one has no access point that is known, or a level is outside
            -130...0 dBm; the message names the scan by its index.

    Example:
        >>> scans_to_rss_dbm([{"hall": -61.0, "a telephone": -40.0}], ("hall",), dataset="home")
        array([[-61.]], dtype=float32)
        >>> scans_to_rss_dbm([{"hall": -61.0}, {"hall": 61.0}], ("hall",), dataset="home")
        Traceback (most recent call last):
        ...
        rsstl_jax.errors.DataError: scan 1, access point 'hall': 61.0 lies outside -130...0 dBm;
        what was not detected is left out
    """
    if not scans:
        raise DataError("scans is empty; at least one scan is needed")
    column = {name: index for index, name in enumerate(access_points)}
    rss_dbm = np.full((len(scans), len(column)), np.nan, np.float32)
    for row, scan in enumerate(scans):
        known = scan.keys() & column.keys()
        if not known:
            raise DataError(
                f"scan {row}: none of its {len(scan)} access points is among the "
                f"{len(column)} that the student of {dataset} knows"
            )
        for name in known:
            if not MIN_DBM <= scan[name] <= MAX_DBM:
                raise DataError(
                    f"scan {row}, access point {name!r}: {scan[name]!r} lies outside "
                    f"{MIN_DBM:g}...{MAX_DBM:g} dBm; what was not detected is left out"
                )
            rss_dbm[row, column[name]] = scan[name]
    return rss_dbm


def pad_rows(rss_dbm: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows without a reading added until there are 1, 2, 4, 8, ... of them.

    A program is compiled for every number of rows: this way for few numbers.
    """
    missing = (1 << (len(rss_dbm) - 1).bit_length()) - len(rss_dbm)
    return np.pad(rss_dbm, ((0, missing), (0, 0)), constant_values=np.nan)
