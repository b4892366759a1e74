"""The data card of a part: what its fingerprints are, in a few lines."""

import numpy as np
from numpy.typing import NDArray

from rsstl_jax.data.readers.columns import shown
from rsstl_jax.data.site import Fingerprints, count_repeated
from rsstl_jax.data.splits import position_numbers


def describe(part: Fingerprints, radio_map: Fingerprints | None = None) -> dict[str, str]:
    """{what is described: its values}, in the order in which they are read."""
    detected = ~np.isnan(part.rss_dbm)
    samples = np.bincount(position_numbers(part))
    low_m, high_m = part.position_m.min(axis=0), part.position_m.max(axis=0)
    width_m, depth_m = high_m - low_m
    readings = part.rss_dbm[detected]
    about = {
        "fingerprints": f"{len(part):,}, of {len(samples):,} positions: {_spread(samples)} at each",
        "extent": f"{width_m:,.1f} x {depth_m:,.1f} m; x {low_m[0]:,.1f}...{high_m[0]:,.1f}, "
        f"y {low_m[1]:,.1f}...{high_m[1]:,.1f}",
        "floors": _labels(part.floor),
        "buildings": _labels(part.building),
        "access points": f"{part.num_access_points:,}: {_spread(detected.sum(axis=1))} detected in "
        f"a fingerprint, {detected.mean():.1%} of all cells",
        "levels": f"{readings.min():g}...{readings.max():g} dBm, median {np.median(readings):g}"
        if readings.size
        else "none: no access point was detected anywhere",
    }
    about |= {f"{kind}s": _labels(of_kind) for kind, of_kind in part.groups().items()}
    about |= _oddities(part, detected)
    if radio_map and (repeated := count_repeated(part, radio_map)):
        about["in train, too"] = f"the readings of {repeated:,} fingerprints"
    return about


def _oddities(part: Fingerprints, detected: NDArray[np.bool_]) -> dict[str, str]:
    """What is there but tells nothing."""
    about: dict[str, str] = {}
    never = ~detected.any(axis=0)
    filled = np.where(detected, part.rss_dbm, np.float32(100))
    constant = (filled == filled[:1]).all(axis=0) & ~never & (len(part) > 1)
    for noun, columns in (("never detected", never), ("constant", constant)):
        if columns.any():
            names = [part.access_points[index] for index in np.flatnonzero(columns)]
            about[noun] = f"{columns.sum():,} access points: {shown(names)}"
    if empty := int((~detected.any(axis=1)).sum()):
        about["empty"] = f"{empty:,} fingerprints without a reading"
    if repeated := len(part) - len(np.unique(filled, axis=0)):
        about["repeated"] = f"{repeated:,} fingerprints have the readings of another one"
    return about


def _spread(counts: NDArray[np.integer]) -> str:
    if counts.min() == counts.max():
        return f"{counts.min():,}"
    return f"{counts.min():,} to {counts.max():,} (median {np.median(counts):g})"


def _labels(labels: NDArray[np.int32] | NDArray[np.str_] | None) -> str:
    if labels is None:
        return "not named"
    values, counts = np.unique(labels, return_counts=True)
    return ", ".join(f"{value}: {count:,}" for value, count in zip(values, counts, strict=True))
