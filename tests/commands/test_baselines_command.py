"""The command of the baselines ends with the figures that its result.json holds."""

import json

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from running import succeed

from rsstl_jax.data import load_site
from rsstl_jax.metrics import error_m


@pytest.mark.parametrize("method", ["centroid", "knn"])
def test_it_leaves_files_and_prints_the_figures_that_it_keeps(tmp_path, method):
    flags = (f"--method={method}", "--config=synthetic:smoke", f"--workdir={tmp_path}")
    out = succeed("baselines", *flags)
    result = json.loads((tmp_path / "result.json").read_text())
    [mae_m] = result["students"][method]["mae_m"]
    line = out.strip().splitlines()[-1]
    assert line.startswith(f"{method} at synthetic-office, test part: mae_m {mae_m:.2f}, p75_m ")
    table = pd.read_csv(tmp_path / "predictions.csv")
    predicted_m = table[[f"{method}_x_m", f"{method}_y_m"]].to_numpy()
    test = load_site("synthetic-office").test
    np.testing.assert_allclose(table[["x_m", "y_m"]], test.position_m, atol=1e-4)
    assert error_m(predicted_m, test.position_m).mean() == pytest.approx(mae_m, abs=1e-3)
    for picture in ("cdf.png", "map.png"):
        assert matplotlib.image.imread(tmp_path / picture).std() > 0.01
