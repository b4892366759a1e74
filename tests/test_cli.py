"""What a command prints beside its own words."""

import sys
from types import SimpleNamespace

import pytest

from rsstl_jax import cli


@pytest.mark.parametrize(
    ("error", "heard"),
    [
        (RuntimeError("Event loop is closed"), False),
        (RuntimeError("something else"), True),
        (ValueError("Event loop is closed"), True),
    ],
)
def test_only_the_storage_librarys_last_words_are_dropped(monkeypatch, error, heard):
    found = []
    monkeypatch.setattr(sys, "unraisablehook", found.append)
    cli._silence_storage()
    unraisable = SimpleNamespace(exc_value=error)
    sys.unraisablehook(unraisable)
    assert found == ([unraisable] if heard else [])
