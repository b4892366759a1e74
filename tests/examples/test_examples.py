"""The programs in examples/ run as their docstrings say, and what they print makes sense."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.py"))


def run(name, *arguments):
    """What an example prints; it may use nothing that is deprecated."""
    # Not every warning is an error: JAX warns where processes write one compilation cache.
    command = [sys.executable, "-W", "error::DeprecationWarning", EXAMPLES / name, *arguments]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-2000:]
    return finished.stdout


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_example_is_short_and_says_how_it_is_run(file):
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    assert f"python examples/{file.name}" in ast.get_docstring(ast.parse(text))


def test_every_example_is_run_here():
    tested = {"quickstart.py", "own_network.py", "losses_in_optax.py"}
    assert {file.name for file in FILES} == tested


@pytest.mark.slow
def test_the_quickstart_locates_with_a_student_and_with_its_export(tmp_path):
    lines = run("quickstart.py", tmp_path / "run").splitlines()
    assert lines[0] == "<Site synthetic-office"
    errors_m = {line.partition(":")[0]: numbers(line)[0] for line in lines if "mean error" in line}
    assert errors_m.keys() == {"standalone", "distilled"}
    assert all(0 < error_m < 5 for error_m in errors_m.values())
    index, located = next((i, line) for i, line in enumerate(lines) if "detected at" in line)
    x, y, predicted_x, predicted_y = *numbers(located), *numbers(lines[index + 2])[:2]
    assert 0 < abs(x - predicted_x) + abs(y - predicted_y) < 20
    assert numbers(lines[-1])[:2] == pytest.approx([predicted_x, predicted_y], abs=0.011)
    assert (tmp_path / "run" / "exported" / "student.bin").stat().st_size > 1000


@pytest.mark.slow
def test_a_network_of_ones_own_learns(tmp_path):
    lines = run("own_network.py", tmp_path / "run").splitlines()
    assert [line.partition(":m")[0] for line in lines] == ["own_network", "own_network"]
    assert [line.split()[1] for line in lines] == ["standalone:", "distilled:"]
    assert all(numbers(line)[0] < 5 for line in lines)


@pytest.mark.slow
def test_the_notebook_leads_from_a_site_to_a_map(tmp_path):
    """Its cells are plain Python: neither Jupyter nor a kernel is needed to run them."""
    notebook = json.loads((EXAMPLES / "site_to_map.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    sources = ["".join(cell["source"]) for cell in cells]
    assert sum(source.count("\n") for source in sources) < 70
    sources.append("figure.savefig('map.png'); print(pretrained.radius_m.min())")
    (tmp_path / "cells.py").write_text("\n\n".join(sources))
    environment = os.environ | {"MPLBACKEND": "agg", "PYTHONPATH": str(EXAMPLES.parent)}
    done = subprocess.run(
        [sys.executable, "cells.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    loss, *_, radius_m = done.stdout.splitlines()
    assert 5 < numbers(loss)[0] < 100 and float(radius_m) > 0
    assert "| dnn distilled student |" in done.stdout and "floor (%)" in done.stdout
    assert (tmp_path / "map.png").stat().st_size > 10_000


@pytest.mark.slow
def test_the_losses_fall_in_an_optax_loop():
    first, *_, last = map(numbers, run("losses_in_optax.py").splitlines())
    assert len(first) == len(last) == 3
    assert all(after < before for before, after in zip(first, last, strict=True))
    _, position_m, _ = last
    assert position_m < 0.5
