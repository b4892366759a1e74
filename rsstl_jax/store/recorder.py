"""What a training leaves on the disk while it runs: metrics and states."""

import json
import logging
import os
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import jax

from rsstl_jax.store.checkpoint import load_checkpoint, save_checkpoint
from rsstl_jax.store.event_files import EventFiles
from rsstl_jax.store.files import naming, read_lines, write_text
from rsstl_jax.store.processes import are_several, exchange, in_first, is_first

_log = logging.getLogger(__name__)


class Recorder:
    """Writes metrics.jsonl and checkpoints/ of one workdir; reading them back resumes a run.

    The first of several processes does both, but for states that the devices of all of them share.
    """

    def __init__(
        self,
        workdir: str | Path,
        *,
        log_every_epochs: int = 5,
        checkpoint_every_s: float = 30.0,
        owner: str = "",
        tensorboard: bool = False,
    ) -> None:
        self.workdir = Path(workdir)
        self.log_every_epochs = log_every_epochs
        self.checkpoint_every_s = checkpoint_every_s
        self.owner = owner
        self._metrics = self.workdir / "metrics.jsonl"
        self._last_save = time.monotonic()
        self._saved: dict[str, int] = {}
        self._event_files: EventFiles | None = None
        self._open(tensorboard)
        self.shared = self._is_seen_by_all()

    def _is_seen_by_all(self) -> bool:
        """Whether the workdir is one folder for all processes, so that each can save its shards."""
        if not are_several():
            return True
        token = self.workdir / exchange(f"seen-{os.urandom(8).hex()}")[0]
        in_first(token.touch)()
        seen = exchange(token.exists())
        in_first(token.unlink)()
        if not all(seen) and is_first():
            _log.warning(
                "process %s does not see %s: process 0 saves all states",
                seen.index(False),
                self.workdir,
            )
        return all(seen)

    @in_first
    def _open(self, tensorboard: bool) -> None:
        self.workdir.mkdir(parents=True, exist_ok=True)
        if tensorboard:
            self._event_files = EventFiles(self.workdir)
            self._event_files.rewrite(self.records())

    @in_first
    def log(self, *records: Mapping[str, Any]) -> None:
        """Appends records to metrics.jsonl, one JSON object a line."""
        lines = "".join(json.dumps(record) + "\n" for record in records).encode()
        with naming(self._metrics), self._metrics.open("a+b") as file:
            _drop_broken_line(file)
            file.write(lines)
        if self._event_files:
            self._event_files.add(records)

    @in_first
    def log_once(self, record: Mapping[str, Any]) -> None:
        """Appends a record unless an earlier start has written the same."""
        if json.loads(json.dumps(record)) not in self.records():
            self.log(record)

    @in_first
    def report(self, name: str, message: str) -> None:
        """Writes to metrics.jsonl and stderr that something on the disk was not used."""
        _log.warning("%s", message)
        self.log({"run": name, "not used": message})

    @in_first
    def records(self) -> list[dict[str, Any]]:
        """The records of metrics.jsonl; empty where there is none."""
        if not self._metrics.exists():
            return []
        with naming(self._metrics):
            content = self._metrics.read_bytes()
        # A line without its newline is the rest of an interrupted write.
        whole = content[: content.rfind(b"\n") + 1]
        return read_lines(whole, self._metrics) if whole else []

    @in_first
    def last_written_s(self) -> float | None:
        """When metrics.jsonl was last written, seconds since 1970; None where there is none."""
        return self._metrics.stat().st_mtime if self._metrics.exists() else None

    @in_first
    def forget_after(self, names: Collection[str], epoch: int) -> None:
        """Drops the records of trainings after an epoch, which will be written anew."""
        records = self.records()
        kept = [r for r in records if r.get("run") not in names or r.get("epoch", 0) <= epoch]
        write_text(self._metrics, "".join(json.dumps(record) + "\n" for record in kept))
        if self._event_files and len(kept) < len(records):
            self._event_files.rewrite(kept)

    def save_latest(
        self, name: str, state: Any, epoch: int, *, now: bool = False, count: int | None = None
    ) -> None:
        """Saves a training's state if the last save is `checkpoint_every_s` old, or now."""
        if self._is_due(name, epoch, now):
            folder, owner = self._folder(name) / "latest", self._owner(name)
            state = state if self.shared else jax.device_get(state)
            save_checkpoint(folder, state, step=epoch, owner=owner, keep=2, count=count)
            self._last_save, self._saved[name] = time.monotonic(), epoch

    @in_first
    def _is_due(self, name: str, epoch: int, now: bool) -> bool:
        due = now or time.monotonic() - self._last_save >= self.checkpoint_every_s
        if due and self._saved.get(name) != epoch:
            self._sync_metrics()
            return True
        return False

    def load_latest(
        self, name: str, like: Any, *, count: int | None = None
    ) -> tuple[int, Any] | None:
        """(epoch, state) to resume from, or None."""
        loaded = self._load(name, "latest", like, count)
        if loaded is not None:
            self._saved[name] = loaded[0]
        return loaded

    @in_first
    def save_final(self, name: str, result: Any, epoch: int) -> None:
        """Saves the result of a training, apart from its latest state."""
        self._sync_metrics()
        save_checkpoint(self._folder(name) / "final", result, step=epoch, owner=self._owner(name))

    def load_final(self, name: str, like: Any) -> Any | None:
        """The result of a training, or None if it has not finished."""
        loaded = self._load(name, "final", like)
        return None if loaded is None else loaded[1]

    def _load(
        self, name: str, kind: str, like: Any, count: int | None = None
    ) -> tuple[int, Any] | None:
        report = lambda message: self.report(name, message)  # noqa: E731
        folder = self._folder(name) / kind
        return load_checkpoint(folder, like, owner=self._owner(name), report=report, count=count)

    def _owner(self, name: str) -> str:
        return f"{name} of {self.owner}" if self.owner else name

    def _sync_metrics(self) -> None:
        """Flushes the metrics: those of a state are on the disk before the state is."""
        if self._metrics.exists():
            with naming(self._metrics), self._metrics.open("ab") as file:
                os.fsync(file.fileno())

    def _folder(self, name: str) -> Path:
        return self.workdir / "checkpoints" / name


def _drop_broken_line(file: Any) -> None:
    """Cuts off the rest of an interrupted write, which the next line would join."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 1, 0))
    if file.read(1) not in (b"", b"\n"):
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
