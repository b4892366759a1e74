"""The command of the baselines ends with the figures that its result.json holds."""

import json

import pytest
from running import succeed


@pytest.mark.parametrize("method", ["centroid", "knn"])
def test_it_prints_the_figures_that_it_keeps(tmp_path, method):
    flags = (f"--method={method}", "--config=synthetic:smoke", f"--workdir={tmp_path}")
    out = succeed("baselines", *flags)
    result = json.loads((tmp_path / "result.json").read_text())
    [mae_m] = result["students"][method]["mae_m"]
    line = out.strip().splitlines()[-1]
    assert line.startswith(f"{method} at synthetic-office, test part: mae_m {mae_m:.2f}, p75_m ")
