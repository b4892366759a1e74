"""Metrics and states on disk."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import assert_same_bits

from rsstl_jax.store.checkpoint import load_checkpoint, save_checkpoint
from rsstl_jax.store.recorder import Recorder

TREE = {"w": np.float32([0.1, -2.5e-38, 3.0]), "n": {"count": np.int32(7)}}
LIKE = jax.tree.map(np.zeros_like, TREE)


def test_a_line_that_was_broken_off_is_no_record(tmp_path):
    recorder = Recorder(tmp_path / "new" / "folder")
    assert recorder.records() == []
    recorder.log({"run": "a", "epoch": 1}, {"run": "a", "epoch": 2})
    with (recorder.workdir / "metrics.jsonl").open("a") as file:
        file.write('{"run": "a", "epo')
    assert [record["epoch"] for record in recorder.records()] == [1, 2]
    recorder.forget_after(("a",), 1)
    recorder.log({"run": "a", "epoch": 2})
    assert [record["epoch"] for record in recorder.records()] == [1, 2]


def test_forgetting_concerns_one_training_only(tmp_path):
    recorder = Recorder(tmp_path)
    recorder.log({"run": "start"}, {"run": "a", "epoch": 3}, {"run": "b", "epoch": 3})
    recorder.forget_after(("a",), 2)
    assert recorder.records() == [{"run": "start"}, {"run": "b", "epoch": 3}]


def test_what_comes_after_a_broken_line_does_not_join_it(tmp_path):
    recorder = Recorder(tmp_path)
    (tmp_path / "metrics.jsonl").write_text('{"run": "a", "epoch": 1}\n{"run": "a", "epo')
    recorder.log({"run": "start"})
    assert recorder.records() == [{"run": "a", "epoch": 1}, {"run": "start"}]
    recorder.log_once({"run": "start"})
    recorder.log_once({"run": "end"})
    assert recorder.records()[1:] == [{"run": "start"}, {"run": "end"}]


def test_states_are_saved_no_more_often_than_asked(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("rsstl_jax.store.recorder.time.monotonic", lambda: now[0])
    recorder = Recorder(tmp_path, checkpoint_every_s=30)
    for seconds, expected in ((129.0, None), (130.0, 2), (159.0, 2), (160.0, 4)):
        now[0] = seconds
        recorder.save_latest("a", TREE, {129.0: 1, 130.0: 2, 159.0: 3, 160.0: 4}[seconds])
        loaded = recorder.load_latest("a", LIKE)
        assert (loaded and loaded[0]) == expected


def test_latest_and_final_of_each_training_lie_apart(tmp_path):
    recorder = Recorder(tmp_path, checkpoint_every_s=0)
    recorder.save_latest("seed-0/a", TREE, 5)
    assert recorder.load_final("seed-0/a", LIKE) is None
    assert recorder.load_latest("seed-0/b", LIKE) is None
    recorder.save_final("seed-0/a", TREE["n"], 5)
    assert_same_bits(recorder.load_final("seed-0/a", LIKE["n"]), TREE["n"])
    assert_same_bits(recorder.load_latest("seed-0/a", LIKE)[1], TREE)


def test_a_checkpoint_keeps_every_bit_and_replaces_the_one_before(tmp_path):
    save_checkpoint(tmp_path, LIKE, step=1)
    save_checkpoint(tmp_path, TREE, step=4)
    step, tree = load_checkpoint(tmp_path, LIKE)
    assert step == 4
    assert_same_bits(tree, TREE)
    assert [leaf.dtype for leaf in jax.tree.leaves(tree)] == [jnp.int32, jnp.float32]
    assert not (tmp_path / "1").exists()


def test_what_is_loaded_is_bound_to_no_device(tmp_path):
    """A compiled program would be compiled once more for arrays that are."""
    save_checkpoint(tmp_path, TREE, step=0)
    loaded = load_checkpoint(tmp_path, LIKE)[1]
    assert not any(leaf.committed for leaf in jax.tree.leaves(loaded))


@pytest.mark.parametrize("step", [3, 4])
def test_what_is_saved_is_the_latest_whatever_lay_there(tmp_path, step):
    save_checkpoint(tmp_path, LIKE, step=4)
    save_checkpoint(tmp_path, TREE, step=step)
    loaded_step, tree = load_checkpoint(tmp_path, LIKE)
    assert loaded_step == step
    assert_same_bits(tree, TREE)


@pytest.mark.parametrize("keep", [1, 3])
def test_as_many_states_stay_as_asked(tmp_path, keep):
    steps = [1, 5, 10, 20]
    for count, step in enumerate(steps, start=1):
        save_checkpoint(tmp_path, TREE, step=step, keep=keep)
        left = sorted(int(path.name) for path in tmp_path.iterdir())
        assert left == steps[max(count - keep, 0) : count]


def test_no_state_is_none(tmp_path):
    assert load_checkpoint(tmp_path / "none", LIKE) is None
    assert load_checkpoint(tmp_path, LIKE) is None


@pytest.mark.parametrize(
    "form", [np.asarray, jnp.asarray, lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)]
)
def test_another_structure_or_shape_is_an_error(tmp_path, form):
    save_checkpoint(tmp_path, TREE, step=0)
    like = jax.tree.map(form, LIKE)
    assert_same_bits(load_checkpoint(tmp_path, like)[1], TREE)
    with pytest.raises(ValueError):
        load_checkpoint(tmp_path, {"w": like["w"]})
    with pytest.raises(ValueError):
        load_checkpoint(tmp_path, like | {"w": form(np.zeros(4, np.float32))})
