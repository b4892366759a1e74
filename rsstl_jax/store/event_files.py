"""The losses of metrics.jsonl as TensorBoard's event files: a copy, never read back."""

import shutil
import time
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rsstl_jax.errors import ConfigError

NO_LOSSES = {"run", "epoch", "batch_size"}
"""The fields of an epoch's record that are no losses."""


class EventFiles:
    """Writes <workdir>/tensorboard/<training>, a curve for each loss and a point for each epoch."""

    def __init__(self, workdir: Path) -> None:
        try:
            # Its SummaryWriter hands events to a thread, which drops them when a run is stopped.
            from tensorboardX.event_file_writer import EventsWriter
            from tensorboardX.proto.event_pb2 import Event
            from tensorboardX.summary import scalar
        except ModuleNotFoundError as error:
            raise ConfigError(
                "run.tensorboard is True and tensorboardX is not installed; "
                "pip install 'rsstl_jax[tensorboard]', or take False"
            ) from error
        self._open, self._event, self._scalar = EventsWriter, Event, scalar
        self._folder = workdir / "tensorboard"
        self._writers: dict[str, Any] = {}
        weakref.finalize(self, _close, self._writers)

    def rewrite(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Begins anew with these records: what an earlier start wrote would be there twice."""
        _close(self._writers)
        shutil.rmtree(self._folder, ignore_errors=True)
        self.add(records)

    def add(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Adds the losses of those records that are of an epoch of a training."""
        written = {}
        for record in records:
            if "epoch" in record:
                name = record["run"]
                if name not in self._writers:
                    (self._folder / name).mkdir(parents=True, exist_ok=True)
                    self._writers[name] = self._open(str(self._folder / name / "events"))
                writer = written[name] = self._writers[name]
                for term in record.keys() - NO_LOSSES:
                    summary = self._scalar(term, record[term])
                    at = {"wall_time": time.time(), "step": record["epoch"]}
                    writer.write_event(self._event(**at, summary=summary))
        for writer in written.values():
            writer.flush()


def _close(writers: dict[str, Any]) -> None:
    while writers:
        writers.popitem()[1].close()
