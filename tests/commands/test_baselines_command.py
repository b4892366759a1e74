"""The command of the baselines ends with the figures that its result.json holds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("method", ["centroid", "knn"])
def test_it_prints_the_figures_that_it_keeps(tmp_path, method):
    command = [sys.executable, "experiments/baselines.py", f"--method={method}"]
    command += ["--config=synthetic:smoke", f"--workdir={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    [mae_m] = result["students"][method]["mae_m"]
    line = done.stdout.strip().splitlines()[-1]
    assert line.startswith(f"{method} at synthetic-office, test part: mae_m {mae_m:.2f}, p75_m ")
