"""Phase 2 as a whole: the distilled student beside the stand-alone one, and interruptions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import assert_same_bits, differing, draw_params, make_part, make_tiny_config

from rsstl_jax import make_network
from rsstl_jax.models import make_generator, stack_teachers
from rsstl_jax.train import Recorder, distill, specialise

EPOCHS = 4
NO_ALIGNMENT = {
    f"distill.weights.{term}": 0.0
    for term in ("similarity", "mutual_information", "functional_information")
}


def make_stack(config):
    generator = make_generator(make_network(config), 8)
    draws = [draw_params(generator, jnp.zeros((1, 6)), seed=seed) for seed in range(2)]
    return generator, stack_teachers(draws)


def train(workdir, seed=0, checkpoint_every_s=30.0, **fields):
    config = make_tiny_config(**{"train.epochs": EPOCHS} | fields)
    recorder = Recorder(workdir, log_every_epochs=2, checkpoint_every_s=checkpoint_every_s)
    generator, teachers = make_stack(config)
    before = jax.tree.map(np.array, teachers)
    student = distill(
        config, make_part(), generator, teachers, seed=seed, name="student", recorder=recorder
    )[1]
    assert_same_bits(teachers, before)
    return student, recorder.records()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    config = make_tiny_config(**{"train.epochs": EPOCHS})
    recorder = Recorder(tmp_path_factory.mktemp("alone"), log_every_epochs=2)
    return specialise(config, make_part(), seed=0, name="alone", recorder=recorder)[1]


def test_without_alignment_the_student_is_the_stand_alone_one(alone, tmp_path):
    """Same start, batches, augmentation and dropout, and a localisation weight of 3 / 3."""
    student, records = train(tmp_path, **NO_ALIGNMENT)
    assert_same_bits(student, alone)
    assert records[0].keys() == {
        "run",
        "epoch",
        "batch_size",
        "total",
        "localization",
        "gradient_norm",
    }
    assert all(record["total"] == record["localization"] for record in records)


def test_with_alignment_it_is_another_one(whole, alone):
    assert len(differing(whole[0], alone)) == 8
    terms = {"localization", "similarity", "mutual_information", "functional_information"}
    assert whole[1][0].keys() == {"run", "epoch", "batch_size", "total", "gradient_norm"} | terms


def test_the_same_seed_gives_the_same_bits_and_another_one_others(whole, tmp_path):
    again, records = train(tmp_path / "again")
    assert_same_bits(again, whole[0])
    assert records == whole[1]
    assert len(differing(train(tmp_path / "other", seed=1)[0], whole[0])) == 8


def test_a_resumed_training_equals_the_uninterrupted_one(whole, tmp_path, monkeypatch):
    """Broken off with the metrics of epoch 4 on disk and the state of epoch 2."""
    save_latest = Recorder.save_latest

    def broken_off(self, name, state, epoch, **options):
        if epoch == EPOCHS:
            raise KeyboardInterrupt
        save_latest(self, name, state, epoch, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Recorder, "save_latest", broken_off)
        train(tmp_path, checkpoint_every_s=0)
    student, records = train(tmp_path, checkpoint_every_s=0)
    assert_same_bits(student, whole[0])
    assert records == whole[1]
    assert [record["epoch"] for record in records] == [1, 2, 3, 4]
