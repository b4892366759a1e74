"""The console script `rsstl`, and what all commands share: one line on bad input, exit codes."""

import io
import os
import platform
import re
import sys
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from absl import app, flags, logging
from ml_collections import config_flags

from rsstl_jax.commands.shared.command_line import read_flags
from rsstl_jax.commands.shared.help_text import ASKS_FOR_HELP, help_text, meaning_of, show
from rsstl_jax.commands.shared.launch import start_processes
from rsstl_jax.commands.shared.progress import announce_what_is_logged, signs_of_life
from rsstl_jax.commands.shared.standard_output import discard_output, lasting_output
from rsstl_jax.config.overrides import check_overrides
from rsstl_jax.config.recipes import check_target
from rsstl_jax.config.schema import FIELDS, validate
from rsstl_jax.errors import (
    ConfigError,
    DamagedError,
    DataError,
    DivergedError,
    Interrupted,
    LockedError,
    MissingDataError,
)
from rsstl_jax.store.interrupt import catch_signals
from rsstl_jax.store.processes import leaving, lost_process

LOST, BAD_INPUT, DIVERGED = 1, 2, 3

COMMANDS = {
    "distill": "train students at a site, with and without teachers, and measure them",
    "expert": "make only the teacher bundles of the source sites",
    "evaluate": "measure a saved student, or the pretrained network, at a site",
    "predict": "answer scans with position, floor, building and radius",
    "calibrate": "give the students of a run the radius that predict answers with",
    "ensemble": "join several locators of a site to one that averages their positions",
    "export": "write a student as a program that runs without this package",
    "compare": "compare finished runs of one target, paired by fingerprint",
    "agnostic": "train the site-agnostic network and measure it at a site it has not seen",
    "baselines": "train and measure kNN, the centroid and transfer learning",
    "tables": "train and render whole tables of results",
    "robustness": "measure how errors grow as access points, readings and phones change",
    "search": "search loss weights, margin and learning rate on a validation part",
    "profile": "measure where a distilling step spends its time",
    "check_site": "show what a site's table holds and what looks wrong with it",
    "traces": "make a site's table from walks through a building",
    "convert": "make a site's table from a .mat file of a collection of public sites",
    "fields": "list the fields of the configuration and their meaning",
}
# In commands/research/.
_RESEARCH = ("agnostic", "baselines", "profile", "robustness", "search", "tables")
# They save states on the way.
_RESUMED = ("distill", "expert", "agnostic", "baselines", "tables", "search", "robustness")
_CONTINUES = "the same command continues from the last saved state"
_OWN_TABLE = (
    " The configuration table is for a dataset of your own: name it, as in "
    "--config.target=my-office."
)
_HELP = "rsstl <command> --help shows a command's flags, with examples."


def main() -> None:
    """The console script: rsstl <command> [flags]."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name == "help":
        name, arguments = (arguments or ["--help"])[0], ["--help"]
    if name in COMMANDS:
        sys.argv[1:] = arguments
        run_command(name)
    elif name in ASKS_FOR_HELP:
        width = max(map(len, COMMANDS))
        lines = [f"  {command:{width}}  {meaning}" for command, meaning in COMMANDS.items()]
        show("\n".join(["rsstl <command> [flags]", "", "Commands:", *lines, "", _HELP]))
    else:
        near = get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
        _stop(f"{name!r} is no command; {hint}", BAD_INPUT)


def run_command(name: str) -> None:
    """Runs one of COMMANDS on the flags of the process."""
    folder = "commands.research" if name in _RESEARCH else "commands"
    module = import_module(f"rsstl_jax.{folder}.{name}")
    module.define_flags()
    run(module.main, name=name)


def run(main: Callable[..., None], *, name: str = "") -> None:
    """Runs a command: parses flags, calls it, and turns what it refuses into one line."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # what its encoding lacks, such as ± or names
    if ASKS_FOR_HELP & set(sys.argv[1:]):
        show(help_text(name, sys.modules[main.__module__].__doc__ or ""))
        sys.exit(0)
    _find_modules()
    # A notebook's shell names a way to draw that only its own environment may have.
    os.environ["MPLBACKEND"] = "agg"
    _silence_storage()
    # Orbax reports every step of every save at the level of information.
    logging.set_verbosity(logging.WARNING)
    announce_what_is_logged()

    with leaving(), lasting_output():
        try:
            with catch_signals(), signs_of_life():
                parse = partial(_parse, takes_words=name == "fields")
                app.run(lambda argv: _guarded(main, argv[1:]), flags_parser=parse)
        except Interrupted as error:
            more = f"; {_CONTINUES}" if name in _RESUMED else ""
            print(f"{error}{more}", file=sys.stderr)
            sys.exit(128 + error.signum)


def _find_modules() -> None:
    """Lets a network lie in the current folder, and keeps commands from hiding Python's modules."""
    if sys.path and Path(sys.path[0]).resolve() == Path(sys.argv[0]).resolve().parent:
        sys.path.append(sys.path.pop(0))
    sys.path.append("")


def _configure_jax() -> None:
    """Full single precision and kept programs, where the environment says nothing else."""
    options: dict[str, Any] = {"jax_default_matmul_precision": "float32"}
    if "JAX_ENABLE_COMPILATION_CACHE" not in os.environ:
        import pooch

        # A folder a host: what one CPU runs, another that shares the home may not.
        cache = Path(pooch.os_cache("rsstl_jax")) / ".compiled" / platform.node()
        options["jax_compilation_cache_dir"] = str(cache)
        options["jax_persistent_cache_min_compile_time_secs"] = 0
        options["jax_persistent_cache_min_entry_size_bytes"] = 0
    for option in [option for option in options if option.upper() not in os.environ]:
        # JAX reads the environment when it loads.
        if "jax" in sys.modules:
            sys.modules["jax"].config.update(option, options[option])
        else:
            os.environ[option.upper()] = str(options[option])


def _silence_storage() -> None:
    """Drops what a thread of Orbax's storage library prints after a save that failed."""
    usual = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        error = unraisable.exc_value
        if not (isinstance(error, RuntimeError) and str(error) == "Event loop is closed"):
            usual(unraisable)

    sys.unraisablehook = hook


def _guarded(main: Callable[..., None], words: list[str]) -> None:
    try:
        _configure_jax()
        start_processes()
        _check_platform()
        main(*words)
    except BrokenPipeError:
        # Who reads the answers has left, as head does.
        discard_output()
    except MissingDataError as error:
        is_unnamed = "config" in flags.FLAGS and flags.FLAGS.config.target == "table"
        _stop(f"{error}{_OWN_TABLE if is_unnamed else ''}", BAD_INPUT)
    except (ConfigError, DataError, DamagedError, LockedError, OSError) as error:
        _stop(error, BAD_INPUT)
    except DivergedError as error:
        _stop(error, DIVERGED)
    except Exception as error:
        if lost := lost_process(error):
            _stop(f"{lost}; {_CONTINUES}", LOST)
        raise


def _check_platform() -> None:
    """Refuses a platform that JAX cannot have here, of which it says little or pages."""
    platforms = os.environ.get("JAX_PLATFORMS", "")
    if platforms in ("", "cpu"):
        return
    import jax

    try:
        jax.devices()
    # JAX asserts that there is a device where it knows the platform and finds none.
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"JAX_PLATFORMS is {platforms!r} and JAX finds no such device; leave it out or take cpu"
        ) from error


def _parse(argv: list[str], *, takes_words: bool = False) -> list[str]:
    try:
        check_overrides(argv)
        words = read_flags(argv, takes_words=takes_words)
        if "config" in flags.FLAGS and flags.FLAGS["config"].value is not None:
            _check_config(flags.FLAGS["config"])
        return [argv[0], *words]
    except (ConfigError, OSError, SyntaxError, AttributeError, KeyError, flags.Error) as error:
        _stop(_last_words(error), BAD_INPUT)


def _check_config(flag: Any) -> None:
    # A target that was set on the command line keeps the values of the file's own target.
    if "target" in config_flags.get_override_values(flag):
        as_written = flag.parser.parse(config_flags.get_config_filename(flag))
        check_target(flag.value, as_written.target)
    validate(flag.value)


def _last_words(error: Exception) -> str:
    """What is wrong, which stands behind a traceback (ml_collections) or a flag's name (absl)."""
    last = str(error).strip().splitlines()[-1].strip()
    last = last.removeprefix(f"{ConfigError.__module__}.{ConfigError.__qualname__}: ")
    said = re.fullmatch(r"flag --([\w.]+)=(.*?): (.*)", last)
    if said is None:
        return last
    name, value, message = said.groups()
    field = name.removeprefix("config.")
    if field != name and field in FIELDS:
        words = FIELDS[field].rule.words.replace(", or None", "; leave it out for None")
        return f"{field} is {value!r}; it must be {words}"
    if message.endswith("must have a value other than None."):
        return f"--{name} is missing: {meaning_of(flags.FLAGS[name])}"
    parser = flags.FLAGS[name].parser if name in flags.FLAGS else None
    if isinstance(parser, flags.IntegerParser | flags.FloatParser):
        return f"--{name} is {value!r}; it must be {parser.syntactic_help}"
    return message if message.startswith("--") else last


def _stop(message: object, code: int) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)
