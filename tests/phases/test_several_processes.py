"""Runs of two processes with four devices each, over loopback: what they train, how they end."""

import json
import signal
import socket
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import running
from killing import records, state
from tiny import write_sites

pytestmark = pytest.mark.slow

PROCESS = """
import sys, jax, pytest
_, address, process, *options = sys.argv
jax.distributed.initialize(address, 2, int(process))
sys.exit(pytest.main([*options, "tests/phases/on_two_processes.py"]))
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

AGNOSTIC = {
    "config": "table:smoke",
    "config.target": "home",
    "config.sources": "mall,campus",
    "config.seeds": "0,1",
    "config.agnostic.epochs": 1,
    "config.agnostic.episodes_per_step": 96,
    "config.agnostic.fractions": "0.5,1.0",
    "config.agnostic.num_subsets": 2,
    "config.agnostic.episodes.num_queries": 4,
    "config.agnostic.episodes.min_support": 4,
    "config.agnostic.episodes.max_support": 12,
    "config.model.agnostic.num_blocks": 1,
    "config.model.agnostic.width": 8,
    "config.model.agnostic.num_heads": 2,
    "config.model.agnostic.feed_width": 8,
}


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    return write_sites(tmp_path_factory.mktemp("sites"), "home", "mall", "campus")


def free_address():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listening.getsockname()[1]}"


def start(script, flags, *settings, devices=1, processes=1, differing=None):
    """The processes of a command; the last one has some other flags."""
    address, started = free_address(), []
    for process in range(processes):
        own = {"coordinator": address, "num_processes": processes, "process_id": process}
        own = own if processes > 1 else {}
        if process == processes - 1:
            own |= differing or {}
        words = [f"--{name}={value}" for name, value in (flags | own).items()]
        started.append(
            running.start(f"experiments/{script}.py", *words, *settings, devices=devices)
        )
    return started


def finish(started):
    return [running.finish(process, timeout_s=1800) for process in started]


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
    address, options = free_address(), ("-p", "no:cacheprovider", "--tb=short")
    started = [
        running.start("-c", PROCESS, address, process, *options, devices=4) for process in range(2)
    ]
    for ended in finish(started):
        assert ended.code == 0, ended.out + ended.err


def test_a_killed_process_ends_the_other_and_the_run_goes_on_anywhere(sites, tmp_path):
    """Eight devices of two processes, one of which is killed; again, stopped; four devices; one."""
    flags = FLAGS | {"config.data_dir": sites}
    whole, broken = ({"workdir": tmp_path / name / "run"} for name in ("whole", "broken"))
    [ended] = finish(start("distill", flags | whole))
    assert ended.code == 0, ended.err
    for signum, more, victim in (
        (signal.SIGKILL, {"devices": 4, "processes": 2}, 1),
        (signal.SIGTERM, {"devices": 4, "processes": 2}, 0),
        (signal.SIGTERM, {"devices": 4}, 0),
    ):
        mesh = {"config.run.mesh": f"replica:{4 * more.get('processes', 1)}"}
        before = len(records(tmp_path / "broken"))
        started = start("distill", flags | broken | mesh, **more)
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
    [ended] = finish(start("distill", flags | broken))
    assert ended.code == 0 and "continuing" in ended.err, ended.err
    assert_same_run(tmp_path / "broken", tmp_path / "whole")


def test_processes_of_other_flags_or_data_are_refused(sites, tmp_path):
    flags = FLAGS | {"config.data_dir": sites, "workdir": tmp_path / "run"}
    flags |= {"config.run.mesh": "replica:2"}
    other = write_sites(tmp_path / "sites", "home", "mall", "campus")
    table = (other / "mall" / "train.csv").read_text().splitlines()
    (other / "mall" / "train.csv").write_text("\n".join(table[:-1]) + "\n")
    for differing, message in (
        ({"config.train.epochs": 9}, "train.epochs is 9 there and 8 in process 0"),
        ({"config.data_dir": other}, "data of mall is '"),
    ):
        started = start("distill", flags, processes=2, differing=differing)
        for ended in finish(started):
            assert ended.code == 2, ended.err
            assert f"process 1 differs from process 0: {message}" in ended.err
    assert not (tmp_path / "run" / "checkpoints").exists()


LONELY = """
import sys
from rsstl_jax import cli
from rsstl_jax.commands.shared import launch
launch.MEETING_S = 5
sys.argv[:1] = ["rsstl", "expert"]
cli.main()
"""


def test_a_process_that_meets_no_other_ends_with_one_line(tmp_path):
    """JAX by itself aborts, with pages of where it stood."""
    flags = {"config": "synthetic:smoke", "config.run.mesh": "replica:2", "workdir": tmp_path}
    address, words = free_address(), "has not met all 2 processes of the run at {} within 5 s"
    with socket.socket() as used:
        used.bind(("0.0.0.0", 0))
        used.listen()
        taken = f"127.0.0.1:{used.getsockname()[1]}"
        for process, at, code, said in (
            (1, address, 1, words),
            (0, address, 1, words),
            (0, taken, 2, "cannot join the others at {} ([Errno"),
        ):
            own = flags | {"coordinator": at, "num_processes": 2, "process_id": process}
            arguments = [f"--{name}={value}" for name, value in own.items()]
            ended = running.finish(running.start("-c", LONELY, *arguments))
            assert ended.code == code, ended.err
            assert (
                ended.err.strip()
                .splitlines()[-1]
                .startswith(f"error: process {process} {said.format(at)}")
            )
            assert "Traceback" not in ended.err and "Fatal Python error" not in ended.err


def test_tables_of_two_processes_are_those_of_one_device(sites, tmp_path):
    fields = {f.removeprefix("config."): v for f, v in FLAGS.items() if f.count(".") > 1}
    fields |= {"data_dir": sites, "train.epochs": 2}
    flags = {"table": "1,2", "targets": "home", "sources": "mall,campus", "recipe": "tuned-smoke"}
    flags |= {"seeds": "0,1", "rows": "students"}
    for name, more in (("one", {}), ("two", {"devices": 4, "processes": 2})):
        folder = tmp_path / name
        own = {"workdir": folder / "rows", "output": folder / "report"}
        settings = fields | ({"run.mesh": "replica:8"} if more else {})
        assignments = [f"--set={field}={value}" for field, value in settings.items()]
        started = start("tables", flags | own, *assignments, **more)
        for ended in finish(started):
            assert ended.code == 0, ended.err
    assert_same_run(tmp_path / "two", tmp_path / "one")
    table = Path("report") / "tuned-smoke" / "home-table-1.csv"
    assert (tmp_path / "two" / table).read_text() == (tmp_path / "one" / table).read_text()


def run_on_one_and_two(script, flags, folder, mesh):
    """Runs a command on one device, and on eight of two processes: folders "one" and "two"."""
    for name, own, more in (
        ("one", {}, {}),
        ("two", {"config.run.mesh": mesh}, {"devices": 4, "processes": 2}),
    ):
        own["workdir"] = folder / name / "run"
        for ended in finish(start(script, flags | own, **more)):
            assert ended.code == 0, ended.err


def test_teachers_of_two_processes_have_the_bits_of_one_device(sites, tmp_path):
    run_on_one_and_two("expert", FLAGS | {"config.data_dir": sites}, tmp_path, "replica:8")
    assert_same_run(tmp_path / "two", tmp_path / "one")
    for source in ("mall", "campus"):
        card = f"teachers/dnn-{source}-tuned-smoke/card.json"
        assert (tmp_path / "two" / card).read_bytes() == (tmp_path / "one" / card).read_bytes()


def test_a_pretraining_on_two_processes_is_that_of_one_device(sites, tmp_path):
    """An epoch of a single step of 96 episodes; the mean errors at a site that it has not seen."""
    flags = AGNOSTIC | {"config.data_dir": sites, "output": tmp_path / "tables"}
    run_on_one_and_two("agnostic", flags, tmp_path, "data:8")
    (shared, result), (expected, expected_result) = (
        (
            [r for r in records(tmp_path / name) if "epoch" in r],
            json.loads((tmp_path / name / "run" / "result.json").read_text()),
        )
        for name in ("two", "one")
    )
    assert len(shared) == len(expected) == 2
    for record, of_one in zip(shared, expected, strict=True):
        assert record.pop("run") == of_one.pop("run")
        assert record == pytest.approx(of_one, rel=10 * 96 * 2.0**-24)
    for fraction, figures in expected_result["shares"].items():
        mae_m = result["shares"][fraction]["agnostic"]["mae_m"]
        assert mae_m == pytest.approx(figures["agnostic"]["mae_m"], rel=1e-3)


def test_the_first_process_alone_looks_where_a_bundle_is_written(sites, tmp_path):
    """On the host of the other one that folder may hold anything."""
    other = tmp_path / "other" / "student.json"
    other.parent.mkdir()
    other.write_text("{}")
    measuring = ("config.target", "config.agnostic.fractions", "config.agnostic.num_subsets")
    flags = {name: value for name, value in AGNOSTIC.items() if name not in measuring}
    flags |= {"config.data_dir": sites, "config.run.mesh": "data:2", "workdir": tmp_path / "run"}
    flags |= {"pretrain": tmp_path / "bundle"}
    differing = {"pretrain": other.parent}
    for ended in finish(start("agnostic", flags, processes=2, differing=differing)):
        assert ended.code == 0, ended.err
    assert (tmp_path / "bundle" / "agnostic.json").exists()
    assert list(other.parent.iterdir()) == [other]


def test_scans_are_answered_by_two_processes_as_by_one(sites, tmp_path):
    """Blocks of the table in turn, more than there are devices; and a table that differs."""
    table = (sites / "home" / "test.csv").read_text().splitlines()
    scans, other = tmp_path / "scans.csv", tmp_path / "other" / "scans.csv"
    scans.write_text("\n".join(table + 1000 * table[1:]) + "\n")
    other.parent.mkdir()
    other.write_text("\n".join(table) + "\n")
    flags = {"student": "pretrained", "radio_map": sites / "home", "scans": scans}
    for name, more in (("one", {}), ("two", {"devices": 2, "processes": 2})):
        own = {"output": tmp_path / f"{name}.csv"} | ({"mesh": "data:4"} if more else {})
        for ended in finish(start("predict", flags | own, **more)):
            assert ended.code == 0, ended.err
    assert (tmp_path / "two.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    for differing, message in (
        ({"scans": other}, "--scans is '"),
        ({"radio_map": sites / "mall"}, "--radio_map is '"),
    ):
        started = start("predict", flags | {"mesh": "data:2"}, processes=2, differing=differing)
        for ended in finish(started):
            assert ended.code == 2 and f"differs from process 0: {message}" in ended.err, ended.err
