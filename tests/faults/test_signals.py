"""A signal ends a training with its state saved, however recently one was; a second one at once."""

import signal
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import optax
import pytest
import running

from rsstl_jax.engine.loop import fit
from rsstl_jax.engine.train_state import make_state
from rsstl_jax.errors import Interrupted
from rsstl_jax.store import checkpoint
from rsstl_jax.store.interrupt import catch_signals, defer_signals
from rsstl_jax.store.recorder import Recorder

STUBBORN = (
    "import time\n"
    "from rsstl_jax.store.interrupt import catch_signals, defer_signals\n"
    "with catch_signals(), defer_signals():\n"
    "    print('on', flush=True)\n"
    "    while True: time.sleep(0.1)\n"
)


class Signalling(Recorder):
    """Is sent a signal when an epoch is logged."""

    def log(self, *records):
        super().log(*records)
        if records[-1]["epoch"] == 2:
            signal.raise_signal(signal.SIGTERM)


def count(state, batch, key, context):
    return state._replace(params=state.params + 1), {"loss": state.params}


def train(recorder):
    start = make_state(jnp.zeros(()), optax.sgd(1.0))
    options = {"epochs": 4, "batch_size": 5, "name": "a", "recorder": recorder}
    return fit(count, start, jnp.ones(10), jax.random.key(0), **options)


def test_the_state_is_saved_and_the_training_goes_on_from_there(tmp_path):
    options = {"log_every_epochs": 1, "checkpoint_every_s": 1e9}
    with pytest.raises(Interrupted) as error, catch_signals():
        train(Signalling(tmp_path, **options))
    assert (str(error.value), error.value.signum) == ("interrupted by SIGTERM", signal.SIGTERM)
    recorder = Recorder(tmp_path, **options)
    epoch, state = recorder.load_latest("a", make_state(jnp.zeros(()), optax.sgd(1.0)))
    assert (epoch, float(state.params)) == (2, 4.0)
    assert float(train(recorder).params) == 8.0
    assert [record["epoch"] for record in recorder.records()] == [1, 2, 3, 4]


def test_where_nothing_is_lost_a_signal_ends_at_once():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match="interrupted by SIGINT"), catch_signals():
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it went on")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("command", "more"),
    [("distill", "; the same command continues from the last saved state"), ("evaluate", "")],
)
def test_only_a_command_that_saves_states_promises_to_continue(command, more):
    program = (
        "import signal\n"
        "from rsstl_jax import cli\n"
        "def main():\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        f"cli.run(main, name={command!r})\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=running.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 128 + signal.SIGINT
    assert ended.stderr == f"interrupted by SIGINT{more}\n"


def test_a_signal_while_jax_is_loaded_ends_the_process_as_if_it_were_not_caught():
    """An exception would pass through JAX's C++ modules, which abort with a traceback on one."""
    program = (
        "import signal, sys\n"
        "from rsstl_jax.store.interrupt import catch_signals\n"
        "class Sends:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'jaxlib._jax':\n"
        "            signal.raise_signal(signal.SIGTERM)\n"
        "sys.meta_path.insert(0, Sends())\n"
        "with catch_signals():\n"
        "    import jax\n"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=running.ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (-signal.SIGTERM, "interrupted by SIGTERM\n")


def test_an_error_of_the_work_is_not_hidden_by_a_signal():
    with pytest.raises(ZeroDivisionError), catch_signals(), defer_signals():
        signal.raise_signal(signal.SIGTERM)
        _ = 1 / 0
    with catch_signals(), defer_signals() as asked:
        assert not asked()


def test_without_the_commands_handlers_stay_the_callers_own(tmp_path):
    seen = []
    before = signal.signal(signal.SIGTERM, lambda *_: seen.append(1))
    try:
        state = train(Signalling(tmp_path, log_every_epochs=1))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (seen, float(state.params)) == ([1], 8.0)


def test_a_second_signal_ends_at_once():
    command = [sys.executable, "-c", STUBBORN]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=running.ROOT, **options) as process:
        assert process.stdout.readline() == "on\n"
        process.send_signal(signal.SIGTERM)
        assert process.stderr.readline() == "\n"
        said = "ending at the next safe moment; the same signal again ends at once\n"
        assert process.stderr.readline() == said
        time.sleep(0.2)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM


def test_a_signal_during_a_save_waits_for_its_end(tmp_path, monkeypatch):
    """Orbax's threads would be left in the middle of it."""
    checksums = checkpoint._checksums

    def signalled(folder):
        signal.raise_signal(signal.SIGTERM)
        return checksums(folder)

    monkeypatch.setattr(checkpoint, "_checksums", signalled)
    with pytest.raises(Interrupted), catch_signals():
        checkpoint.save_checkpoint(tmp_path, {"w": jnp.ones(3)}, step=1)
    monkeypatch.undo()
    step, tree = checkpoint.load_checkpoint(tmp_path, {"w": jnp.zeros(3)})
    assert step == 1 and float(tree["w"].sum()) == 3.0


def test_a_signal_in_nested_work_is_raised_at_the_end_of_the_outer_one():
    done = []
    with pytest.raises(Interrupted), catch_signals(), defer_signals():
        with defer_signals() as asked:
            signal.raise_signal(signal.SIGINT)
            done.append(asked())
        done.append("outer")
    assert done == [True, "outer"]
