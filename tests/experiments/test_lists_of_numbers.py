"""The lists of numbers that experiments read, as the pages call them."""

import pytest
from running import call

from rsstl_jax.config import overrides
from rsstl_jax.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "words", "lists"),
    [
        ("benchmark", ["--parts=replicas", "--output={folder}"], [[1, 4, 16, 64]]),
        ("convolution", ["--replicas=1"], [[1]]),
        ("many_devices", ["--config=synthetic:smoke"], [[1, 2, 4, 8]]),
        ("site_size", ["--output={folder}"], [[20, 50, 100, 200, 400], [10, 11, 12]]),
    ],
)
def test_lists_are_read_by_rules_of_lists(name, words, lists, monkeypatch, tmp_path):
    read, found = overrides.read_numbers, []

    def stop_after_the_last(*arguments):
        found.append(read(*arguments))
        if len(found) == len(lists):
            raise ConfigError("enough")
        return found[-1]

    monkeypatch.setattr(overrides, "read_numbers", stop_after_the_last)
    code, _, err = call(name, *(word.format(folder=tmp_path) for word in words))
    assert (code, found) == (2, lists) and "error: enough" in err
