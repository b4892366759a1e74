"""What a run leaves of its students."""

import pytest

from rsstl_jax import load_site, make_config
from rsstl_jax.report.result_table import render_result
from rsstl_jax.report.run_result import write_outcome


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_the_mean_place_of_two_seeds_that_err_to_opposite_sides_is_right(tmp_path, seeds):
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    config.seeds = seeds
    test = load_site("synthetic-office").test
    sides = {0: [3.0, 4.0], 1: [-3.0, -4.0]}
    predicted_m = {seed: {"standalone": test.position_m + sides[seed]} for seed in seeds}
    result = write_outcome(config, test, predicted_m, tmp_path, num_train=600, teachers={})
    assert result["standalone"]["mae_m"] == pytest.approx([5.0] * len(seeds))
    rows = [line for line in render_result(result).splitlines() if "mean place" in line]
    if len(seeds) == 1:
        assert "mean_place" not in result["standalone"] and rows == []
    else:
        assert result["standalone"]["mean_place"]["mae_m"] == pytest.approx(0.0, abs=1e-9)
        assert rows == ["| dnn stand-alone, mean place of 2 seeds | 0.00 | 0.00 | 0.00 |"]
