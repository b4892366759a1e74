"""The program of docs/export.md with onnxruntime and numpy alone, on a file of `rsstl export`."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import jax
import numpy as np
import pytest
from running import succeed

from rsstl_jax import Student, load_site, make_config
from rsstl_jax.engine.prototypes import make_prototypes
from rsstl_jax.engine.radius import fit_radius
from rsstl_jax.engine.saved_student import save_student
from rsstl_jax.engine.site_job import make_site_job

REASON = "needs onnx and onnxruntime, which the extra 'dev' brings"
pytest.importorskip("onnx", reason=REASON)
pytest.importorskip("onnxruntime", reason=REASON)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "export.md"


def program_of_the_page():
    page = PAGE.read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(import json.*?)^```", page, re.DOTALL | re.M)
    return program


def run_with_two_packages(program, folder):
    """Runs a program in a Python that sees numpy, onnxruntime and the standard library alone."""
    packages = folder / "packages"
    packages.mkdir()
    for name in ("numpy", "onnxruntime"):
        package = Path(find_spec(name).origin).parent
        for part in (package, package.with_name(f"{name}.libs")):
            if part.exists():
                (packages / part.name).symlink_to(part)
    head = f"import sys; sys.path.append({str(packages)!r})\n"
    # -I reads no PYTHONPATH, -S no site-packages.
    words = [sys.executable, "-I", "-S", "-c", head + program]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True)


@pytest.mark.slow
def test_the_program_of_the_page_prints_what_the_student_answers(tmp_path):
    train = load_site("synthetic-office").train
    config = make_config("tuned", target="synthetic-office", sources="synthetic-mall")
    job = make_site_job(config, train)
    student = Student(
        job.site_network,
        job.init(jax.random.key(0)),
        train.access_points,
        train.dataset,
        prototypes=make_prototypes(train, job.site_network.preprocessor),
    )
    student.radius = fit_radius(student.held_out(train), len(student.labels))
    save_student(tmp_path / "student", config, student)
    exported = f"--output={tmp_path}/exported"
    succeed("export", f"--student={tmp_path}/student", exported, "--onnx")
    done = run_with_two_packages(program_of_the_page(), tmp_path)
    assert done.returncode == 0, done.stderr
    x_m, y_m, building, floor, radius_m = re.sub(r"[\[\]]", "", done.stdout).split()
    answer = student.locate([{"AP003": -61.0, "AP017": -78.0}]).iloc[0]
    wanted = [answer.x_m, answer.y_m, answer.radius_m]
    np.testing.assert_allclose([float(x_m), float(y_m), float(radius_m)], wanted, atol=1e-3)
    assert (building, int(floor)) == ("None", answer.floor)


@pytest.mark.parametrize("name", ["jax", "pandas", "onnx", "rsstl_jax"])
def test_that_python_has_no_other_package(name, tmp_path):
    assert f"No module named '{name}'" in run_with_two_packages(f"import {name}", tmp_path).stderr
