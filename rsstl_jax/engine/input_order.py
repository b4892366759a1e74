"""Which columns of a part are which inputs of a locator."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rsstl_jax.data import Fingerprints
from rsstl_jax.data.readers.columns import shown
from rsstl_jax.data.site import match_key
from rsstl_jax.engine.locator import Locator
from rsstl_jax.errors import DataError


def in_order_of(locator: Locator, part: Fingerprints) -> Fingerprints:
    """A part with its columns in the order of a locator's inputs."""
    if part.access_points == locator.access_points:
        return part
    column = {match_key(name): index for index, name in enumerate(part.access_points)}
    known = {match_key(name) for name in locator.access_points}
    if column.keys() == known:
        order = [column[match_key(name)] for name in locator.access_points]
        ordered_dbm = np.ascontiguousarray(part.rss_dbm[:, order])
        return replace(part, rss_dbm=ordered_dbm, access_points=locator.access_points)
    odd = {
        "has {} that it does not know": [
            n for n in part.access_points if match_key(n) not in known
        ],
        "lacks {} that it needs": [n for n in locator.access_points if match_key(n) not in column],
    }
    words = [f"{text.format(len(names))} ({shown(names)})" for text, names in odd.items() if names]
    raise DataError(
        f"{part.dataset}: the locator of {locator.dataset} knows {len(known)} access points; the "
        f"dataset {' and '.join(words)}"
    )


def shown_names(names: Sequence[str]) -> str:
    """The first three of them in brackets."""
    return f"({', '.join([*names[:3], *(['...'] if names[3:] else [])])})"
