"""The rules that fields of a configuration obey, each with the words for what passes it."""

import csv
import io
import math
import os
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

DATASET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # also that of its folder
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
MESH_AXES = ("replica", "data")  # groups of devices, and the devices of a group


def name_list(names: str) -> tuple[str, ...]:
    """The names in a comma-separated text, in their order; one in quotes may hold a comma."""
    rows = csv.reader(io.StringIO(names, newline=""), skipinitialspace=True)
    return tuple(name.strip() for row in rows for name in row) if names.strip() else ()


def name_text(names: Iterable[str]) -> str:
    """The text that `name_list` reads as these names."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()


def read_mesh(text: str) -> dict[str, int] | None:
    """{axis: number of devices} of a text such as replica:4,data:2; None: it is no such text."""
    sizes: dict[str, int] = {}
    for part in name_list(text):
        axis, _, number = part.partition(":")
        if axis not in MESH_AXES or axis in sizes or not re.fullmatch(r"[1-9]\d{0,4}", number):
            return None
        sizes[axis] = int(number)
    return sizes


class Rule(NamedTuple):
    """A test of one value and the words for what passes it."""

    holds: Callable[[Any], bool]
    words: str

    def field(self, default: Any, meaning: str) -> "Field":
        """A field that obeys the rule."""
        return Field(default, self, meaning)


class Field(NamedTuple):
    """One field of the schema."""

    default: Any
    rule: Rule
    meaning: str  # a sentence that can be read alone


def is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    # An int that is too large for a float is finite, and `validate` has words for it.
    return is_int(value) or (isinstance(value, float) and math.isfinite(value))


def _are_different(values: Any, holds: Callable[[Any], bool]) -> bool:
    given = isinstance(values, tuple | list) and len(values) > 0
    return given and all(map(holds, values)) and len(set(values)) == len(values)


def whole(least: int, most: int | None = None) -> Rule:
    if most is not None:
        words = f"a whole number from {least} to {most}"
        return Rule(lambda v: is_int(v) and least <= v <= most, words)
    return Rule(lambda v: is_int(v) and v >= least, f"a whole number of at least {least}")


def whole_or_none(least: int) -> Rule:
    rule = whole(least)
    return Rule(lambda v: v is None or rule.holds(v), f"{rule.words}, or None")


def one_of(*names: str) -> Rule:
    return Rule(lambda v: v in names, "one of " + ", ".join(names))


def names_of(*names: str) -> Rule:
    return Rule(
        lambda v: (
            isinstance(v, str)
            and (not v.strip() or _are_different(name_list(v), names.__contains__))
        ),
        f"names separated by commas, of {', '.join(names)}, or empty",
    )


FOLDER = Rule(
    # None written on a command line is the text "None"; ~ stays where there is no such user.
    lambda v: (
        isinstance(v, str)
        and v != "None"
        and "\0" not in v
        and not os.path.expanduser(v).startswith("~")
    ),
    "a folder, or empty",
)
NETWORK = Rule(
    lambda v: isinstance(v, str) and bool(re.fullmatch(r"[\w-]+|\w+(\.\w+)*:\w+", v)),
    "a network's name, or package.module:function",
)
DATASET = Rule(
    lambda v: isinstance(v, str) and bool(DATASET_NAME.fullmatch(v)),
    "a dataset's name of ASCII letters, digits, '.', '_' and '-', such as uji",
)
DATASETS = Rule(
    lambda v: isinstance(v, str) and all(map(DATASET_NAME.fullmatch, name_list(v))),
    "datasets' names separated by commas, such as uji,tampere",
)
NAMES = Rule(
    lambda v: isinstance(v, str) and (not v.strip() or _are_different(name_list(v), bool)),
    "different names separated by commas, or empty",
)
MONTHS = Rule(
    lambda v: NAMES.holds(v) and all(map(MONTH.fullmatch, name_list(v))),
    "different months separated by commas, such as 2013-05,2013-06, or empty",
)
MESH = Rule(
    lambda v: isinstance(v, str) and read_mesh(v) is not None,
    "numbers of devices for replica and data, each at most once, such as replica:4,data:2, or "
    "empty",
)
POSITIVE = Rule(lambda v: is_number(v) and v > 0, "a number above 0")
NOT_NEGATIVE = Rule(lambda v: is_number(v) and v >= 0, "a number of at least 0")
FRACTION = Rule(lambda v: is_number(v) and 0 < v <= 1, "a fraction above 0 and up to 1")
PART = Rule(lambda v: is_number(v) and 0 < v < 1, "a fraction above 0 and below 1")
RATE = Rule(lambda v: is_number(v) and 0 <= v < 1, "a probability from 0 to below 1")
PROBABILITY = Rule(lambda v: is_number(v) and 0 <= v <= 1, "a probability from 0 to 1")
MEAN_RATE = Rule(lambda v: is_number(v) and 0 <= v <= 0.5, "a mean probability from 0 to 0.5")
ACUTE = Rule(lambda v: is_number(v) and 0 <= v < math.pi / 2, "an angle from 0 to below pi / 2")
SEED = whole(0)
SEEDS = Rule(
    lambda v: _are_different(v, SEED.holds),
    "different whole numbers (int) of at least 0, such as 0,1,2",
)
COUNTS = Rule(
    lambda v: _are_different(v, whole(1).holds),
    "different whole numbers of at least 1, such as 1,4,16",
)
FRACTIONS = Rule(
    lambda v: _are_different(v, FRACTION.holds),
    "different fractions above 0 and up to 1, such as 0.1,1.0",
)
BOOL = Rule(lambda v: isinstance(v, bool), "True or False")
CHANNELS = Rule(
    lambda v: isinstance(v, tuple | list) and len(v) > 1 and all(is_int(c) and c > 0 for c in v),
    "two or more whole numbers above 0, such as 32,64,128",
)
