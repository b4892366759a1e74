"""Lists the fields of the configuration: value, rule and meaning.

    rsstl fields
    rsstl fields learning_rate
    rsstl fields teacher epochs --config=uji:tuned

Words select the fields whose names and meanings contain all of them. Without --config a value is
the field's default. Every command that takes --config sets a field by --config.<field>=<value>.
"""

import textwrap
from difflib import get_close_matches

from absl import flags
from ml_collections import ConfigDict

from rsstl_jax.commands.shared.flag_definitions import define_config
from rsstl_jax.commands.shared.help_text import show
from rsstl_jax.config.schema import FIELDS, default_config, flatten
from rsstl_jax.errors import ConfigError

WIDTH = 100


def define_flags() -> None:
    define_config(required=False)


def main(*words: str) -> None:
    show(render_fields(words, flags.FLAGS.config or default_config()))


def render_fields(words: tuple[str, ...], config: ConfigDict) -> str:
    """A list item for each field, under a heading for each section."""
    values, lines, heading = flatten(config), [], None
    for name in _chosen(words):
        section = name.rpartition(".")[0] or "run"
        if section != heading:
            lines += ["", f"## {section}", ""]
            heading = section
        lines += _item(name, values[name])
    return "\n".join(lines[1:])


def _chosen(words: tuple[str, ...]) -> list[str]:
    texts = {name: f"{name} {field.meaning}".lower() for name, field in FIELDS.items()}
    chosen = [name for name, text in texts.items() if all(word.lower() in text for word in words)]
    if not chosen:
        known = {part for text in texts.values() for part in text.replace(".", " ").split()}
        near = [m for word in words for m in get_close_matches(word.lower(), sorted(known), n=1)]
        hint = f"did you mean {' '.join(near)}?" if near else "rsstl fields lists all"
        raise ConfigError(f"no field has {' and '.join(words)} in its name or meaning; {hint}")
    return chosen


def _item(name: str, value: object) -> list[str]:
    field = FIELDS[name]
    value = tuple(value) if isinstance(value, list) else value
    default = "" if value == field.default else f" (default {field.default!r})"
    text = f"{field.meaning} It must be {field.rule.words}."
    return [
        f"- `{name}` = {value!r}{default}",
        *textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  "),
    ]
