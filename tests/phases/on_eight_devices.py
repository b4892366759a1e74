"""Trainings on eight virtual devices against one; `test_many_devices.py` gives it a process."""

import pytest
from phases.test_distillation import ABLATIONS, train_all
from tiny import assert_same_bits, broken_off

EPOCHS = 4


@pytest.fixture(scope="module")
def five():
    return {f"seed-0/{name}": (0, spec) for name, spec in ABLATIONS.items()}


@pytest.fixture(scope="module")
def on_one(five, tmp_path_factory):
    return train_all(tmp_path_factory.mktemp("one"), five)


def of_epochs(records):
    return sorted((r["run"], r["epoch"], r) for r in records if "epoch" in r)


def assert_same_run(run, other):
    assert run[0].keys() == other[0].keys()
    for name, params in other[0].items():
        assert_same_bits(run[0][name], params)
    assert [r for *_, r in of_epochs(run[1])] == [r for *_, r in of_epochs(other[1])]


def test_replicas_have_the_bits_of_one_device(five, on_one, tmp_path):
    """Five students on three devices: two have two of them each, one has one."""
    assert_same_run(train_all(tmp_path, five, **{"run.mesh": "replica:3"}), on_one)


def test_a_run_goes_on_with_fewer_devices(five, on_one, tmp_path, monkeypatch):
    """The state of epoch 2 of three devices is taken up by two, and by one."""
    for mesh in ("replica:2", ""):
        folder = tmp_path / (mesh or "one")
        fields = {"checkpoint_every_s": 0, "run.mesh": "replica:3"}
        with broken_off(monkeypatch, at=EPOCHS):
            train_all(folder, five, **fields)
        resumed = train_all(folder, five, **{"run.mesh": mesh})
        assert_same_run(resumed, on_one)
