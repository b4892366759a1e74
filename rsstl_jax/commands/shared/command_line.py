"""Reads a command line, and refuses what absl would drop or take in silence."""

from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import CONFIG_MISSING, config_file
from rsstl_jax.commands.shared.help_text import own_flags
from rsstl_jax.config.schema import nearest_field
from rsstl_jax.errors import ConfigError

_TWICE = " is given twice; give it once"


def read_flags(argv: Sequence[str], *, takes_words: bool = False) -> list[str]:
    """Reads the flags of a command line, and returns the words beside them."""
    flags.FLAGS.set_gnu_getopt(True)
    # Absl would join the lists of a field, and say of each field that a second --config defines it.
    given = Counter(word.lstrip("-").partition("=")[0] for word in argv if word.startswith("-"))
    for name in given:
        if given[name] > 1 and name.partition(".")[0] == "config":
            raise ConfigError(f"--{name}{_TWICE}")
    try:
        _, *words = flags.FLAGS(translate_config(argv))
    except flags.UnrecognizedFlagError as error:
        raise ConfigError(_explain_unknown(error.flagname)) from error
    for name in flags.FLAGS:
        flag = flags.FLAGS[name]
        if flag.present > 1 and not isinstance(flag, flags.MultiFlag):
            raise ConfigError(f"--{name}{_TWICE}")
    if words and not takes_words:
        name, equals, _ = words[0].partition("=")
        hint = _hint(name) if equals else "quote a value with spaces, and write a list as a,b"
        raise ConfigError(f"{words[0]!r} is no flag; {hint}")
    return words


def translate_config(arguments: Sequence[str]) -> list[str]:
    """The command line with a file wherever --config names a site."""
    translated = list(arguments)
    for index, word in enumerate(translated):
        if word in ("--config", "-config") and index + 1 < len(translated):
            translated[index + 1] = config_file(translated[index + 1])
        elif word.startswith(("--config=", "-config=")):
            translated[index] = f"--config={config_file(word.partition('=')[2])}"
    return translated


def _explain_unknown(name: str) -> str:
    if name.startswith("config.") and "config" in flags.FLAGS:
        return CONFIG_MISSING  # which makes a flag of every field
    return f"--{name} is no flag of this command; {_hint(name)}"


def _hint(name: str) -> str:
    """The flag or field that was meant, or all flags."""
    own = sorted(flag.name for flag in own_flags())
    near = get_close_matches(name, own, n=1, cutoff=0.7)
    if not near and "config" in own and (field := nearest_field(name.removeprefix("config."))):
        near = [f"config.{field}"]
    return f"did you mean --{near[0]}?" if near else f"its flags are --{', --'.join(own)}"
