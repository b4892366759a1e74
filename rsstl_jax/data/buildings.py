"""Which datasets share a building, so that no source comes from the target's own building."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from rsstl_jax.data.cards import CARDS
from rsstl_jax.data.site import Fingerprints
from rsstl_jax.data.synthetic import FLOOR_HEIGHT_M, SYNTHETIC_SITES
from rsstl_jax.errors import DataError

# Datasets without a card, by one that has a card and was surveyed in the same building.
_SAME_BUILDING = {
    **dict.fromkeys(("tut1", "tut3", "tut4", "tut6"), "tampere"),
    **dict.fromkeys(("tut2", "tut5"), "tut7"),
    **dict.fromkeys(("uji1", "uji2"), "uji"),
}


def building_of(dataset: str) -> str:
    """The building of a dataset as its card names it, else the dataset's own name."""
    name = dataset.lower()
    card = CARDS.get(_SAME_BUILDING.get(name, name))
    return card.building if card else name


def floor_height_m(dataset: str) -> float:
    """How far apart the floors of a dataset are, metres; 0 where nobody published it."""
    if dataset in SYNTHETIC_SITES:
        return FLOOR_HEIGHT_M
    return CARDS[dataset].floor_height_m if dataset in CARDS else 0.0


def is_web_mercator(dataset: str) -> bool:
    """Whether a dataset's positions are known to be in Web Mercator (EPSG:3857)."""
    return dataset in CARDS and "EPSG:3857" in CARDS[dataset].coordinates


def check_sources(target: str, sources: Sequence[str]) -> None:
    """DataError for no source, one that is named twice, or one from the target's own building."""
    if isinstance(sources, str):
        raise DataError(f"sources is {sources!r}; a list of names is expected, as name_list makes")
    if not sources:
        raise DataError(
            "sources is empty; name at least one dataset, such as uji,tut7, that is not the target "
            f"{target}"
        )
    for source in sources:
        if sources.count(source) > 1:
            raise DataError(f"source {source} is named twice; name each dataset once")
        if building_of(source) == building_of(target):
            raise DataError(
                f"source {source} was surveyed in the same building as the target {target} "
                f"({building_of(target)}); take a source from another building"
            )


def check_no_copy(target: Fingerprints, source: Fingerprints) -> None:
    """Raises `DataError` for a source that holds most of the target's fingerprints."""
    known = set(_contents(source))
    number = sum(content in known for content in _contents(target))
    if 2 * number > len(target):
        raise DataError(
            f"source {source.dataset} has {number} of the {len(target)} fingerprints of the target "
            f"{target.dataset}, under another name; take a source from another building"
        )


def _contents(part: Fingerprints) -> Iterator[bytes]:
    """Levels and position of each fingerprint, whatever its access points are called."""
    levels = np.sort(part.rss_dbm, axis=1)  # undetected ones are last
    detected = np.isfinite(levels).sum(axis=1)
    for row, number, position_m in zip(levels, detected, part.position_m, strict=True):
        yield row[:number].tobytes() + position_m.tobytes()


def recognise(part: Fingerprints) -> str:
    """The known dataset whose train positions a part has, in any order or origin; empty: none."""
    digest = positions_digest(part)
    return next((card.name for card in CARDS.values() if card.train_positions == digest), "")


def positions_digest(part: Fingerprints) -> str:
    """16 hexadecimal digits of the sorted positions, to the millimetre, from the least x and y."""
    # Positions are written in tenths of a millimetre and more: none lies on an edge of the bins.
    away_mm = np.floor((part.position_m - part.position_m.min(axis=0)) * 1000 + 0.37)
    rows = away_mm.astype("<i8")
    ordered = rows[np.lexsort(rows.T)]
    return hashlib.sha256(np.ascontiguousarray(ordered).tobytes()).hexdigest()[:16]
