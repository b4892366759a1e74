"""Which datasets share a building: between them nothing is transferred from site to site."""

from collections.abc import Sequence

from rsstl_jax.data.cards import CARDS
from rsstl_jax.errors import DataError

__all__ = ["building_of", "check_sources"]

# Sets that were surveyed in the building of a known one, and have no card of their own.
_SAME_BUILDING = {
    "tut1": "tampere",
    "tut3": "tampere",
    "tut4": "tampere",
    "tut6": "tampere",
    "tut2": "tut7",
    "tut5": "tut7",
}


def building_of(dataset: str) -> str:
    """The building in which a dataset was surveyed.

    Args:
        dataset: its name; upper and lower case are the same.

    Returns:
        The building as the data cards name it; the dataset's own name where it is not known.

    Example:
        >>> building_of("tut3") == building_of("tampere"), building_of("my-office")
        (True, 'my-office')
    """
    name = dataset.lower()
    card = CARDS.get(_SAME_BUILDING.get(name, name))
    return card.building if card else name


def check_sources(target: str, sources: Sequence[str]) -> None:
    """Refuses sources from the target's own building, since nothing is transferred between them.

    Args:
        target: dataset that is located in.
        sources: datasets that are learnt from.

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
