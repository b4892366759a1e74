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


def test_names_are_those_of_their_rooms():
    from rsstl_jax.engine.saved_student import load_student
    from rsstl_jax.export import export_student

    assert rsstl_jax.load_student is load_student
    assert rsstl_jax.export_student is export_student
    assert issubclass(rsstl_jax.MissingDataError, rsstl_jax.DataError)
