"""What a command prints beside its own words."""

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import SimpleNamespace

import jax
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


def test_a_command_hides_no_module_of_pythons_and_finds_those_of_the_current_folder(
    monkeypatch, tmp_path
):
    commands = Path(__file__).parents[1] / "experiments"
    (tmp_path / "network_of_mine.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(commands / "distill.py")])
    monkeypatch.setattr(sys, "path", [str(commands), *sys.path])
    assert Path(PathFinder.find_spec("profile").origin).parent == commands
    cli._find_modules()
    assert Path(PathFinder.find_spec("profile").origin).parent != commands
    for module in ("benchmarks", "network_of_mine"):
        assert PathFinder.find_spec(module) is not None


@pytest.mark.parametrize(
    ("set_before", "kept"),
    [
        ({}, {"dir", "compile_time", "entry_size"}),
        ({"JAX_COMPILATION_CACHE_DIR": "/elsewhere"}, {"compile_time", "entry_size"}),
        ({"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "5"}, {"dir", "entry_size"}),
        ({"JAX_ENABLE_COMPILATION_CACHE": "false"}, set()),
    ],
)
def test_programs_are_kept_from_the_first_second_unless_jax_is_told_otherwise(
    monkeypatch, set_before, kept
):
    names = {
        "dir": "jax_compilation_cache_dir",
        "compile_time": "jax_persistent_cache_min_compile_time_secs",
        "entry_size": "jax_persistent_cache_min_entry_size_bytes",
    }
    for name in (*map(str.upper, names.values()), "JAX_ENABLE_COMPILATION_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in set_before.items():
        monkeypatch.setenv(name, value)
    found = {}
    monkeypatch.setattr(jax.config, "update", found.__setitem__)
    cli._keep_compiled()
    assert set(found) == {names[name] for name in kept}
    assert all(found[names[name]] == 0 for name in kept - {"dir"})


@pytest.mark.parametrize("set_before", [None, "tensorfloat32"])
def test_products_are_in_full_precision_unless_jax_is_told_otherwise(monkeypatch, set_before):
    monkeypatch.delenv("JAX_DEFAULT_MATMUL_PRECISION", raising=False)
    if set_before:
        monkeypatch.setenv("JAX_DEFAULT_MATMUL_PRECISION", set_before)
    found = {}
    monkeypatch.setattr(jax.config, "update", found.__setitem__)
    cli._full_products()
    assert found == ({} if set_before else {"jax_default_matmul_precision": "float32"})
