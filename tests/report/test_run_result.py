"""What a run leaves of its students."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tiny
from tiny import write_result

from rsstl_jax import load_site, make_config
from rsstl_jax.config.schema import flatten
from rsstl_jax.report import run_result
from rsstl_jax.report.comparison_table import render_comparison_of_runs
from rsstl_jax.report.html_report import write_report
from rsstl_jax.report.predicted import Predicted
from rsstl_jax.report.result_table import render_result
from rsstl_jax.report.run_comparison import choose_methods, compare_methods, read_run


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_the_mean_position_of_two_seeds_that_err_to_opposite_sides_is_right(tmp_path, seeds):
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    config.seeds = seeds
    test = load_site("synthetic-office").test
    sides = {0: [3.0, 4.0], 1: [-3.0, -4.0]}
    predicted = {seed: {"standalone": Predicted(test.position_m + sides[seed])} for seed in seeds}
    result = write_result(config, test, predicted, tmp_path, terms=(), num_train=600, teachers={})
    figures = result["students"]["standalone"]
    assert figures["mae_m"] == pytest.approx([5.0] * len(seeds))
    rows = [line for line in render_result(result).splitlines() if "mean position" in line]
    if len(seeds) == 1:
        assert "mean_place" not in figures and rows == []
    else:
        assert figures["mean_place"]["mae_m"] == pytest.approx(0.0, abs=1e-9)
        assert rows == ["| dnn baseline student, mean position of 2 seeds | 0.00 | 0.00 | 0.00 |"]


def test_figures_are_lists_in_the_order_of_the_seeds(tmp_path):
    """One student errs by as many metres as its seed says, one by half as many."""
    part, seeds = tiny.make_part(part="test"), (4, 1, 2)
    predicted = {
        seed: {
            "standalone": Predicted(part.position_m + np.array([[0.0, seed]])),
            "distilled": Predicted(part.position_m + np.array([[0.0, seed / 2]])),
        }
        for seed in seeds
    }
    result = write_result(tiny.make_tiny_config(), part, predicted, tmp_path, num_train=21)
    for figure in ("mae_m", "p75_m", "p95_m"):
        assert result["students"]["standalone"][figure] == pytest.approx([4.0, 1.0, 2.0])
        assert result["students"]["distilled"][figure] == pytest.approx([2.0, 0.5, 1.0])
    table = pd.read_csv(tmp_path / "predictions.csv")
    assert table.seed.unique().tolist() == [4, 1, 2]
    assert table.row.tolist() == 3 * list(range(result["num_evaluated"]))


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_a_single_test_position_has_no_interval(tmp_path, seeds):
    part = tiny.make_part(part="test")
    part = replace(part, position_m=np.zeros_like(part.position_m), floor=None)
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    config.seeds = seeds
    for name, east_m in (("a", 7.0), ("b", 6.0)):
        (tmp_path / name).mkdir()
        predicted = {
            s: {"standalone": Predicted(part.position_m + np.array([[east_m, s]]))} for s in seeds
        }
        write_result(config, part, predicted, tmp_path / name, num_train=21)
    runs = [read_run(tmp_path / name) for name in "ab"]
    methods = choose_methods(runs, ())
    rows = compare_methods(methods, runs[0].places)
    assert rows[0]["interval_over_positions_m"] is None
    text = render_comparison_of_runs("the test part", methods, rows)
    assert ("over test positions none" if seeds[1:] else "95 % interval none over 1 test ") in text
    write_report(tmp_path / "a", flatten(config), command="distill")
    assert "<td>none: a single position</td>" in (tmp_path / "a" / "report.html").read_text()


def test_pictures_of_many_students_show_the_best_of_them(tmp_path, monkeypatch):
    part, drawn = tiny.make_part(part="test"), {}
    for name in ("plot_cdf", "plot_map"):
        monkeypatch.setattr(run_result, name, lambda path, *words, **_: drawn.update({path: words}))
    points = {f"point-{n}": Predicted(part.position_m + n) for n in (9, 3, 7, *range(10, 90), 0)}
    run_result.write_result(tiny.make_tiny_config(), part, {0: points}, tmp_path, num_train=21)
    best = [f"point-{n}" for n in (0, 3, 7, 9, 10, 11, 12, 13)]
    assert list(drawn[tmp_path / "map.png"][1]) == list(drawn[tmp_path / "cdf.png"][0]) == best
    assert drawn[tmp_path / "cdf.png"][1].endswith("the best 8 of 84 students")
