"""The help of a command: what it does, examples, and its own flags."""

import os
import sys
import textwrap
from pathlib import Path

from absl import flags

ASKS_FOR_HELP = {"--help", "-help", "-h", "--h", "-?", "--helpshort", "-helpshort"}

WIDTH = 100


def program_name(command: str) -> str:
    """How a command is called beside this one: by the script, or by its file of experiments/."""
    called = Path(sys.argv[0])
    if called.suffix != ".py":
        return f"rsstl {command}"
    return f"python {called.with_name(f'{command}.py') if command else called}"


def help_text(command: str, docstring: str) -> str:
    """The docstring, its examples spelled as the command was called, and the command's flags."""
    program = program_name(command)
    lines = [docstring.strip().replace(f"rsstl {command} ", f"{program} "), "", "Flags:"]
    for flag in own_flags():
        default = "" if flag.default in (None, "", [], False) else f" Default: {_shown(flag)}."
        lines.append(f"  --{'[no]' if flag.boolean else ''}{flag.name}")
        indent = " " * 6
        lines += textwrap.wrap(
            meaning_of(flag) + default, WIDTH, initial_indent=indent, subsequent_indent=indent
        )
    if "config" in flags.FLAGS:
        lines += ["", "Fields of the configuration, with their meaning: rsstl fields [word ...]"]
    return "\n".join(lines)


def meaning_of(flag: flags.Flag) -> str:
    """What a flag does, in sentences."""
    # absl puts the choices in front of a help, and behind it that a flag may be repeated.
    meaning = flag.help.partition(";\n")[0]
    if choices := getattr(flag.parser, "enum_values", None):
        meaning = f"{meaning.partition('>: ')[2]} One of {', '.join(choices)}."
    return meaning


def show(text: str) -> None:
    """Prints a text to a reader that may leave before its end, as head does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python would write what is left once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _shown(flag: flags.Flag) -> str:
    return ",".join(map(str, flag.default)) if isinstance(flag.default, list) else str(flag.default)


def own_flags() -> list[flags.Flag]:
    """The flags of the command and those it shares with others; not absl's, nor a library's."""
    of_module = flags.FLAGS.flags_by_module_dict()
    own = [name for name in of_module if name.startswith("rsstl_jax") or name == sys.argv[0]]
    return [flag for name in own for flag in of_module[name]]
