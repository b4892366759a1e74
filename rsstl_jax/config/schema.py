"""The one configuration schema: its defaults, and the checks of every field."""

import difflib
from collections.abc import Iterable
from typing import Any

from ml_collections import ConfigDict, config_dict

from rsstl_jax.config.all_fields import FIELDS
from rsstl_jax.config.contradictions import find_contradiction
from rsstl_jax.config.retired import refuse_retired
from rsstl_jax.config.rules import is_number
from rsstl_jax.errors import ConfigError, shown_name

LARGEST, SMALLEST = 2**31 - 1, 2.0**-126
"""What single precision and 32-bit counters hold: the sizes of numbers other than 0."""


def default_config() -> ConfigDict:
    """Every field at the paper's value, as a locked ConfigDict.

    Returns:
        ConfigDict. Config files override its fields and add none; `FIELDS` says what each means.

    Example:
        >>> config = default_config()
        >>> config.train.batch_size, config.distill.margin
        (128, 0.2)
    """
    config = ConfigDict()
    for path, field in FIELDS.items():
        *sections, name = path.split(".")
        node = config
        for section in sections:
            if section not in node:
                node[section] = ConfigDict()
            node = node[section]
        # None is of a whole number's field.
        node[name] = config_dict.placeholder(int) if field.default is None else field.default
    return config.lock()


def flatten(config: ConfigDict, prefix: str = "") -> dict[str, Any]:
    """Every field of a configuration, or of a section of one, by its dotted name."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        path = f"{prefix}{name}"
        if isinstance(value, ConfigDict) and len(value):
            flat |= flatten(value, path + ".")
        else:
            flat[path] = value
    return flat


def check_config(config: object) -> None:
    """Refuses what is no configuration, such as the name of one."""
    if not isinstance(config, ConfigDict):
        raise ConfigError(
            f"config is {config!r}; a configuration is expected, as default_config() or "
            "make_config() make one"
        )


def check_names(paths: Iterable[str]) -> None:
    """Refuses the first of these dotted names that is no field, and names the nearest."""
    for path in paths:
        if path not in FIELDS:
            refuse_retired(path)
            hint = f"; did you mean {near}?" if (near := nearest_field(path)) else ""
            raise ConfigError(f"{shown_name(path)} is not a field of the configuration{hint}")


def nearest_field(path: str) -> str:
    """The field that a dotted name, or the last part of one, may have meant; empty: none."""
    inside = [full for full in FIELDS if f".{path}." in f".{full}."]
    near = inside or difflib.get_close_matches(path, FIELDS, n=1)
    return near[0] if near else ""


def check_value(path: str, value: Any) -> None:
    """Refuses a value that breaks the rule of its field, or that single precision cannot hold."""
    if not FIELDS[path].rule.holds(value):
        raise ConfigError(f"{path} is {value!r}; it must be {FIELDS[path].rule.words}")
    for number in value if isinstance(value, tuple | list) else (value,):
        if is_number(number) and number != 0 and not SMALLEST <= abs(number) <= LARGEST:
            raise ConfigError(
                f"{path} is {value!r}; "
                f"a number must be 0 or of a size from {SMALLEST:.2g} to {LARGEST}"
            )


def validate(config: ConfigDict) -> None:
    """Checks every field and their combinations before anything runs.

    Args:
        config: a full configuration.

    Raises:
        ConfigError: if a field is unknown, missing, of the wrong type or range, or if fields
            contradict each other; the message names the field and what would be right.

    Example:
        >>> config = default_config()
        >>> config.train.epochs = 0
        >>> validate(config)
        Traceback (most recent call last):
        ...
        rsstl_jax.errors.ConfigError: train.epochs is 0; it must be a whole number of at least 1
    """
    check_config(config)
    flat = flatten(config)
    check_names(flat)
    for path, field in FIELDS.items():
        if path not in flat:
            raise ConfigError(f"{path} is missing; it must be {field.rule.words}")
        check_value(path, flat[path])
    if contradiction := find_contradiction(config):
        raise ConfigError(contradiction)
