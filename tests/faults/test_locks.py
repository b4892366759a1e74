"""One process at a time in a workdir; runs that share teachers wait for one another."""

import os
import platform
import signal
import subprocess
import sys
import threading
import time
from importlib import import_module

import killing
import pytest
import running
from tiny import (
    draw_bundle,
    make_bundle_card,
    make_jobs,
    make_part,
    make_tiny_config,
    save_untrained,
)

from rsstl_jax import load_student
from rsstl_jax.errors import ConfigError, LockedError
from rsstl_jax.phases.bundle import save_bundle
from rsstl_jax.phases.teacher_set import make_teachers
from rsstl_jax.serving.ensemble import Ensemble
from rsstl_jax.serving.saved import save_ensemble
from rsstl_jax.store.files import writing
from rsstl_jax.store.lock import locked
from rsstl_jax.store.recorder import Recorder

HOLD = (
    "import sys, time\n"
    "from rsstl_jax.store.lock import locked\n"
    "with locked(sys.argv[1]):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(600)\n"
)


@pytest.fixture
def holder(tmp_path):
    """A process that works in tmp_path/run."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    with subprocess.Popen(command, cwd=running.ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_with_pid_and_host(holder, tmp_path):
    said = f"{tmp_path}/run is in use by process {holder.pid} on {platform.node()}"
    with pytest.raises(LockedError) as error, locked(tmp_path / "run"):
        pass
    assert str(error.value) == said
    command = (
        "experiments/distill.py",
        "--config=configs/synthetic.py:smoke",
        "--workdir={folder}",
    )
    ended = killing.finish(killing.start(command, tmp_path / "run"))
    assert (ended.code, ended.out) == (2, "")
    begun = "reading synthetic-office, synthetic-mall, synthetic-campus ...\n"
    begun += "preparing the students of synthetic-office: 600 fingerprints ...\n"
    assert ended.err == f"{begun}error: {said}\n"
    assert [file.name for file in (tmp_path / "run").iterdir()] == [".lock"]


def test_the_lock_of_a_dead_process_is_taken_over(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert f'"pid": {holder.pid}' in (tmp_path / "run" / ".lock").read_text()
    with locked(tmp_path / "run"):
        assert f'"pid": {os.getpid()}' in (tmp_path / "run" / ".lock").read_text()
        with (
            pytest.raises(LockedError, match=f"process {os.getpid()} on"),
            locked(tmp_path / "run"),
        ):
            pass
    with locked(tmp_path / "run"):
        pass


def test_a_run_waits_for_the_bundle_that_another_one_makes(tmp_path, monkeypatch, caplog):
    """And then trains none."""
    trained = []
    teachers = import_module("rsstl_jax.phases.teacher_set")
    monkeypatch.setattr(teachers, "_train_teacher", lambda *_: trained.append(1))
    folder, train = tmp_path / "dnn-mall-tuned-smoke", make_part("mall")
    card = make_bundle_card(make_tiny_config(), "mall", train)
    params = draw_bundle(card)
    held = threading.Event()

    def make():
        with locked(folder):
            held.set()
            while not caplog.messages:
                time.sleep(0.01)
            save_bundle(folder, card, params, report={"made": "there"})

    other = threading.Thread(target=make)
    other.start()
    held.wait()
    config, recorder = make_tiny_config(), Recorder(tmp_path / "run")
    jobs = make_jobs(config, train)
    found = make_teachers(config, jobs["mall"].network, jobs, tmp_path, recorder)
    other.join()
    assert (found.reports, trained) == ({"mall": {"made": "there"}}, [])
    [line] = caplog.messages
    assert line.startswith(f"waiting for {folder}, which process {os.getpid()} on ")


def test_of_two_writers_of_a_file_the_last_one_leaves_all_of_its_own(tmp_path):
    file = tmp_path / "positions.csv"
    with writing(file) as one:
        one.write(b"a,")
        one.flush()
        with writing(file) as other:
            other.write(b"b,")
        assert file.read_bytes() == b"b,"
        one.write(b"a")
    assert file.read_bytes() == b"a,a" and [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("replace", [True, False])
def test_a_locator_waits_for_another_one_that_is_written_there(tmp_path, caplog, replace):
    """And does not take its place unasked."""
    save_untrained(tmp_path, "member")
    member, folder, said = tmp_path / "students" / "member", tmp_path / "joined", []

    def save():
        try:
            save_ensemble(folder, [member], Ensemble([load_student(member)]), replace=replace)
        except ConfigError as error:
            said.append(str(error))

    other = threading.Thread(target=save)
    with locked(folder):
        other.start()
        while other.is_alive() and not caplog.messages:
            time.sleep(0.01)
        assert [file.name for file in folder.iterdir()] == [".lock"]
        (folder / "student.json").touch()
    other.join()
    assert (folder / "ensemble.json").exists() == replace
    assert bool(said) != replace and all("holds a locator already" in text for text in said)


@pytest.mark.parametrize("code", [95, 37, 38, 524, 9, 22, 5, 13])
def test_a_file_system_without_locks_is_said_and_worked_on(tmp_path, monkeypatch, caplog, code):
    """NFS, FUSE and the shares of clusters each have an error of their own for it."""

    def flock(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("rsstl_jax.store.lock.fcntl.flock", flock)
    with locked(tmp_path):
        pass
    [line] = caplog.messages
    assert line == (
        f"{tmp_path}/.lock: this file system has no locks ({os.strerror(code)}); start no second "
        "run there"
    )
