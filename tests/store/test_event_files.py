"""TensorBoard's event files hold what metrics.jsonl holds, each epoch once."""

import struct
import sys

import optax
import pytest
from jax import numpy as jnp
from jax import random
from tiny import broken_off, make_tiny_config

from rsstl_jax.engine.loop import fit
from rsstl_jax.engine.train_state import make_state
from rsstl_jax.errors import ConfigError
from rsstl_jax.site_agnostic.zero_shot import _open_folder
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.store.workdir import open_workdir


def points_of(folder):
    """[(tag, step, value)] of the event files in a folder, in the order they were written."""
    from tensorboardX.proto.event_pb2 import Event

    points = []
    for file in sorted(folder.glob("events.*")):
        content = file.read_bytes()
        while content:
            # A record: its length, a checksum, the event, a checksum.
            (length,) = struct.unpack("<Q", content[:8])
            event = Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]
            points += [(v.tag, event.step, v.simple_value) for v in event.summary.value]
    return points


def epochs_of(recorder, name):
    return [r["epoch"] for r in recorder.records() if r["run"] == name]


def test_a_folder_a_training_and_a_point_an_epoch(tmp_path):
    pytest.importorskip("tensorboardX")
    recorder = Recorder(tmp_path, tensorboard=True)
    recorder.log({"run": "start", "device": "cpu"})
    record = {"run": "seed-0/distilled", "batch_size": 8, "loss": 2.5, "similarity": 0.5}
    recorder.log(record | {"epoch": 1}, record | {"epoch": 2, "loss": 1.5})
    recorder.log({"run": "seed-0/standalone", "epoch": 1, "loss": 3.0})
    folder = tmp_path / "tensorboard" / "seed-0"
    assert sorted(points_of(folder / "distilled")) == [
        *(("loss", 1, 2.5), ("loss", 2, 1.5), ("similarity", 1, 0.5), ("similarity", 2, 0.5)),
    ]
    assert points_of(folder / "standalone") == [("loss", 1, 3.0)]
    assert {path.name for path in (tmp_path / "tensorboard").iterdir()} == {"seed-0"}


def test_a_resumed_training_repeats_no_step(tmp_path, monkeypatch):
    """It is broken off with two epochs more in the log than in the last state."""
    pytest.importorskip("tensorboardX")

    def step(state, batch, key, context):
        return state._replace(params=state.params + 1), {"loss": state.params}

    def train():
        recorder = Recorder(tmp_path, log_every_epochs=2, checkpoint_every_s=0, tensorboard=True)
        state = make_state(jnp.zeros(()), optax.sgd(1.0))
        fit(step, state, jnp.ones(4), random.key(0), epochs=6, batch_size=4, name="count",
            recorder=recorder)  # fmt: skip
        return recorder

    with broken_off(monkeypatch, at=4):
        train()
    recorder = train()
    expected = [("loss", epoch, float(epoch - 1)) for epoch in range(1, 7)]
    assert points_of(tmp_path / "tensorboard" / "count") == expected
    assert epochs_of(recorder, "count") == [1, 2, 3, 4, 5, 6]


def test_what_was_trained_before_is_there_too(tmp_path):
    """The field may be set at a later start of the same run."""
    pytest.importorskip("tensorboardX")
    config = make_tiny_config()
    open_workdir(config, tmp_path).log({"run": "a", "epoch": 1, "loss": 2.0})
    assert not (tmp_path / "tensorboard").exists()
    config.run.tensorboard = True
    for _ in range(2):
        open_workdir(config, tmp_path)
        assert points_of(tmp_path / "tensorboard" / "a") == [("loss", 1, 2.0)]


@pytest.mark.parametrize("open_folder", [open_workdir, _open_folder])
def test_without_tensorboardx_it_says_what_to_install(tmp_path, monkeypatch, open_folder):
    monkeypatch.setitem(sys.modules, "tensorboardX.event_file_writer", None)
    config = make_tiny_config(**{"run.tensorboard": True})
    with pytest.raises(ConfigError, match=r"pip install 'rsstl_jax\[tensorboard\]', or take False"):
        open_folder(config, tmp_path)
