"""Reading the cards of students and bundles: JSON that somebody may have edited or broken."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from rsstl_jax.config.overrides import override
from rsstl_jax.config.retired import drop_retired
from rsstl_jax.config.schema import default_config
from rsstl_jax.data import Layout, Preprocessor
from rsstl_jax.data.readers.layout import make_layout
from rsstl_jax.errors import ConfigError, DamagedError, DataError
from rsstl_jax.store.files import read_sealed

_STUDENT = {
    "network": str,
    "model": dict,
    "dataset": str,
    "preprocessor": dict,
    "access_points": list,
}


def read_card(file: str | Path, fields: Mapping[str, type]) -> dict[str, Any]:
    """Reads a card that `write_sealed` wrote, and checks the fields that the reader needs."""
    card = read_sealed(file)
    for name, kind in fields.items():
        if name not in card:
            raise DamagedError(f"{file}: {name} is missing; {kind.__name__} is expected")
        if not isinstance(card[name], kind):
            found = type(card[name]).__name__
            raise DamagedError(f"{file}: {name} is of type {found}; {kind.__name__} is expected")
    return card


class StudentCard(NamedTuple):
    """What a student is, as its student.json says."""

    config: ConfigDict  # a configuration with its `network` and the network's `model` section
    preprocessor: Preprocessor  # from dBm to its input, and from its output to metres
    access_points: tuple[str, ...]  # names of its inputs, in their order
    dataset: str  # the site it was trained at
    num_support: int  # fingerprints that a network with a support is given
    layout: Layout  # how the site writes its scans


def read_student_card(file: str | Path) -> StudentCard:
    """Reads the student.json that `save_student` wrote."""
    card = read_card(file, _STUDENT)
    names = card["access_points"]
    if not names or not all(isinstance(n, str) for n in names) or len(set(names)) < len(names):
        raise DamagedError(f"{file}: access_points must be different names, at least one")
    config = default_config()
    try:
        override(config, {"network": card["network"], **drop_retired(card["model"])})
        preprocessor = Preprocessor.from_dict(card["preprocessor"])
    except (ConfigError, ValueError, TypeError, ArithmeticError) as error:
        raise DamagedError(f"{file}: {error}") from error
    layout, num_support = layout_of(card, file), card.get("num_support", 0)
    return StudentCard(config, preprocessor, tuple(names), card["dataset"], num_support, layout)


def layout_of(card: Mapping[str, Any], file: str | Path) -> Layout:
    """How a locator's site writes its scans; the card of an earlier version does not say it."""
    layout = card.get("layout", {})
    if not isinstance(layout, dict):
        raise DamagedError(f"{file}: layout is {layout!r}; a layout's fields are expected")
    try:
        return make_layout(layout)
    except DataError as error:
        raise DamagedError(f"{file}: layout: {error}") from error
