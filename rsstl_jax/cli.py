"""What the commands in experiments/ share: one line on bad input, and exit codes."""

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import pooch
from absl import app, flags, logging
from ml_collections import config_flags

from rsstl_jax.config.overrides import check_overrides
from rsstl_jax.config.recipes import check_target
from rsstl_jax.errors import (
    ConfigError,
    DamagedError,
    DataError,
    DivergedError,
    Interrupted,
    LockedError,
)
from rsstl_jax.store.interrupt import catch_signals

__all__ = ["run"]

BAD_INPUT, DIVERGED = 2, 3


def run(main: Callable[[], None]) -> None:
    """Runs a command: parses flags, calls it, and turns what it refuses into one line."""
    _find_modules()
    _keep_compiled()
    _full_products()
    _silence_storage()
    # Orbax reports every step of every save at the level of information.
    logging.set_verbosity(logging.WARNING)
    try:
        with catch_signals():
            app.run(lambda _: _guarded(main), flags_parser=_parse)
    except Interrupted as error:
        print(f"{error}; the same command goes on from the last saved state", file=sys.stderr)
        sys.exit(128 + error.signum)


def _find_modules() -> None:
    """Lets a network lie in the current folder, and keeps commands from hiding Python's modules."""
    if sys.path and Path(sys.path[0]).resolve() == Path(sys.argv[0]).resolve().parent:
        sys.path.append(sys.path.pop(0))
    sys.path.append(str(Path.cwd()))


def _keep_compiled() -> None:
    """Keeps compiled programs between commands, unless JAX is told where (or told not to)."""
    if "JAX_ENABLE_COMPILATION_CACHE" in os.environ:
        return
    # A folder a host: what one CPU runs, another that shares the home may not.
    cache = Path(pooch.os_cache("rsstl_jax")) / ".compiled" / platform.node()
    for name, value in (
        ("jax_compilation_cache_dir", str(cache)),
        ("jax_persistent_cache_min_compile_time_secs", 0),
        ("jax_persistent_cache_min_entry_size_bytes", 0),
    ):
        if name.upper() not in os.environ:
            jax.config.update(name, value)


def _full_products() -> None:
    """Matrix products in full single precision, unless JAX is told otherwise."""
    if "JAX_DEFAULT_MATMUL_PRECISION" not in os.environ:
        jax.config.update("jax_default_matmul_precision", "float32")


def _silence_storage() -> None:
    """Drops what a thread of Orbax's storage library prints after a save that failed."""
    usual = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        found = unraisable.exc_value
        if not (isinstance(found, RuntimeError) and str(found) == "Event loop is closed"):
            usual(unraisable)

    sys.unraisablehook = hook


def _guarded(main: Callable[[], None]) -> None:
    try:
        main()
    except (ConfigError, DataError, DamagedError, LockedError, OSError) as error:
        _stop(error, BAD_INPUT)
    except DivergedError as error:
        _stop(error, DIVERGED)


def _parse(argv: list[str]) -> list[str]:
    try:
        check_overrides(argv)
        rest = flags.FLAGS(argv)
        if "config" in flags.FLAGS:
            # A config file that is not there shows only when a field is looked at.
            hasattr(flags.FLAGS["config"].value, "target")
            _check_config(flags.FLAGS["config"])
        return rest
    except (ConfigError, OSError, flags.Error) as error:
        # ml_collections puts a whole traceback into the message; its last line is what is wrong.
        last = str(error).strip().splitlines()[-1].strip()
        _stop(last.removeprefix("rsstl_jax.errors.ConfigError: "), BAD_INPUT)
    except (AttributeError, KeyError) as error:
        # What ml_collections raises where --config.x names no field of the locked configuration.
        _stop(f"--config names an unknown field: {_words(error)}", BAD_INPUT)
    raise AssertionError("unreachable")


def _check_config(flag: Any) -> None:
    """A target that was set on the command line keeps the values of the file's own target."""
    if flag.value is not None and "target" in config_flags.get_override_values(flag):
        as_written = flag.parser.parse(config_flags.get_config_filename(flag))
        check_target(flag.value, as_written.target)


def _words(error: BaseException) -> str:
    """The text of the innermost of errors that were raised with one another as argument."""
    inner = error.args[0] if error.args else ""
    return _words(inner) if isinstance(inner, BaseException) else " ".join(str(inner).split())


def _stop(message: object, code: int) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)
