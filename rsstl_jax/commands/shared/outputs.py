"""Where results go and where students lie, checked before the hours that a command may take."""

import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from absl import flags
from ml_collections import ConfigDict

from rsstl_jax.errors import ConfigError
from rsstl_jax.store.files import writing
from rsstl_jax.store.processes import is_first

SITE_FILES = ("train.csv", "test.csv", "unlabelled.csv", "layout.json")


def folder_of_run(config: ConfigDict, default: str) -> str:
    """The folder that --workdir names, or else the default, its <target> and so on filled in."""
    for field in ("target", "network", "recipe"):
        # The network may be package.module:function, and not every system has folders with a colon.
        default = default.replace(f"<{field}>", config[field].replace(":", "."))
    workdir = str(flags.FLAGS.workdir or default)
    check_folder("--workdir", workdir)
    if config.bundle_dir:
        bundles = os.path.expanduser(config.bundle_dir)
        _existing(f"--config.bundle_dir={bundles}", Path(bundles))
    return workdir


def check_folder(flag: str, folder: str | Path) -> None:
    """Refuses a folder that cannot be made or written to; nothing is left in it."""
    if not is_first():
        return  # It writes nothing.
    there = _existing(f"{flag}={folder}", Path(folder))
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        reason = f"nothing can be written in {there} ({error.strerror})"
        raise ConfigError(f"{flag}={folder}: {reason}; name another folder") from error


def check_file(
    flag: str,
    file: str | Path,
    *,
    endings: tuple[str, ...],
    begins: tuple[bytes, ...],
    inputs: Sequence[str | Path] = (),
) -> None:
    """Refuses a file that cannot be written or is read, or whose name or beginning is another's."""
    path = Path(file)
    if path.is_file() and (
        path.name.removesuffix(".gz") in SITE_FILES
        or any(os.path.exists(read) and path.samefile(read) for read in inputs)
    ):
        raise ConfigError(f"{flag}={file}: this is a file that commands read; name another")
    if path.is_dir():
        raise ConfigError(f"{flag}={file}: this is a folder; name a file")
    is_device = path.exists() and not path.is_file()
    if not is_device and not str(file).endswith(endings):
        raise ConfigError(f"{flag}={file}: a {' or '.join(endings)} is written; name such a file")
    if path.is_file():
        with path.open("rb") as there:
            beginning = there.read(max(map(len, begins)))
        if beginning and not beginning.startswith(begins):
            raise ConfigError(
                f"{flag}={file}: this file holds something else than the command writes; name "
                "another or remove it"
            )
    check_folder(flag, path.parent)


def open_output(file: str, *, streams: bool) -> AbstractContextManager[IO[str]]:
    """A file of answers, or standard output for -; of several processes the first one writes."""
    if not is_first():
        return open(os.devnull, "w", encoding="utf-8")
    if file == "-":
        return open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False)
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    if streams:  # which may have no end
        return path.open("w", encoding="utf-8", newline="")
    return writing(path, "w", encoding="utf-8", newline="")


def _existing(given: str, folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not there.is_dir():
        raise ConfigError(f"{given}: {there} is a file; name a folder")
    return there


def pretrained_folder() -> Path | None:
    """The folder of the weights of no site that --student names; None: it names a locator."""
    if flags.FLAGS.student == "pretrained":
        # `PRETRAINED` is the same, in a module that takes seconds to import.
        return Path(__file__).parents[2] / "pretrained"
    folder = Path(flags.FLAGS.student)
    is_bundle = (folder / "agnostic.json").exists() and not (folder / "at_site.json").exists()
    return folder if is_bundle and not flags.FLAGS.workdir else None


def student_folder(others: str = "") -> Path:
    """The folder of the locator that --workdir and --student name."""
    workdir, student = flags.FLAGS.workdir, flags.FLAGS.student
    if workdir:
        return find_student(workdir, student)
    if Path(student).is_dir():
        return Path(student)
    raise ConfigError(
        f"--student={student} needs --workdir, the folder of a finished run of distill; without "
        f"one it is the folder of a locator{others}"
    )


def find_student(workdir: str, name: str) -> Path:
    """The folder of a saved student; where there is none, the error says what there is."""
    students = Path(workdir) / "students"
    cards = sorted(students.glob("*/*/student.json"))
    known = [card.parent.relative_to(students).as_posix() for card in cards]
    name = name.rstrip("/")  # which completion in a shell adds
    if not known:
        raise ConfigError(
            f"--workdir={workdir} holds no student; name the folder of a finished run of distill"
        )
    if name not in known:
        raise ConfigError(f"{workdir} has no student {name}; it has {', '.join(known)}")
    return students / name
