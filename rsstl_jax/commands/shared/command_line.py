"""What a command line must not hold, in words of its own, and the spelling that was meant."""

import ast
import shlex
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import takewhile
from typing import Any

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import CONFIG_MISSING, config_file
from rsstl_jax.commands.shared.help_text import own_flags
from rsstl_jax.config.schema import FIELDS, nearest_field
from rsstl_jax.errors import ConfigError

_READ = {
    int: flags.IntegerParser().parse,
    float: flags.FloatParser().parse,
    bool: flags.BooleanParser().parse,
    tuple: ast.literal_eval,
}
"""How ml_collections reads a value of the command line, by the type of the field's values."""

_FLAGS_OF_FIELD = {
    "target": ("dataset", "targets"),
    "sources": ("dataset", "sources"),
    "network": ("networks",),
    "seeds": ("seeds",),
    "data_dir": ("data_dir",),
}
"""By which flags a command without a configuration is given what a field says."""


def check_flags(arguments: Sequence[str], *, takes_words: bool) -> None:
    """Refuses words that are no flag, a flag that is given twice, and values of another kind."""
    given, stray = _take_apart(arguments)
    if stray and not takes_words:
        raise ConfigError(_explain(*(given[-1] if given else ("", "")), stray))
    seen: set[str] = set()
    for name, value in given:
        if name in seen and not isinstance(_flag(name), flags.MultiFlag):
            raise ConfigError(f"--{name} is given twice; give it once")
        seen.add(name)
        _check_kind(name, value)
    if "config" in flags.FLAGS and "config" not in seen and any(map(_field, seen)):
        raise ConfigError(CONFIG_MISSING)


def explain_unknown(word: str) -> str:
    """What is said of a flag that the command does not have."""
    name, equals, value = word.lstrip("-").partition("=")
    own = sorted(flag.name for flag in own_flags())
    meant = get_close_matches(name, own, n=1, cutoff=0.7)
    if (field := name.removeprefix("config.")) in FIELDS and "config" not in own:
        meant = [flag for flag in _FLAGS_OF_FIELD.get(field, ()) if flag in own]
        if not meant and "set" in own:
            meant = [f"set={field}"]
    known = f"--{meant[0]}{equals}{shlex.quote(value)}" if meant else _meant_flag(f"{name}={value}")
    hint = f"did you mean {known}?" if known else f"its flags are --{', --'.join(own)}"
    return f"--{name} is no flag of this command; {hint}"


def translate_config(arguments: Sequence[str]) -> list[str]:
    """The command line with a file wherever --config names a site."""
    translated = list(arguments)
    for index, word in enumerate(translated):
        if word in ("--config", "-config") and index + 1 < len(translated):
            translated[index + 1] = config_file(translated[index + 1])
        elif word.startswith(("--config=", "-config=")):
            translated[index] = f"--config={config_file(word.partition('=')[2])}"
    return translated


def _take_apart(arguments: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Names and values of flags as absl reads them, and the words from the first other one on."""
    given: list[tuple[str, str]] = []
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0].strip("-"):
        name, equals, value = rest.pop(0).removeprefix("-").removeprefix("-").partition("=")
        if name.startswith("no") and _is_switch(name[2:]):
            name = name[2:]
        if not equals and _takes_value(name):
            value = rest.pop(0) if rest else ""
        elif not equals and _is_switch(name):
            value = "true"
        given.append((name, value))
    return given, rest


def _flag(name: str) -> Any:
    if name not in flags.FLAGS:
        return None
    return flags.FLAGS[name]


def _field(name: str) -> str:
    """The field that a flag sets, or nothing."""
    return name.removeprefix("config.") if name.startswith("config.") else ""


def _is_switch(name: str) -> bool:
    field = FIELDS.get(_field(name))
    flag = _flag(name)
    return isinstance(field.default, bool) if field else bool(flag is not None and flag.boolean)


def _takes_value(name: str) -> bool:
    known = _flag(name) is not None or bool(_field(name))
    return known and not _is_switch(name)


def _check_kind(name: str, value: str) -> None:
    """Refuses a text that cannot be read as the number, switch or list that a flag or field is."""
    field, parser = _field(name), getattr(_flag(name), "parser", None)
    if field in FIELDS:
        read, words = _READ.get(FIELDS[field].kind, str), FIELDS[field].rule.words
        words = words.replace(", or None", "; leave it out for None")
    elif isinstance(parser, flags.IntegerParser | flags.FloatParser):
        read, words = type(parser)().parse, parser.syntactic_help
    elif isinstance(parser, flags.BooleanParser):
        read, words = parser.parse, "true or false"
    else:
        return
    try:
        read(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        shown = field or f"--{name}"
        raise ConfigError(f"{shown} is {value!r}; it must be {words}") from error


def _explain(name: str, value: str, stray: list[str]) -> str:
    """What is said of words that belong to no flag, behind a flag and its value."""
    if name and not value and not _takes_value(name) and not _is_switch(name):
        return explain_unknown(f"{name}={stray[0]}")
    meant = _meant_flag(stray[0]) or _meant_value(name, value, stray)
    return f"{stray[0]!r} is no flag" + (f"; did you mean {meant}?" if meant else "")


def _meant_flag(stray: str) -> str:
    """The flag that lacks its dashes, or a configuration that lacks its flag."""
    name, equals, value = stray.lstrip("-").partition("=")
    if equals:
        if name in flags.FLAGS:
            return f"--{stray}"
        near = nearest_field(name.removeprefix("config.")) if "config" in flags.FLAGS else ""
        return f"--config.{near}={shlex.quote(value)}" if near else ""
    is_config = stray.partition(":")[0].endswith(".py") and "config" in flags.FLAGS
    return f"--config={stray}" if is_config else ""


def _meant_value(name: str, value: str, stray: list[str]) -> str:
    """The flag in front, with the words behind it in its value."""
    behind = takewhile(lambda word: not word.startswith("-") and "=" not in word, stray)
    values = [value, *behind]
    if len(values) == 1 or name == "config" or not _takes_value(name):
        return ""
    field = FIELDS.get(_field(name))
    is_list = field is not None and isinstance(field.default, tuple)
    is_list = is_list or isinstance(getattr(_flag(name), "parser", None), flags.ListParser)
    if is_list or name == "config.sources" or value.endswith(","):
        return f"--{name}={','.join(part.strip(',') for part in values)}"
    return f"--{name}={shlex.quote(' '.join(values))}"
