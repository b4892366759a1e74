"""Setting fields by their names, from Python and from the command line."""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from rsstl_jax.config.rules import SHARE, Rule, whole
from rsstl_jax.config.schema import check_names, check_value
from rsstl_jax.errors import ConfigError

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
    """Sets fields by their dotted names; what is wrong is said as `validate` says it."""
    check_names(fields)
    for path, value in fields.items():
        check_value(path, value)
        config.update_from_flattened_dict({path: value})


def read_assignments(texts: Sequence[str], *, flag: str = "--set") -> dict[str, Any]:
    """The fields of a flag that may be given many times, as --set=train.epochs=3."""
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
    """The numbers of a flag that reads a,b,c."""
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
    """Checks the names in `--config.<field>=<value>`, before anything is made of the values."""
    # As ml_collections finds them: everything in front of "=", wherever it stands.
    found = (re.match(r"--?(?:no)?config\.([^=]*)", word) for word in argv)
    names = [match[1] for match in found if match]
    check_names(names)
    if "recipe" in names:
        raise ConfigError(
            "recipe says where a configuration's values come from and changes none of them; "
            "write --config=configs/<site>.py:<recipe>"
        )
