"""One process at a time in a folder.

The system's `flock` and not a package: the lock file has to keep the pid and host of its holder for
whoever is refused, and a lock must end with its process, however that ends.
"""

import fcntl
import json
import logging
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TypeVar

from rsstl_jax.errors import DamagedError, DataError, LockedError, MissingDataError
from rsstl_jax.store.files import naming
from rsstl_jax.store.processes import in_first

T = TypeVar("T")

_log = logging.getLogger(__name__)


@contextmanager
def locked(folder: str | Path, *, wait: bool = False) -> Iterator[None]:
    """Locks a folder for this run; the system unlocks it when the process ends in any way."""
    with ExitStack() as held:
        in_first(held.enter_context)(_locked(folder, wait))
        yield


@contextmanager
def _locked(folder: str | Path, wait: bool) -> Iterator[None]:
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Without a buffer: what a full disk did not take would fail once more when the file is closed.
    with (folder / ".lock").open("a+b", buffering=0) as file:
        waiting = False
        while not _acquire(file):
            if not wait:
                raise LockedError(f"{folder} is in use by {_holder(file)}")
            if not waiting:
                _log.warning("waiting for %s, which %s holds", folder, _holder(file))
            waiting = True
            time.sleep(0.5)
        with naming(file.name):
            file.truncate(0)
            file.write(json.dumps({"pid": os.getpid(), "host": platform.node()}).encode())
        yield


def load_or_make(
    folder: Path,
    load: Callable[[], T | None],
    make: Callable[[], T],
    *,
    report: Callable[[str], None],
    missing: MissingDataError | None = None,
) -> T:
    """What a folder holds, else what is made there; of several runs one makes it, others wait.

    `missing` says that it cannot be made here; `report` gets a line of what is made anew.
    """
    try:
        # It needs no lock, so that bundles may lie where one can only read.
        held = load()
    except DamagedError as error:
        if missing:
            raise DataError(f"{missing} And the bundle cannot be used: {error}") from error
        held = None
    if missing:
        if held is None:
            raise missing
        _log.warning("%s is used unchecked: %s", folder, missing)
    if held is not None:
        return held
    with locked(folder, wait=True):
        try:
            held = load()
        except DamagedError as error:
            report(f"{error}; it is made anew")
        return make() if held is None else held


def _acquire(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        # File systems without locks say so in many ways; none of them is a reason not to work.
        _log.warning(
            "%s: this file system has no locks (%s); start no second run there",
            file.name,
            error.strerror,
        )
    return True


def _holder(file: IO[bytes]) -> str:
    file.seek(0)
    try:
        holder = json.loads(file.read())
        return f"process {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"  # It holds the lock and has not yet written its name.
