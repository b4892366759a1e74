"""A command of experiments/ in this process or in one of its own, and how it ended."""

import faulthandler
import os
import runpy
import subprocess
import sys
import tempfile
import warnings
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import jax
import tiny
from absl import app, flags, logging

ROOT = Path(__file__).parents[1]


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def start(*words, **options):
    """A process of `python <words>` that shares the compiled programs of the tests."""
    environment = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": tiny.COMPILED,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    }
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finish(process):
    out, err = process.communicate(timeout=600)
    return Ended(process.returncode, out, err)


@contextmanager
def restored(cwd):
    """What a command changes in its process is as before afterwards."""
    app.define_help_flags()
    known, verbosity = set(flags.FLAGS), logging.get_verbosity()
    precision, hook = jax.config.jax_default_matmul_precision, sys.unraisablehook
    # The command's own place for compiled programs would take that of the tests.
    with (
        mock.patch.dict(os.environ, {"JAX_ENABLE_COMPILATION_CACHE": "true"}),
        mock.patch.object(sys, "path", list(sys.path)),
        warnings.catch_warnings(),
        chdir(cwd),
    ):
        try:
            yield
        finally:
            for name in set(flags.FLAGS) - known:
                delattr(flags.FLAGS, name)
            logging.set_verbosity(verbosity)
            jax.config.update("jax_default_matmul_precision", precision)
            sys.unraisablehook = hook


def call(script, *arguments, cwd=ROOT):
    """A script of experiments/ in this process, which saves the seconds that imports take."""
    # As it is called from that folder: commands print it.
    file = os.path.relpath(ROOT / "experiments" / f"{script}.py", cwd)
    argv = [file, *map(str, arguments)]
    # Files, because `predict` opens the descriptor of stdout.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        with restored(cwd), mock.patch.object(sys, "argv", argv):
            sys.path.insert(0, str(ROOT / "experiments"))
            warnings.simplefilter("default")
            warnings.simplefilter("ignore", DeprecationWarning)
            with redirect_stdout(out), redirect_stderr(err):
                try:
                    runpy.run_path(file, run_name="__main__")
                    code = 0
                except SystemExit as stop:
                    code = stop.code or 0
            faulthandler.enable(sys.__stderr__)  # absl has turned it to the file
        out.seek(0)
        err.seek(0)
        return Ended(code, out.read(), err.read())


def succeed(script, *arguments):
    code, out, err = call(script, *arguments)
    assert code == 0, err
    return out


def error_of(err):
    """The one line that says what is wrong; in front of it may stand what was begun."""
    *begun, line = err.strip().splitlines()
    assert len(begun) <= 1 and all(b.startswith("reading ") and b.endswith(" ...") for b in begun)
    assert line.startswith("error: ")
    return line
