"""What a training leaves on disk while it runs: metrics and states."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rsstl_jax.files import write_text
from rsstl_jax.train.checkpoint import load_checkpoint, save_checkpoint

__all__ = ["Recorder"]


class Recorder:
    """Writes metrics.jsonl and checkpoints/ of one workdir; reading them back resumes a run.

    Every training has a name, such as "seed-0/distilled". Its latest state lies in
    checkpoints/<name>/latest and what it ended with in checkpoints/<name>/final.

    Args:
        workdir: folder of the run; made if needed.
        log_every_epochs: epochs between two looks at the device.
        checkpoint_every_s: least seconds between two saves of the latest state.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as workdir:
        ...     recorder = Recorder(workdir)
        ...     recorder.log({"run": "seed-0/distilled", "epoch": 1, "loss": 2.5})
        ...     [record["loss"] for record in recorder.records()]
        [2.5]
    """

    def __init__(
        self, workdir: str | Path, *, log_every_epochs: int = 5, checkpoint_every_s: float = 30.0
    ) -> None:
        self.workdir = Path(workdir)
        self.workdir.mkdir(parents=True, exist_ok=True)
        self.log_every_epochs = log_every_epochs
        self.checkpoint_every_s = checkpoint_every_s
        self._metrics = self.workdir / "metrics.jsonl"
        self._last_save = time.monotonic()

    def log(self, *records: Mapping[str, Any]) -> None:
        """Appends records to metrics.jsonl, one JSON object a line."""
        with self._metrics.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)

    def records(self) -> list[dict[str, Any]]:
        """The records of metrics.jsonl; empty where there is none."""
        if not self._metrics.exists():
            return []
        lines = self._metrics.read_text(encoding="utf-8").splitlines(keepends=True)
        # A line without its newline is the rest of a write that was broken off.
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def forget_after(self, name: str, epoch: int) -> None:
        """Drops a training's records past an epoch: those will be written anew."""
        kept = [r for r in self.records() if r.get("run") != name or r.get("epoch", 0) <= epoch]
        write_text(self._metrics, "".join(json.dumps(record) + "\n" for record in kept))

    def save_latest(self, name: str, state: Any, epoch: int) -> None:
        """Saves a training's state if enough time has gone by since the last save."""
        if time.monotonic() - self._last_save >= self.checkpoint_every_s:
            save_checkpoint(self._folder(name) / "latest", state, step=epoch)
            self._last_save = time.monotonic()

    def load_latest(self, name: str, like: Any) -> tuple[int, Any] | None:
        """(epoch, state) to go on from, or None."""
        return load_checkpoint(self._folder(name) / "latest", like)

    def save_final(self, name: str, result: Any, epoch: int) -> None:
        """Saves what a training ended with, kept apart from the latest state."""
        save_checkpoint(self._folder(name) / "final", result, step=epoch)

    def load_final(self, name: str, like: Any) -> Any | None:
        """What a finished training ended with, or None if it has not finished."""
        loaded = load_checkpoint(self._folder(name) / "final", like)
        return None if loaded is None else loaded[1]

    def _folder(self, name: str) -> Path:
        return self.workdir / "checkpoints" / name
