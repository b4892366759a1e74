"""Which datasets share a building, so that no source comes from the target's own building."""

from collections.abc import Sequence

from rsstl_jax.data.cards import CARDS
from rsstl_jax.errors import DataError

# Datasets without a card, by one that has a card and was surveyed in the same building.
_SAME_BUILDING = {
    "tut1": "tampere",
    "tut3": "tampere",
    "tut4": "tampere",
    "tut6": "tampere",
    "tut2": "tut7",
    "tut5": "tut7",
}


def building_of(dataset: str) -> str:
    """The building of a dataset as its card names it, else the dataset's own name."""
    name = dataset.lower()
    card = CARDS.get(_SAME_BUILDING.get(name, name))
    return card.building if card else name


def check_sources(target: str, sources: Sequence[str]) -> None:
    """Raises `DataError` for sources from the target's own building.

    Args:
        target: name of the dataset whose positions are predicted; upper and lower case are one.
        sources: names of the datasets that teachers are trained on.

    Raises:
        DataError: there is no source, one is named twice, or one comes from the target's building;
            the message names both and the building.

    Example:
        >>> check_sources("tampere", ["uji", "tut7"])
        >>> check_sources("tampere", ["uji", "tut3"])
        Traceback (most recent call last):
        ...
        rsstl_jax.errors.DataError: source tut3 was surveyed in the same building as the
        target tampere (Tampere University, the building of TUT1, TUT3, TUT4 and TUT6); take a
        source from another building
    """
    if not sources:
        raise DataError("sources is empty; name at least one dataset, such as uji,tut7")
    for source in sources:
        if sources.count(source) > 1:
            raise DataError(f"source {source} is named twice; name each dataset once")
        if building_of(source) == building_of(target):
            raise DataError(
                f"source {source} was surveyed in the same building as the target {target} "
                f"({building_of(target)}); take a source from another building"
            )
