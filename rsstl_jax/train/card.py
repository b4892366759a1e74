"""Reading the cards of students and bundles: JSON that somebody may have edited or broken."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from rsstl_jax.config import ConfigError, default_config
from rsstl_jax.data import DataError, Preprocessor
from rsstl_jax.overrides import override

__all__ = ["StudentCard", "read_card", "read_student_card"]

_STUDENT = {
    "network": str,
    "model": dict,
    "dataset": str,
    "preprocessor": dict,
    "access_points": list,
}


def read_card(file: str | Path, fields: Mapping[str, type]) -> dict[str, Any]:
    """Reads a JSON object and checks that it has the fields that the reader needs.

    Args:
        file: the card.
        fields: {name: what JSON makes of its value}; others may stand beside them.

    Returns:
        The object.

    Raises:
        DataError: if it is no JSON object, or a field is missing or of another type; the message
            names file and field.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "card.json")
        >>> _ = file.write_text('{"network": 3}')
        >>> try:
        ...     read_card(file, {"network": str})
        ... except DataError as error:
        ...     print(str(error).rpartition("card.json: ")[2])
        network is of type int; str is expected
    """
    try:
        card = json.loads(Path(file).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}: is not JSON ({error})") from error
    if not isinstance(card, dict):
        raise DataError(f"{file}: is a {type(card).__name__}; a JSON object is expected")
    for name, kind in fields.items():
        if name not in card:
            raise DataError(f"{file}: {name} is missing; {kind.__name__} is expected")
        if not isinstance(card[name], kind):
            found = type(card[name]).__name__
            raise DataError(f"{file}: {name} is of type {found}; {kind.__name__} is expected")
    return card


class StudentCard(NamedTuple):
    """What a student is, as its student.json says.

    Args:
        config: a configuration with its `network` and the network's `model` section.
        preprocessor: from dBm to its input, and from its output to metres.
        access_points: names of its inputs, in their order.
        dataset: the site it was trained at.

    Example:
        >>> from rsstl_jax.config import default_config
        >>> import numpy as np
        >>> preprocessor = Preprocessor("raw", 1.0, -100.0, np.zeros(2), 7.5)
        >>> StudentCard(default_config(), preprocessor, ("AP1",), "home").dataset
        'home'
    """

    config: ConfigDict
    preprocessor: Preprocessor
    access_points: tuple[str, ...]
    dataset: str


def read_student_card(file: str | Path) -> StudentCard:
    """Reads the student.json that `save_student` wrote.

    Args:
        file: the card.

    Returns:
        StudentCard.

    Raises:
        DataError: if something is missing, of another type or impossible; the message names file
            and field.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "student.json")
        >>> _ = file.write_text("[]")
        >>> try:
        ...     read_student_card(file)
        ... except DataError as error:
        ...     print(str(error).rpartition("student.json: ")[2])
        is a list; a JSON object is expected
    """
    card = read_card(file, _STUDENT)
    names = card["access_points"]
    if not names or not all(isinstance(n, str) for n in names) or len(set(names)) < len(names):
        raise DataError(f"{file}: access_points must be different names, at least one")
    config = default_config()
    try:
        override(config, {"network": card["network"], **card["model"]})
        preprocessor = Preprocessor.from_dict(card["preprocessor"])
    except (ConfigError, ValueError, TypeError, ArithmeticError) as error:
        raise DataError(f"{file}: {error}") from error
    return StudentCard(config, preprocessor, tuple(names), card["dataset"])
