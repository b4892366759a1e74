"""Epochs, batches, interruptions and divergence, on a step that only keeps a diary."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import assert_same_bits, differing

from rsstl_jax.engine.loop import fit, make_epochs
from rsstl_jax.engine.train_state import make_state
from rsstl_jax.errors import DivergedError
from rsstl_jax.store.recorder import Recorder

ROWS = jnp.arange(10)
EPOCHS = 6


def keep_diary(state, batch, key, context):
    """Writes down the rows of every step and a number drawn from its key."""
    diary = state.params
    diary = {
        "rows": diary["rows"].at[diary["step"]].set(batch),
        "drawn": diary["drawn"].at[diary["step"]].set(jax.random.uniform(key)),
        "step": diary["step"] + 1,
    }
    return state._replace(params=diary), {"loss": diary["drawn"].sum()}


def empty_diary(batch_size=4, num_steps=2 * EPOCHS):
    diary = {
        "rows": jnp.full((num_steps, batch_size), -1),
        "drawn": jnp.zeros(num_steps),
        "step": jnp.zeros((), jnp.int32),
    }
    return make_state(diary, optax.sgd(1.0))


def train(workdir, seed=0, recorder=None, **options):
    options = {"epochs": EPOCHS, "batch_size": 4, "name": "diary"} | options
    recorder = recorder or Recorder(workdir, log_every_epochs=2, checkpoint_every_s=0)
    return fit(keep_diary, empty_diary(), ROWS, jax.random.key(seed), recorder=recorder, **options)


class Interrupted(Recorder):
    """Stops the process after the metrics of an epoch are written and before its state is."""

    def __init__(self, workdir, at, **options):
        super().__init__(workdir, **options)
        self.at = at

    def save_latest(self, name, state, epoch, **options):
        if epoch == self.at:
            raise KeyboardInterrupt
        super().save_latest(name, state, epoch, **options)


def test_a_training_that_continues_says_so_once_and_the_bar_has_no_omitted_metric(tmp_path, capfd):
    def step(state, batch, key, context):
        metrics = {"loss": state.params, "absent": jnp.zeros(())}
        return state._replace(params=state.params + 1), metrics

    options = {"epochs": 4, "batch_size": 5, "name": "seed-0/standalone"}
    options |= {"omit": {"seed-0/standalone": {"absent"}}}
    start = make_state(jnp.zeros(()), optax.sgd(1.0))
    stopping = Interrupted(tmp_path, 3, log_every_epochs=1, checkpoint_every_s=0)
    with pytest.raises(KeyboardInterrupt):
        fit(step, start, ROWS, jax.random.key(0), recorder=stopping, **options)
    assert "continuing" not in capfd.readouterr().err
    recorder = Recorder(tmp_path, log_every_epochs=1, checkpoint_every_s=0)
    fit(step, start, ROWS, jax.random.key(0), recorder=recorder, **options)
    err = capfd.readouterr().err
    assert err.count("continuing seed-0/standalone at epoch 3 of 4\n") == 1
    assert "loss=" in err and "absent" not in err
    fit(step, start, ROWS, jax.random.key(0), recorder=recorder, **options)
    assert "continuing" not in capfd.readouterr().err


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole"))


def test_every_epoch_shuffles_anew_and_drops_the_last_partial_batch(whole):
    assert whole.params["step"] == 2 * EPOCHS  # ten rows make two batches of four
    epochs = np.asarray(whole.params["rows"]).reshape(EPOCHS, 8)
    assert all(len(set(epoch)) == 8 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == EPOCHS
    assert len({frozenset(epoch) for epoch in epochs}) > 1  # it is not always the same two
    assert set(epochs.ravel()) == set(range(10))


def test_every_step_draws_from_a_key_of_its_own(whole):
    assert len(set(np.asarray(whole.params["drawn"]).tolist())) == 2 * EPOCHS


def test_the_same_seed_gives_the_same_bits_and_another_one_others(whole, tmp_path):
    assert_same_bits(train(tmp_path / "again"), whole)
    other = train(tmp_path / "other", seed=1)
    assert differing(other, whole) == {"params/rows", "params/drawn"}


@pytest.mark.parametrize("log_every_epochs", [1, 3, 6])
def test_epochs_per_call_change_nothing(whole, tmp_path, log_every_epochs):
    recorder = Recorder(tmp_path, log_every_epochs=log_every_epochs)
    assert_same_bits(train(tmp_path, recorder=recorder), whole)


def test_a_resumed_training_equals_the_uninterrupted_one(whole, tmp_path):
    recorder = Interrupted(tmp_path, at=4, log_every_epochs=2, checkpoint_every_s=0)
    recorder.log({"run": "start"}, {"run": "another", "epoch": 9})
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, recorder=recorder)
    recorder = Recorder(tmp_path, log_every_epochs=2, checkpoint_every_s=0)
    epochs = [record["epoch"] for record in recorder.records() if record["run"] == "diary"]
    assert epochs == [1, 2, 3, 4]  # two of them past the state that was saved
    assert_same_bits(train(tmp_path, recorder=recorder), whole)
    records = recorder.records()
    assert [r["epoch"] for r in records if r["run"] == "diary"] == list(range(1, EPOCHS + 1))
    assert {"run": "start"} in records and {"run": "another", "epoch": 9} in records


def test_a_longer_training_goes_on_and_ends_where_it_should(whole, tmp_path):
    """Three epochs at once, and then another three, which one chunk of all six would overshoot."""
    train(tmp_path, epochs=3, recorder=Recorder(tmp_path, checkpoint_every_s=0))
    state = train(tmp_path, recorder=Recorder(tmp_path, log_every_epochs=6))
    assert_same_bits(state, whole)


def test_a_training_that_is_complete_is_not_gone_on_with(whole, tmp_path):
    train(tmp_path)
    assert_same_bits(train(tmp_path), whole)
    assert len(Recorder(tmp_path).records()) == EPOCHS


def test_a_batch_of_the_whole_site_has_every_row():
    run = make_epochs(keep_diary, batch_size=10, num_epochs=2)
    state, metrics, _ = run(empty_diary(10, 2), ROWS, jax.random.key(0), ())
    assert [set(rows) for rows in np.asarray(state.params["rows"]).tolist()] == [set(range(10))] * 2
    assert metrics["loss"].shape == (2,)


def test_metrics_are_means_over_the_steps_of_an_epoch():
    step = lambda state, batch, key, context: (  # noqa: E731
        state._replace(params=state.params + 1),
        {"step": state.params, "context": context},
    )
    run = make_epochs(step, batch_size=5, num_epochs=3)
    _, metrics, broken = run(
        make_state(jnp.zeros(()), optax.sgd(1.0)), ROWS, jax.random.key(0), 7.0
    )
    # Steps 0 and 1, 2 and 3, 4 and 5.
    np.testing.assert_array_equal(metrics["step"], [0.5, 2.5, 4.5])
    np.testing.assert_array_equal(metrics["context"], [7.0, 7.0, 7.0])
    np.testing.assert_array_equal(broken["step"], [0, 0, 0])


@pytest.mark.parametrize("log_every_epochs", [1, 4])
@pytest.mark.parametrize("value", [jnp.nan, jnp.inf, -jnp.inf])
def test_divergence_names_training_term_epoch_and_step(tmp_path, log_every_epochs, value):
    def step(state, batch, key, context):
        steps = state.params + 1  # two an epoch, so that the sixth is the second of epoch 3
        bad = jnp.where(steps == 6, value, 1.0)
        return state._replace(params=steps), {"localization": steps, "similarity": bad}

    recorder = Recorder(tmp_path, log_every_epochs=log_every_epochs, checkpoint_every_s=0)
    message = f"^seed-3/distilled: similarity is {float(value)} in epoch 3, step 2$"
    with pytest.raises(DivergedError, match=message):
        fit(
            step,
            make_state(jnp.zeros(()), optax.sgd(1.0)),
            ROWS,
            jax.random.key(0),
            epochs=4,
            batch_size=4,
            name="seed-3/distilled",
            recorder=recorder,
        )
    saved = recorder.load_latest("seed-3/distilled", make_state(jnp.zeros(()), optax.sgd(1.0)))
    if log_every_epochs == 1:
        assert saved[0] == 2 and float(saved[1].params) == 4  # the last good state
    else:
        assert saved is None  # it never was in a good one since the start


def test_the_last_good_state_is_saved_however_little_time_has_gone_by(tmp_path):
    """Epochs 1 and 2 are good, and no save was due."""

    def step(state, batch, key, context):
        steps = state.params + 1
        return state._replace(params=steps), {"loss": jnp.where(steps == 5, jnp.nan, steps)}

    recorder = Recorder(tmp_path, log_every_epochs=1, checkpoint_every_s=1e9)
    start, options = make_state(jnp.zeros(()), optax.sgd(1.0)), {"epochs": 4, "batch_size": 4}
    with pytest.raises(DivergedError, match=r"^a: loss is nan in epoch 3, step 1$"):
        fit(step, start, ROWS, jax.random.key(0), name="a", recorder=recorder, **options)
    epoch, state = recorder.load_latest("a", start)
    assert (epoch, float(state.params)) == (2, 4.0)
    assert [record["epoch"] for record in recorder.records()] == [1, 2]
