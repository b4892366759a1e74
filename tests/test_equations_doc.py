"""docs/equations.md names functions and tests that exist, and leaves no loss out."""

import ast
import functools
import importlib
import re
from pathlib import Path

import pytest

from rsstl_jax import losses

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "equations.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in TEXT.splitlines() if re.match(r"\| [EAW]", line)]
FUNCTIONS = sorted(set(re.findall(r"`(rsstl_jax\.[\w.]+)`", TEXT)))
TESTS = sorted(set(re.findall(r"`(tests/[\w/.]+\.py::\w+)`", TEXT)))


@functools.cache
def functions_defined_in(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_exists(name):
    module, _, attribute = name.rpartition(".")
    assert callable(getattr(importlib.import_module(module), attribute))


@pytest.mark.parametrize("name", TESTS)
def test_test_exists(name):
    path, test = name.split("::")
    assert test.startswith("test_")
    assert test in functions_defined_in(path)


def test_every_row_names_a_function_and_a_test():
    for row in ROWS:
        equation, function, tests = row
        assert "rsstl_jax." in function and "::test_" in tests, equation


def test_every_loss_and_every_computed_equation_has_a_row():
    rows = "\n".join(function for _, function, _ in ROWS)
    assert [name for name in losses.__all__ if f"losses.{name}`" not in rows] == []
    equations = "\n".join(equation for equation, _, _ in ROWS)
    for equation in ("Eq. 1", "Eq. 2", "Eq. 4", "Eq. 8", "Eq. 11", "Eq. 12", "Alg. 1", "Alg. 3"):
        assert f"{equation}," in equations
