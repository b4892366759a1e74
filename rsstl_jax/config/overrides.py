"""Setting fields by their names, from Python and from the command line."""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from rsstl_jax.config.all_fields import FIELDS
from rsstl_jax.config.rules import FRACTIONS, Rule, is_number
from rsstl_jax.config.schema import check_names, check_value
from rsstl_jax.errors import ConfigError


def override(config: ConfigDict, fields: Mapping[str, Any]) -> None:
    """Sets fields by their dotted names, each checked; `validate` finds those that contradict."""
    check_names(fields)
    for path, value in fields.items():
        check_value(path, value)
        config.update_from_flattened_dict({path: value})


def read_assignments(texts: Sequence[str]) -> dict[str, Any]:
    """The fields of --set, which may be given many times, as --set=train.epochs=3."""
    fields: dict[str, Any] = {}
    for assignment in texts:
        field, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set={assignment}: it must read field=value")
        if field in fields:
            raise ConfigError(f"--set={assignment}: {field} is set twice")
        try:
            value = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            value = text
        # The phones 1,7 are names, though Python reads a tuple of numbers.
        is_text = field in FIELDS and isinstance(FIELDS[field].default, str)
        names = is_text and (is_number(value) or isinstance(value, tuple))
        fields[field] = text if names else value
    return fields


def read_numbers(flag: str, texts: Sequence[str], rule: Rule) -> list[Any]:
    """The numbers of a flag that reads a,b,c, of which the rule is of all of them."""
    try:
        numbers = list(map(float if rule is FRACTIONS else int, texts))
    except ValueError:
        numbers = []
    if not rule.holds(numbers):
        raise ConfigError(f"{flag}={','.join(texts)}: it must be {rule.words}")
    return numbers


def check_overrides(argv: Sequence[str]) -> None:
    """Checks the names in `--config.<field>=<value>`, before anything is made of the values."""
    # As ml_collections finds them: everything in front of "=", wherever it stands.
    names = [name for word in argv for name in re.findall(r"^--?(?:no)?config\.([^=]*)", word)]
    check_names(names)
    if "recipe" in names:
        raise ConfigError(
            "recipe says where a configuration's values come from and changes none of them; "
            "write --config=configs/<site>.py:<recipe>"
        )
