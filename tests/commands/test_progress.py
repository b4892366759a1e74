"""Signs of life while a command works."""

import time

import pytest
from tqdm.auto import tqdm

from rsstl_jax.commands.shared import progress


@pytest.fixture
def said(monkeypatch, capsys):
    """What has been said so far; whoever is silent speaks after a hundredth of a second."""
    monkeypatch.setattr(progress, "SILENCE_S", 0.01)
    monkeypatch.setattr(progress, "_begun_s", [])
    texts = []

    def so_far():
        texts.append(capsys.readouterr().err)
        return "".join(texts)

    return so_far


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "a minute of silence"
        time.sleep(0.01)


def test_long_work_is_said_to_go_on(said):
    with progress.signs_of_life():
        progress.announce("compiling")
        wait_for(lambda: "compiling ...\n  0 s\n" in said())


def test_a_bar_is_drawn_anew_in_place_of_seconds(said):
    with progress.signs_of_life(), tqdm(total=2, desc="epochs") as bar:
        progress.announce("training")
        wait_for(lambda: said().count("epochs") > 3)
        assert bar.n == 0
    assert "0 s\n" not in said()


def test_a_command_that_waits_for_scans_is_silent(said):
    with progress.signs_of_life():
        progress.announce("compiling")
        wait_for(lambda: "0 s\n" in said())
        progress.announce("answering", waits=True)
        wait_for(lambda: said().endswith("answering ...\n"))
        time.sleep(0.2)  # twenty times as long as work is silent
    assert said().endswith("answering ...\n")
