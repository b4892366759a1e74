"""A command of experiments/ in this process or in one of its own, and how it ended."""

import faulthandler
import os
import re
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


def on_devices(number):
    """The environment of a process with so many virtual devices; 0: those that there are.

    It shares the compiled programs of the tests.
    """
    environment = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": tiny.COMPILED,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    }
    if not number:
        return environment
    virtual = f"--xla_force_host_platform_device_count={number}"
    flags_of_xla = f"{os.environ.get('XLA_FLAGS', '')} {virtual}"
    environment |= {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags_of_xla}
    # Tests in there are chosen by whoever starts them.
    return environment | {"PYTEST_ADDOPTS": "", "SLOW_TURN": ""}


def start(*words, devices=0, **options):
    """A process of `python <words>`, on virtual devices or those that there are."""
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        env=on_devices(devices),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finish(process, timeout_s=600):
    out, err = process.communicate(timeout=timeout_s)
    return Ended(process.returncode, out, without_seconds(err))


def without_seconds(err):
    """What a command says but for the lines of how long it has worked, which depend on the load."""
    return re.sub(r"^  \d+ s\n", "", err, flags=re.MULTILINE)


def pass_on_eight_devices(file, *options):
    """Runs tests in a process that has eight virtual devices."""
    words = ("-m", "pytest", "-p", "no:cacheprovider", "--tb=short", *options, file)
    ended = finish(start(*words, devices=8), timeout_s=3600)
    assert ended.code == 0, ended.out + ended.err


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
        return Ended(code, out.read(), without_seconds(err.read()))


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
