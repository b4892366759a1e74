"""The front door: what `import rsstl_jax` offers, and that it opens without loading the house."""

import subprocess
import sys

import pytest

import rsstl_jax

HEAVY = ("flax", "orbax", "pandas", "optax", "matplotlib", "scipy", "ml_collections", "chex")


def loaded_by(code):
    """Top-level packages that are loaded once the code has run."""
    printing = f"{code}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run(
        [sys.executable, "-c", printing], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


@pytest.mark.parametrize(
    ("code", "jax_loaded"),
    [
        ("import rsstl_jax", False),
        ("import rsstl_jax; dir(rsstl_jax)", False),
        ("from rsstl_jax import ConfigError, DataError", False),
        ("import rsstl_jax.losses", True),
        ("import rsstl_jax.spectral", True),
    ],
)
def test_what_needs_jax_alone_loads_jax_alone(code, jax_loaded):
    loaded = loaded_by(code)
    assert loaded.isdisjoint(HEAVY), loaded.intersection(HEAVY)
    assert ("jax" in loaded) == jax_loaded


def test_every_name_is_listed_and_there_are_about_25():
    assert set(rsstl_jax.__all__) <= set(dir(rsstl_jax))
    assert 20 <= len(rsstl_jax.__all__) <= 30


@pytest.mark.parametrize(
    "load", ["load_student", "load_locator", "load_pretrained", "load_exported"]
)
def test_a_path_may_begin_with_the_home(tmp_path, monkeypatch, load):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/absent"):
        getattr(rsstl_jax, load)("~/absent")


def test_nothing_is_written_into_a_folder_named_tilde(tmp_path, monkeypatch):
    import tiny

    from rsstl_jax.data import load_site, read_radio_map, write_table

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "office").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    student = tiny.save_untrained(tmp_path)
    rsstl_jax.export_student(student, "~/phone")
    write_table(tiny.make_part(), "~/office/train.csv")
    assert read_radio_map("~/office/train.csv").dataset == "office"
    assert {path.name for path in (tmp_path / "home").iterdir()} == {"phone", "office"}
    assert not (tmp_path / "~").exists()
    with pytest.raises(rsstl_jax.DataError, match="this is a path: give the folder above it as"):
        load_site("~/office")


def test_names_are_those_of_their_rooms():
    from rsstl_jax.engine.saved_student import load_student
    from rsstl_jax.export import export_student

    assert rsstl_jax.load_student is load_student
    assert rsstl_jax.export_student is export_student
    assert issubclass(rsstl_jax.MissingDataError, rsstl_jax.DataError)
