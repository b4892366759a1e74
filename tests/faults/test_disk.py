"""A full disk, a read-only folder, a missing permission: one line with the path, nothing half."""

import errno
import json
import os
import resource
import subprocess

import killing
import numpy as np
import pytest

from rsstl_jax.store.checkpoint import load_checkpoint, save_checkpoint
from rsstl_jax.store.files import read_json, write_json, write_text
from rsstl_jax.store.lock import locked
from rsstl_jax.store.recorder import Recorder

TREE = {"w": np.random.default_rng(0).random((300, 300), np.float32)}
COMMAND = (
    "experiments/distill.py",
    "--config=configs/synthetic.py:smoke",
    "--config.sources=synthetic-mall",
    "--config.run.checkpoint_every_s=0",
    "--config.model.dnn.hidden_width=64",
    "--workdir={folder}/disk/run",
)


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    """Writes to /dev/full fail as on a full disk."""
    file = tmp_path / "result.json"
    write_json(file, {"mae_m": 1.0})
    monkeypatch.setattr("os.urandom", lambda number: bytes(number))
    (tmp_path / "result.json.00000000.new").symlink_to("/dev/full")
    with pytest.raises(OSError) as error:
        write_text(file, "x" * 100_000)
    assert str(error.value) == f"[Errno 28] No space left on device: '{file}'"
    assert json.loads(file.read_text()) == {"mae_m": 1.0}
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_a_pipe_or_a_device_is_written_and_not_replaced(tmp_path):
    pipe = tmp_path / "positions.csv"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "x_m,y_m\n")
    assert os.read(reader, 99) == b"x_m,y_m\n"
    os.close(reader)
    assert pipe.is_fifo() and [path.name for path in tmp_path.iterdir()] == [pipe.name]


def test_a_link_stays_and_what_it_names_is_written(tmp_path):
    kept, link = tmp_path / "kept.csv", tmp_path / "link.csv"
    link.symlink_to(kept.name)
    for text in ("new", "replaced"):
        write_text(link, text)
        assert link.is_symlink() and kept.read_text() == text
    assert len([*tmp_path.iterdir()]) == 2


def test_a_file_whose_folder_is_not_there_is_named_with_what_to_do(tmp_path):
    (tmp_path / "a.txt").touch()
    for folder, words in (
        ("new", "its folder is not there; make it first"),
        ("a.txt", "Not a directory"),
    ):
        file = tmp_path / folder / "site.csv"
        with pytest.raises(OSError, match=f"] {words}: '{file}'$"):
            write_text(file, "")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_state_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch, code):
    save_checkpoint(tmp_path, TREE, step=1)

    def fsync(_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fsync)
        with pytest.raises(OSError) as error:
            save_checkpoint(tmp_path, TREE, step=2)
    assert str(error.value) == f"[Errno {code}] {os.strerror(code)}: '{tmp_path}/2'"
    assert [place.name for place in tmp_path.iterdir()] == ["1"]
    assert load_checkpoint(tmp_path, TREE)[0] == 1


def test_metrics_that_cannot_be_written_are_named(tmp_path):
    recorder = Recorder(tmp_path)
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(OSError, match=rf"Is a directory: '{tmp_path}/metrics\.jsonl'"):
        recorder.log({"run": "start"})


@pytest.mark.parametrize(
    ("file", "write"),
    [
        (".lock", lambda folder: locked(folder).__enter__()),
        ("metrics.jsonl", lambda folder: Recorder(folder).log({"run": "start"})),
    ],
)
def test_a_write_that_fails_is_said_with_its_path(tmp_path, file, write):
    """The system's own error names no file; here no file may grow, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(OSError) as error:
            write(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(error.value) == f"[Errno 27] File too large: '{tmp_path / file}'"


def test_an_error_that_names_no_path_gets_the_one_that_is_read(tmp_path, monkeypatch):
    for name, read in (
        ("card.json", read_json),
        ("metrics.jsonl", lambda file: Recorder(file.parent).records()),
    ):
        (tmp_path / name).write_text("{}\n")

        def fail(*_, **__):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr("pathlib.Path.read_text", fail)
            patch.setattr("pathlib.Path.read_bytes", fail)
            with pytest.raises(OSError, match=f"Input/output error: '{tmp_path / name}'"):
                read(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; run this as another user")
def test_a_missing_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    for write in (
        lambda: write_text(tmp_path / "a", ""),
        lambda: save_checkpoint(tmp_path / "a", TREE, step=1),
        lambda: locked(tmp_path / "a").__enter__(),
    ):
        with pytest.raises(PermissionError, match=str(tmp_path / "a")):
            write()


def mount(*arguments):
    return subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 600 kB at tmp_path/disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = mount("-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk))
    if made.returncode != 0:
        pytest.skip(f"mounting a file system needs root: {made.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def one_line(ended):
    """What a command says that ended for lack of a disk, but for its progress bars."""
    assert (ended.code, ended.out) == (2, ""), ended.err
    assert "Traceback" not in ended.err
    [line] = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert ended.err.endswith(line + "\n")
    return line


@pytest.mark.slow
def test_a_command_on_a_full_disk_says_so_and_goes_on_when_there_is_room(small_disk, tmp_path):
    line = one_line(killing.finish(killing.start(COMMAND, tmp_path)))
    assert line.startswith(f"error: [Errno 28] No space left on device: '{small_disk}/")
    assert not [*small_disk.rglob("*.new")]
    assert mount("-o", "remount,size=100m", str(small_disk)).returncode == 0
    assert "| dnn distilled student |" in killing.run(COMMAND, tmp_path).out
    assert mount("-o", "remount,ro", str(small_disk)).returncode == 0
    line = one_line(killing.finish(killing.start(COMMAND, tmp_path)))
    assert line == (
        f"error: --workdir={small_disk}/run: nothing can be written in {small_disk}/run "
        "(Read-only file system); name another folder"
    )
