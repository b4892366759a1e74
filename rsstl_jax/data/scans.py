"""Scans as a receiver reports them, and the rows that a network takes."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.data.site import MAX_DBM, MIN_DBM
from rsstl_jax.errors import DataError

__all__ = ["pad_rows", "scans_to_rss_dbm"]


def scans_to_rss_dbm(
    scans: Sequence[Mapping[str, float]], access_points: Sequence[str], *, dataset: str
) -> NDArray[np.float32]:
    """Scans as rows of the readings of known access points.

    Args:
        scans: one mapping a scan: an access point's name to its level, dBm. Access points that are
            not known are left out, and known ones may be missing.
        access_points: names of the A known ones, in the order of the columns.
        dataset: the site that knows them, for messages.

    Returns:
        float32[n, A]. dBm, NaN where undetected.

    Raises:
        DataError: if there is no scan, one has no access point that is known, or a level is outside
            -130...0 dBm; the message names the scan by its index.

    Example:
        >>> scans_to_rss_dbm([{"hall": -61.0, "a telephone": -40.0}], ("hall",), dataset="home")
        array([[-61.]], dtype=float32)
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
    """Rows in which nothing was detected added until there are 1, 2, 4, 8, ... of them.

    A program is compiled for every number of rows that it meets: this way for few numbers.

    Args:
        rss_dbm: float32[n, A]. dBm, NaN where undetected.

    Returns:
        float32[m, A] with the least power of two m >= n.

    Example:
        >>> pad_rows(np.zeros((5, 3), np.float32)).shape
        (8, 3)
    """
    missing = (1 << (len(rss_dbm) - 1).bit_length()) - len(rss_dbm)
    return np.pad(rss_dbm, ((0, missing), (0, 0)), constant_values=np.nan)
