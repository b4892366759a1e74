"""Runs a command to its end, or kills it on the way and starts it again, and compares the folders.

A command is what stands behind `python`; "{folder}" in it becomes the folder that it works in.
"""

import json
import os
import signal
import time
from pathlib import Path

import jax
import numpy as np
import running
from running import finish

from rsstl_jax.store.checkpoint import load_checkpoint
from rsstl_jax.store.files import read_sealed


def start(command, folder):
    return running.start(*(word.format(folder=folder) for word in command))


def run(command, folder):
    ended = finish(start(command, folder))
    assert ended.code == 0, ended.err
    return ended


def records(folder):
    """What all runs below a folder have logged, whole lines only, in the order of the files."""
    # Unlike rglob, walk does not mind folders that go while it looks.
    walk = os.walk(folder)
    files = sorted(
        Path(top) / "metrics.jsonl" for top, _, names in walk if "metrics.jsonl" in names
    )
    lines = [line for file in files for line in file.read_text().splitlines(keepends=True)]
    return [json.loads(line) for line in lines if line.endswith("\n")]


def kill(command, folder, *, after_records, delay_s, signum):
    """Ends a command some time after so many records: (how it ended, its records by then).

    None if it had come to its end before.
    """
    process = start(command, folder)
    while process.poll() is None and len(records(folder)) < after_records:
        time.sleep(0.02)
    time.sleep(delay_s)
    process.send_signal(signum)
    ended = finish(process)
    return None if ended.code == 0 else (ended, records(folder))


def assert_ended_by(signum, ended):
    """By the signal's own doing, or by the handler, which says so; never with a traceback."""
    assert ended.code in (-signum, 128 + signum), ended
    assert "Traceback" not in ended.err, ended.err
    if ended.code > 0:
        assert ended.err.strip().splitlines()[-1] == (
            f"interrupted by {signal.Signals(signum).name}; "
            "the same command continues from the last saved state"
        )


def state(saved):
    """The arrays of a saved state, by its own manifest."""
    manifest = read_sealed(saved / "manifest.json")
    like = {}
    for path, form in manifest["structure"].items():
        *inner, last = path.split("/")
        at = like
        for name in inner:
            at = at.setdefault(name, {})
        dtype, _, shape = form.rstrip("]").partition("[")
        at[last] = jax.ShapeDtypeStruct([int(n) for n in shape.split(",") if n], dtype)
    return load_checkpoint(saved.parent, like, owner=manifest["owner"])[1]


def left_by(folder):
    """All that a finished command leaves: its files as bytes, its states, what it logged.

    But for the states on the way, the records of the starts, and the name of the folder itself.
    """
    states = {file.parent for file in folder.rglob("manifest.json") if "latest" not in file.parts}
    inside = {file for saved in folder.rglob("[0-9]*/state") for file in saved.parent.rglob("*")}
    files = {
        file.relative_to(folder).as_posix(): file.read_bytes().replace(bytes(folder), b"<folder>")
        for file in folder.rglob("*")
        if file.is_file() and file not in inside and file.name not in (".lock", "metrics.jsonl")
    }
    return {
        "files": files,
        "states": {saved.relative_to(folder).as_posix(): state(saved) for saved in states},
        "records": [record for record in records(folder) if record["run"] != "start"],
    }


def assert_same(left, other):
    """Equal to the last bit."""
    assert left["files"].keys() == other["files"].keys()
    for name, content in left["files"].items():
        assert content == other["files"][name], f"{name} differs"
    assert left["states"].keys() == other["states"].keys()
    for name, tree in left["states"].items():
        for leaf, same in zip(
            jax.tree.leaves(tree), jax.tree.leaves(other["states"][name]), strict=True
        ):
            np.testing.assert_array_equal(np.asarray(leaf), np.asarray(same), err_msg=name)
    assert left["records"] == other["records"]
