"""Setting fields by their names, from Python and from the command line."""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from rsstl_jax._rules import SHARE, Rule, whole
from rsstl_jax.config import ConfigError, check_names, check_value

__all__ = [
    "COUNT",
    "SEED",
    "SHARE",
    "check_overrides",
    "override",
    "read_assignments",
    "read_numbers",
]

SEED = whole(0)
"""What a seed on the command line is."""

COUNT = whole(1)
"""What a number of things on the command line is."""


def override(config: ConfigDict, fields: Mapping[str, Any]) -> None:
    """Sets fields by their dotted names; what is wrong is said as `validate` says it.

    Args:
        config: a full configuration; changed in place.
        fields: {dotted name: value}.

    Raises:
        ConfigError: if a field is unknown, which is told the nearest name, or a value breaks the
            field's rule; combinations are left to `validate`.

    Example:
        >>> from rsstl_jax import default_config
        >>> override(default_config(), {"trian.epochs": 3})
        Traceback (most recent call last):
        ...
        rsstl_jax.config.ConfigError: trian.epochs is not a field of the configuration; did you
        mean train.epochs?
    """
    check_names(fields)
    for path, value in fields.items():
        check_value(path, value)
        config.update_from_flattened_dict({path: value})


def read_assignments(texts: Sequence[str], *, flag: str = "--set") -> dict[str, Any]:
    """The fields of a flag that may be given many times, as --set=train.epochs=3.

    Args:
        texts: "field=value" each.
        flag: its name, for messages.

    Returns:
        {field: value}; a value that is no Python literal is a text.

    Raises:
        ConfigError: if there is no "=", or a field is set twice.

    Example:
        >>> read_assignments(["train.epochs=3", "teacher.noise=fixed"])
        {'train.epochs': 3, 'teacher.noise': 'fixed'}
    """
    fields: dict[str, Any] = {}
    for assignment in texts:
        field, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"{flag}={assignment}: it must read field=value")
        if field in fields:
            raise ConfigError(f"{flag}={assignment}: {field} is set twice")
        try:
            fields[field] = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            fields[field] = text
    return fields


def read_numbers(flag: str, texts: Sequence[str], rule: Rule) -> list[Any]:
    """The numbers of a flag that reads a,b,c.

    Args:
        flag: its name, for messages.
        texts: its parts.
        rule: what each must be: `SEED`, `COUNT` or `SHARE`.

    Returns:
        float for a share, int else.

    Raises:
        ConfigError: if there is none, one breaks the rule, or one is given twice.

    Example:
        >>> read_numbers("--seeds", ["0", "1"], SEED), read_numbers("--shares", ["1"], SHARE)
        ([0, 1], [1.0])
    """
    kind = float if rule is SHARE else int
    numbers: list[Any] = []
    for text in texts:
        try:
            number: Any = kind(text)
        except ValueError:
            number = None
        if not rule.holds(number) or number in numbers:
            raise ConfigError(
                f"{flag}={','.join(texts)}: {text!r} must be {rule.words}, given once"
            )
        numbers.append(number)
    if not numbers:
        raise ConfigError(f"{flag}= is empty; at least one is needed: {rule.words}")
    return numbers


def check_overrides(argv: Sequence[str]) -> None:
    """Checks the names in `--config.<field>=<value>`, before anything is made of the values.

    Args:
        argv: the command line.

    Raises:
        ConfigError: if a field is unknown, and the message names the nearest, or is one that says
            where the others come from.

    Example:
        >>> check_overrides(["distill.py", "--config.epochs=3"])
        Traceback (most recent call last):
        ...
        rsstl_jax.config.ConfigError: epochs is not a field of the configuration; did you mean
        train.epochs?
    """
    # As ml_collections finds them: everything in front of "=", wherever it stands.
    found = (re.match(r"--?(?:no)?config\.([^=]*)", word) for word in argv)
    names = [match[1] for match in found if match]
    check_names(names)
    if "recipe" in names:
        raise ConfigError(
            "recipe says where a configuration's values come from and changes none of them; "
            "write --config=configs/<site>.py:<recipe>"
        )
