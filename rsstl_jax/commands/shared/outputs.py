"""Where results go and where students lie, checked before the hours that a command may take."""

import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from difflib import get_close_matches
from pathlib import Path
from typing import IO

from absl import flags
from ml_collections import ConfigDict

from rsstl_jax.errors import ConfigError
from rsstl_jax.store.files import writing
from rsstl_jax.store.processes import is_first

SITE_FILES = ("train.csv", "test.csv", "unlabelled.csv", "layout.json")
"""What a site's folder holds, beside the files of published datasets."""


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
    _check_writable(f"{flag}={folder}", Path(folder))


def check_file(
    flag: str,
    file: str | Path,
    *,
    inputs: Sequence[str | Path] = (),
    endings: tuple[str, ...] = (),
    begins: tuple[str, ...] = (),
) -> None:
    """Refuses a file that cannot be written or is read, or whose name says another form.

    One that is there must begin as the command's own files do: it is no file of a run.
    """
    if Path(file).is_dir():
        raise ConfigError(f"{flag}={file}: this is a folder; name a file")
    is_device = Path(file).exists() and not Path(file).is_file()
    if endings and not is_device and not str(file).endswith(endings):
        raise ConfigError(f"{flag}={file}: a {' or '.join(endings)} is written; name such a file")
    if Path(file).exists() and any(_is_of(Path(file), Path(read)) for read in inputs):
        raise ConfigError(f"{flag}={file}: the command reads this file; name another")
    if Path(file).is_file() and Path(file).name.removesuffix(".gz") in SITE_FILES:
        raise ConfigError(f"{flag}={file}: this is a site's own file; name another")
    if begins and Path(file).is_file():
        with Path(file).open("rb") as there:
            beginning = there.read(max(map(len, begins)))
        if beginning and not beginning.startswith(tuple(text.encode() for text in begins)):
            raise ConfigError(
                f"{flag}={file}: this file holds something else than the command writes; name "
                "another or remove it"
            )
    _check_writable(f"{flag}={file}", Path(file).parent)


def open_output(file: str, *, streams: bool) -> AbstractContextManager[IO[str]]:
    """A file of answers, or standard output for -; of several processes the first one writes.

    What streams may have no end: its answers are not kept back until all of them are there.
    """
    if not is_first():
        return open(os.devnull, "w", encoding="utf-8")
    if file == "-":
        return open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False)
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A device keeps its name.
    if streams or (path.exists() and not path.is_file()):
        return path.open("w", encoding="utf-8", newline="")
    return writing(path, "w", encoding="utf-8", newline="")


def site_folder(name: str, data_dir: str | None) -> Path:
    """The folder of a site that a flag names."""
    from rsstl_jax.data.load import resolve_data_dir

    return resolve_data_dir(data_dir)[0] / name


def _is_of(file: Path, read: Path) -> bool:
    """Whether a file is the one that is read, or a table of the site whose folder is."""
    if not read.is_dir():
        return read.exists() and file.samefile(read)
    if read.resolve() not in file.resolve().parents:
        return False
    # Data cards load NumPy, which --help answers without.
    from rsstl_jax.data.cards import CARDS

    published = {f.name for card in CARDS.values() for f in (*card.contents, *card.downloads)}
    return file.name.removesuffix(".gz") in published | {*SITE_FILES}


def _check_writable(given: str, folder: Path) -> None:
    if not is_first():
        return  # It writes nothing.
    there = _existing(given, folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        reason = f"nothing can be written in {there} ({error.strerror})"
        raise ConfigError(f"{given}: {reason}; name another folder") from error


def _existing(given: str, folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not there.is_dir():
        raise ConfigError(f"{given}: {there} is a file; name a folder")
    return there


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
    run, students = Path(workdir), Path(workdir) / "students"
    if not run.is_dir():
        what = "this is a file" if run.exists() else "there is no such folder"
        raise ConfigError(f"--workdir={workdir}: {what}; name the folder of a run of distill")
    names = sorted(card.parent.relative_to(students) for card in students.glob("*/*/student.json"))
    known = [path.as_posix() for path in names]
    if name in known:
        return students / name
    if known:
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        begun = (run / "checkpoints" / name).is_dir()
        state = "has not finished the student" if begun else "has no student"
        raise ConfigError(f"{workdir} {state} {name}; it has {', '.join(known)}{hint}")
    if (run / "config.json").exists():
        raise ConfigError(
            f"{workdir} has no student yet: its run has not finished, or is not one of distill"
        )
    raise ConfigError(f"{workdir} holds no run: config.json is missing; rsstl distill makes one")
