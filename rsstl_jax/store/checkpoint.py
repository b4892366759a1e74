"""Saves and loads pytrees; the only file that imports Orbax.

A state is a folder named by its step: what Orbax wrote, and manifest.json with the checksum of
every file, the structure, and whose state it is. It gets its name when all of that is on the disk.
"""

import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from rsstl_jax.errors import DamagedError
from rsstl_jax.store.files import (
    differences,
    naming,
    read_sealed,
    shortened,
    sync_folder,
    write_sealed,
)
from rsstl_jax.store.interrupt import defer_signals
from rsstl_jax.store.processes import in_first, is_first

MANIFEST = "manifest.json"


def save_checkpoint(
    folder: str | Path,
    tree: Any,
    *,
    step: int,
    owner: str = "",
    keep: int = 1,
    count: int | None = None,
) -> None:
    """Saves a pytree as the latest state in a folder; `count`: rows that are no padding."""
    # Of several processes the first one, unless their devices share arrays: then each its shards.
    shared = any(not leaf.is_fully_addressable for leaf in _arrays(tree))
    save = _save if shared else in_first(_save)
    # Orbax writes from threads of its own, which a signal in between would leave alone.
    with defer_signals():
        save(Path(folder).absolute(), tree, step, owner, keep, count, shared)


def _save(
    folder: Path, tree: Any, step: int, owner: str, keep: int, count: int | None, shared: bool
) -> None:
    saved, new = folder / str(step), folder / f"{step}.new"
    try:
        in_first(_clear)(folder, new)
        # Arrays of one device as NumPy's.
        fetch = lambda leaf: leaf if _is_sharded(leaf) else jax.device_get(leaf)  # noqa: E731
        with _orbax(shared) as checkpointer:
            arguments = ocp.args.StandardSave(jax.tree.map(fetch, tree))
            checkpointer.save(new / "state", args=arguments)
        manifest = {"owner": owner, "structure": _structure(tree, count)}
        in_first(_keep)(folder, manifest, step, keep)
    except Exception as error:
        if is_first():
            shutil.rmtree(new, ignore_errors=True)
        raise _write_error(error, saved) from error


def _clear(folder: Path, new: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(new, ignore_errors=True)


def _keep(folder: Path, manifest: dict[str, Any], step: int, keep: int) -> None:
    """Seals a state, gives it its name, and removes those before it."""
    saved, new = folder / str(step), folder / f"{step}.new"
    write_sealed(new / MANIFEST, manifest | {"files": _checksums(new)})
    if saved.exists():
        _remove(saved)
    new.rename(saved)
    sync_folder(folder)
    older = [other for other in _steps(folder) if other < step]
    kept = {step, *older[max(len(older) - keep + 1, 0) :]}
    for other in set(_steps(folder)) - kept:
        _remove(folder / str(other))
    for temporary in [*folder.glob("*.new"), *folder.glob("*.old")]:
        shutil.rmtree(temporary, ignore_errors=True)


def load_checkpoint(
    folder: str | Path,
    like: Any,
    *,
    owner: str = "",
    report: Callable[[str], None] | None = None,
    count: int | None = None,
) -> tuple[int, Any] | None:
    """(step, tree), on the devices of `like`, of the latest good state; bad ones are reported."""
    folder = Path(folder).absolute()
    step = in_first(_latest)(folder, _structure(like, count), owner, report)
    if step is None:
        return None
    shared = any(not leaf.is_fully_addressable for leaf in _arrays(like))
    restore = _restore if shared else in_first(_restore)
    return step, restore(folder / str(step) / "state", like, shared)


def _latest(
    folder: Path,
    structure: dict[str, str],
    owner: str,
    report: Callable[[str], None] | None,
) -> int | None:
    for step in reversed(_steps(folder)):
        try:
            _check(folder / str(step), structure, owner)
        except DamagedError as error:
            if report is None:
                raise
            report(str(error))
        else:
            return step
    return None


def _restore(state: Path, like: Any, shared: bool) -> Any:
    # Whole arrays as NumPy's: Orbax would bind others to the device they were saved on, and a
    # compiled program that meets both kinds is compiled once more.
    def target(leaf: Any) -> Any:
        if _is_sharded(leaf):
            return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)
        return np.zeros(leaf.shape, leaf.dtype)

    def finish(leaf: Any, wanted: Any) -> Any:
        if _is_sharded(wanted):
            return leaf
        return jnp.array(leaf[: len(wanted)] if wanted.ndim else leaf)

    # Not strict: Orbax cuts off padding, and adds it, as shardings need it.
    arguments = ocp.args.StandardRestore(jax.tree.map(target, like), strict=False)
    with defer_signals(), _orbax(shared) as checkpointer:
        restored = checkpointer.restore(state, args=arguments)
    return jax.tree.map(finish, restored, like)


def _arrays(tree: Any) -> list[jax.Array]:
    return [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array)]


def _is_sharded(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and len(leaf.sharding.device_set) > 1


def _check(saved: Path, structure: dict[str, str], owner: str) -> None:
    """Raises DamagedError unless a state is whole and has that structure and owner."""
    if not (saved / MANIFEST).exists():
        raise DamagedError(f"{saved} has no {MANIFEST}: an earlier version or another tool made it")
    manifest = read_sealed(saved / MANIFEST)
    if manifest["owner"] != owner:
        raise DamagedError(
            f"{saved} is a state of {manifest['owner'] or 'no owner'!r}; "
            f"one of {owner or 'no owner'!r} is needed"
        )
    # Orbax would find this too, and print a traceback of its own.
    if changed := differences(manifest["structure"], structure):
        raise DamagedError(f"{saved} is a state of another structure: {shortened(changed, most=3)}")
    for name, checksum in manifest["files"].items():
        file = saved / name
        if not file.is_file():
            raise DamagedError(f"{file} is missing")
        if _checksum(file) != checksum:
            raise DamagedError(f"{file} is damaged: its checksum does not fit")


def _structure(tree: Any, count: int | None) -> dict[str, str]:
    """{path of a leaf: its dtype and shape}, without padding."""

    def form(leaf: Any) -> str:
        shape = leaf.shape if count is None else (count, *leaf.shape[1:])
        return f"{leaf.dtype}[{','.join(map(str, shape))}]"

    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): form(leaf)
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


def _steps(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.glob("*") if path.name.isdigit())


def _checksums(folder: Path) -> dict[str, str]:
    """{file below a folder: its SHA-256}; all of them are flushed to the disk."""
    checksums = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            sync_folder(path)
        else:
            checksums[path.relative_to(folder).as_posix()] = _checksum(path)
            with path.open("rb") as file:
                os.fsync(file.fileno())
    return checksums


def _checksum(path: Path) -> str:
    with naming(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove(saved: Path) -> None:
    """Renames a state before it is deleted: half a state must not look like one."""
    old = saved.with_name(saved.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    saved.rename(old)
    shutil.rmtree(old)


@contextmanager
def _orbax(shared: bool) -> Iterator[ocp.Checkpointer]:
    """Orbax without its log: its threads print a traceback of every error that they hand on."""
    logger = logging.getLogger("absl")
    logger.addFilter(_is_from_elsewhere)
    # Of several processes the first one alone waits for no other, unless all have shards.
    alone = {"active_processes": {0}, "barrier_sync_key_prefix": "first"}
    options = ocp.options.MultiprocessingOptions(**({} if shared else alone))
    handler = ocp.StandardCheckpointHandler(multiprocessing_options=options)
    with ocp.Checkpointer(handler, multiprocessing_options=options) as checkpointer:
        yield checkpointer
    logger.removeFilter(_is_from_elsewhere)


def _is_from_elsewhere(record: logging.LogRecord) -> bool:
    return "orbax" not in record.pathname


def _write_error(error: Exception, saved: Path) -> Exception:
    """The error that names the state; Orbax hands on its storage library's as a ValueError."""
    if isinstance(error, OSError):
        return OSError(error.errno, error.strerror, str(saved))
    if code := re.search(r"os_error_code='(\d+)'", str(error)):
        return OSError(int(code[1]), os.strerror(int(code[1])), str(saved))
    return error
