"""The program of docs/export.md that needs onnxruntime and numpy alone, by copy and paste."""

import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from rsstl_jax import Student, load_site, make_config
from rsstl_jax.engine.prototypes import make_prototypes
from rsstl_jax.engine.radius import fit_radius
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.export import write_onnx

REASON = "needs onnx and onnxruntime, which the extra 'dev' brings"
pytest.importorskip("onnx", reason=REASON)
pytest.importorskip("onnxruntime", reason=REASON)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "export.md"
ONLY = """
import sys
blocked = ("jax", "jaxlib", "flax", "onnx", "pandas", "scipy", "sklearn", "rsstl_jax")
sys.modules.update(dict.fromkeys(blocked))  # To import any of them raises ImportError.
"""


def test_the_program_of_the_page_prints_what_the_student_answers(tmp_path):
    train = load_site("synthetic-office").train
    config = make_config("tuned", target="synthetic-office", sources="synthetic-mall")
    job = make_site_job(config, train)
    student = Student(
        job.localizer,
        job.init(jax.random.key(0)),
        train.access_points,
        train.dataset,
        prototypes=make_prototypes(train, job.localizer.preprocessor),
    )
    student.radius = fit_radius(student.held_out(train), len(student.labels))
    (tmp_path / "exported").mkdir()
    write_onnx(student, tmp_path / "exported" / "student.onnx")
    page = PAGE.read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(import json.*?)^```", page, re.DOTALL | re.M)
    done = subprocess.run(
        [sys.executable, "-c", ONLY + program], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    x_m, y_m, building, floor, radius_m = re.sub(r"[\[\]]", "", done.stdout).split()
    answer = student.locate([{"AP003": -61.0, "AP017": -78.0}]).iloc[0]
    wanted = [answer.x_m, answer.y_m, answer.radius_m]
    np.testing.assert_allclose([float(x_m), float(y_m), float(radius_m)], wanted, atol=1e-3)
    assert (building, int(floor)) == ("None", answer.floor)
