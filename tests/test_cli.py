"""What a command prints beside its own words."""

import io
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


def test_what_a_terminal_cannot_show_is_replaced(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    monkeypatch.setattr(sys, "argv", ["rsstl", "--help"])
    monkeypatch.setattr(sys.modules[__name__], "__doc__", "7.03 ± 0.04 m at the Café.")
    with pytest.raises(SystemExit):
        cli.run(lambda: None, name="evaluate")
    assert sys.stdout.buffer.getvalue().startswith(b"7.03 ? 0.04 m at the Caf?.")


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


NAMES = {
    "precision": "jax_default_matmul_precision",
    "dir": "jax_compilation_cache_dir",
    "compile_time": "jax_persistent_cache_min_compile_time_secs",
    "entry_size": "jax_persistent_cache_min_entry_size_bytes",
}


@pytest.mark.parametrize(
    ("set_before", "left"),
    [
        ({}, set()),
        ({"JAX_COMPILATION_CACHE_DIR": "/elsewhere"}, {"dir"}),
        ({"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "5"}, {"compile_time"}),
        ({"JAX_ENABLE_COMPILATION_CACHE": "false"}, {"dir", "compile_time", "entry_size"}),
        ({"JAX_DEFAULT_MATMUL_PRECISION": "tensorfloat32"}, {"precision"}),
    ],
)
def test_products_are_in_full_precision_and_programs_are_kept_unless_jax_is_told_otherwise(
    monkeypatch, set_before, left
):
    for name in (*map(str.upper, NAMES.values()), "JAX_ENABLE_COMPILATION_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in set_before.items():
        monkeypatch.setenv(name, value)
    found = {}
    monkeypatch.setattr(jax.config, "update", found.__setitem__)
    cli._configure_jax()
    assert set(found) == {name for short, name in NAMES.items() if short not in left}
    assert found.get(NAMES["precision"], "float32") == "float32"
    assert all(found.get(NAMES[short], 0) == 0 for short in ("compile_time", "entry_size"))
