"""A command of experiments/ in a process of its own, and how it ended."""

import os
import subprocess
import sys
from pathlib import Path

import tiny

ROOT = Path(__file__).parents[1]


def start(script, *arguments):
    environment = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": tiny.COMPILED,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    }
    return subprocess.Popen(
        [sys.executable, f"experiments/{script}.py", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """(exit code, stdout, stderr)."""
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def succeed(script, *arguments):
    code, out, err = finish(start(script, *arguments))
    assert code == 0, err
    return out


def error_of(err):
    """The one line that says what is wrong; in front of it may stand what was begun."""
    *begun, line = err.strip().splitlines()
    assert len(begun) <= 1 and all(b.startswith("reading ") and b.endswith(" ...") for b in begun)
    assert line.startswith("error: ")
    return line
