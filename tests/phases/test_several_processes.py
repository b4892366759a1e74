"""Runs of two processes with four devices each, over loopback: what they train, how they end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import running
from killing import records, state
from tiny import COMPILED, write_sites

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

PROCESS = """
import os, sys, jax, pytest
jax.distributed.initialize(sys.argv[1], 2, int(os.environ["TESTED_PROCESS"]))
sys.exit(pytest.main(["-p", "no:cacheprovider", "--tb=short", "tests/phases/on_two_processes.py"]))
"""

FLAGS = {
    "config": "table:tuned-smoke",
    "config.target": "home",
    "config.sources": "mall,campus",
    "config.model.dnn.hidden_width": 8,
    "config.teacher.hidden_width": 8,
    "config.teacher.latent_width": 4,
    "config.distill.estimator_width": 8,
    "config.distill.force_functional_information": True,
    "config.train.batch_size": 8,
    "config.train.epochs": 8,
    "config.seeds": "0,1",
    "config.run.log_every_epochs": 1,
    "config.run.checkpoint_every_s": 0.0,
    "config.run.baselines": "",
}


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    return write_sites(tmp_path_factory.mktemp("sites"), "home", "mall", "campus")


def free_address():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listening.getsockname()[1]}"


def start(monkeypatch, script, flags, *settings, devices=1, processes=1, differing=None):
    """The processes of a command; the last one has some other flags."""
    flags_of_xla = os.environ.get("XLA_FLAGS", "").partition(" --xla_force_host")[0]
    monkeypatch.setenv(
        "XLA_FLAGS", f"{flags_of_xla} --xla_force_host_platform_device_count={devices}"
    )
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    address, started = free_address(), []
    for process in range(processes):
        own = {"coordinator": address, "num_processes": processes, "process_id": process}
        own = own if processes > 1 else {}
        if process == processes - 1:
            own |= differing or {}
        words = [f"--{name}={value}" for name, value in (flags | own).items()]
        started.append(running.start(f"experiments/{script}.py", *words, *settings))
    return started


def finish(started):
    return [running.finish(process) for process in started]


def states(folder):
    """{finished training: its parameters}, and what was logged of its epochs."""
    found = {file.parent for file in folder.rglob("manifest.json") if "latest" not in file.parts}
    logged = sorted(json.dumps(r, sort_keys=True) for r in records(folder) if "epoch" in r)
    return {saved.relative_to(folder).as_posix(): state(saved) for saved in found}, logged


def assert_same_run(folder, other):
    (trained, logged), (expected, expected_logged) = states(folder), states(other)
    assert trained.keys() == expected.keys()
    for name, tree in trained.items():
        for leaf, same in zip(jax.tree.leaves(tree), jax.tree.leaves(expected[name]), strict=True):
            np.testing.assert_array_equal(np.asarray(leaf), np.asarray(same), err_msg=name)
    assert logged == expected_logged


def test_two_processes_compute_what_one_device_does():
    """A step of each network with all terms, and steps of a pretraining."""
    address = free_address()
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4",
        "JAX_COMPILATION_CACHE_DIR": COMPILED,
        "PYTEST_ADDOPTS": "",
        "SLOW_TURN": "",
    }
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, address],
            cwd=ROOT,
            env=environment | {"TESTED_PROCESS": str(process)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for process in range(2)
    ]
    for ended in finish(started):
        assert ended.code == 0, ended.out


def test_a_killed_process_ends_the_other_and_the_run_goes_on_anywhere(sites, tmp_path, monkeypatch):
    """Eight devices of two processes, one of which is killed; again, stopped; four devices; one."""
    flags = FLAGS | {"config.data_dir": sites}
    whole, broken = ({"workdir": tmp_path / name / "run"} for name in ("whole", "broken"))
    [ended] = finish(start(monkeypatch, "distill", flags | whole))
    assert ended.code == 0, ended.err
    for signum, more, victim in (
        (signal.SIGKILL, {"devices": 4, "processes": 2}, 1),
        (signal.SIGTERM, {"devices": 4, "processes": 2}, 0),
        (signal.SIGTERM, {"devices": 4}, 0),
    ):
        mesh = {"config.run.mesh": f"replica:{4 * more.get('processes', 1)}"}
        before = len(records(tmp_path / "broken"))
        started = start(monkeypatch, "distill", flags | broken | mesh, **more)
        while len(records(tmp_path / "broken")) < before + 6:
            assert started[0].poll() is None, finish(started)
            time.sleep(0.02)
        started[victim].send_signal(signum)
        begun = time.monotonic()
        for process, ended in enumerate(finish(started)):
            assert "Traceback" not in ended.err
            if signum == signal.SIGKILL and process == victim:
                assert ended.code == -signum
            else:
                assert ended.code in (1, 128 + signum), ended
                said = ended.err.strip().splitlines()[-1]
                assert said.endswith("; the same command continues from the last saved state")
                assert "another process" in said or said.startswith("interrupted by SIGTERM")
        assert time.monotonic() - begun < 60
    [ended] = finish(start(monkeypatch, "distill", flags | broken))
    assert ended.code == 0 and "continuing" in ended.err, ended.err
    assert_same_run(tmp_path / "broken", tmp_path / "whole")


def test_processes_of_other_flags_or_data_are_refused(sites, tmp_path, monkeypatch):
    flags = FLAGS | {"config.data_dir": sites, "workdir": tmp_path / "run"}
    flags |= {"config.run.mesh": "replica:2"}
    other = write_sites(tmp_path / "sites", "home", "mall", "campus")
    table = (other / "mall" / "train.csv").read_text().splitlines()
    (other / "mall" / "train.csv").write_text("\n".join(table[:-1]) + "\n")
    for differing, message in (
        ({"config.train.epochs": 9}, "train.epochs is 9 there and 8 in process 0"),
        ({"config.data_dir": other}, "data of mall is '"),
    ):
        started = start(monkeypatch, "distill", flags, processes=2, differing=differing)
        for ended in finish(started):
            assert ended.code == 2, ended.err
            assert f"process 1 differs from process 0: {message}" in ended.err
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_tables_of_two_processes_are_those_of_one_device(sites, tmp_path, monkeypatch):
    fields = {f.removeprefix("config."): v for f, v in FLAGS.items() if f.count(".") > 1}
    fields |= {"data_dir": sites, "train.epochs": 2}
    flags = {"table": "1,2", "targets": "home", "sites": "mall,campus", "recipe": "tuned-smoke"}
    flags |= {"seeds": "0,1", "rows": "students"}
    for name, more in (("one", {}), ("two", {"devices": 4, "processes": 2})):
        folder = tmp_path / name
        own = {"workdir": folder / "rows", "output": folder / "report"}
        settings = fields | ({"run.mesh": "replica:8"} if more else {})
        assignments = [f"--set={field}={value}" for field, value in settings.items()]
        started = start(monkeypatch, "tables", flags | own, *assignments, **more)
        for ended in finish(started):
            assert ended.code == 0, ended.err
    assert_same_run(tmp_path / "two", tmp_path / "one")
    table = Path("report") / "tuned-smoke" / "home-table-1.csv"
    assert (tmp_path / "two" / table).read_text() == (tmp_path / "one" / table).read_text()
