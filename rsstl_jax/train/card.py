"""Reading the cards of students and bundles: JSON that somebody may have edited or broken."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from rsstl_jax.config import ConfigError, default_config
from rsstl_jax.data import Preprocessor
from rsstl_jax.files import DamagedError, read_sealed
from rsstl_jax.overrides import override

__all__ = ["StudentCard", "read_card", "read_student_card"]

MOST_SUPPORT = 10**8
"""Fingerprints that no survey has."""

_STUDENT = {
    "network": str,
    "model": dict,
    "dataset": str,
    "preprocessor": dict,
    "access_points": list,
}


def read_card(file: str | Path, fields: Mapping[str, type]) -> dict[str, Any]:
    """Reads a card that `write_sealed` wrote, and checks the fields that the reader needs.

    Args:
        file: the card.
        fields: {name: what JSON makes of its value}; others may stand beside them.

    Returns:
        The object.

    Raises:
        DamagedError: if it is not the card that was written, or a field is missing or of another
            type; the message names file and field.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "card.json")
        >>> from rsstl_jax.files import write_sealed
        >>> write_sealed(file, {"network": 3})
        >>> try:
        ...     read_card(file, {"network": str})
        ... except DamagedError as error:
        ...     print(str(error).rpartition("card.json: ")[2])
        network is of type int; str is expected
    """
    card = read_sealed(file)
    for name, kind in fields.items():
        if name not in card:
            raise DamagedError(f"{file}: {name} is missing; {kind.__name__} is expected")
        if not isinstance(card[name], kind):
            found = type(card[name]).__name__
            raise DamagedError(f"{file}: {name} is of type {found}; {kind.__name__} is expected")
    return card


class StudentCard(NamedTuple):
    """What a student is, as its student.json says.

    Args:
        config: a configuration with its `network` and the network's `model` section.
        preprocessor: from dBm to its input, and from its output to metres.
        access_points: names of its inputs, in their order.
        dataset: the site it was trained at.
        num_support: fingerprints that a network with a support is given; 0: it has none.

    Example:
        >>> from rsstl_jax.config import default_config
        >>> import numpy as np
        >>> preprocessor = Preprocessor("raw", 1.0, -100.0, np.zeros(2), 7.5)
        >>> StudentCard(default_config(), preprocessor, ("AP1",), "home", 0).dataset
        'home'
    """

    config: ConfigDict
    preprocessor: Preprocessor
    access_points: tuple[str, ...]
    dataset: str
    num_support: int


def read_student_card(file: str | Path) -> StudentCard:
    """Reads the student.json that `save_student` wrote.

    Args:
        file: the card.

    Returns:
        StudentCard.

    Raises:
        DamagedError: if it is not the card that was written, or something in it is missing, of
            another type or impossible; the message names file and field.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "student.json")
        >>> from rsstl_jax.files import write_sealed
        >>> write_sealed(file, {"network": "dnn"})
        >>> try:
        ...     read_student_card(file)
        ... except DamagedError as error:
        ...     print(str(error).rpartition("student.json: ")[2])
        model is missing; dict is expected
    """
    card = read_card(file, _STUDENT)
    names = card["access_points"]
    if not names or not all(isinstance(n, str) for n in names) or len(set(names)) < len(names):
        raise DamagedError(f"{file}: access_points must be different names, at least one")
    num_support = card.get("num_support", 0)
    if not isinstance(num_support, int) or not 0 <= num_support <= MOST_SUPPORT:
        raise DamagedError(
            f"{file}: num_support is {num_support!r}; a whole number from 0 to {MOST_SUPPORT} "
            "is expected"
        )
    config = default_config()
    try:
        override(config, {"network": card["network"], **card["model"]})
        preprocessor = Preprocessor.from_dict(card["preprocessor"])
    except (ConfigError, ValueError, TypeError, ArithmeticError) as error:
        raise DamagedError(f"{file}: {error}") from error
    return StudentCard(config, preprocessor, tuple(names), card["dataset"], num_support)
