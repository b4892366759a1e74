"""Runs side by side: paired by fingerprint, with the unit that the seeds allow."""

import json
from dataclasses import replace

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from running import call, error_of, succeed
from tiny import write_result

from rsstl_jax import make_config
from rsstl_jax.data import make_synthetic_site
from rsstl_jax.errors import ConfigError, DamagedError, DataError
from rsstl_jax.report import plots
from rsstl_jax.report.comparison_table import render_comparison_of_runs
from rsstl_jax.report.predicted import Predicted
from rsstl_jax.report.run_comparison import (
    choose_methods,
    compare_methods,
    read_run,
)
from rsstl_jax.report.statistics import interval_over_positions

TEST = make_synthetic_site("synthetic-office").test
# On a grid of 5 m most positions are the same on several floors.
GRID = replace(TEST, position_m=5 * np.round(TEST.position_m / 5))
PLACES = np.column_stack([GRID.position_m, GRID.floor])


def write_run(folder, errors_m, *, part=TEST):
    """A run whose students err eastwards: {student: {seed: metres, one or one a fingerprint}}."""
    config = make_config("smoke", target=part.dataset, sources="synthetic-mall")
    seeds = next(iter(errors_m.values())).keys()
    predicted = {
        seed: {
            student: Predicted(
                part.position_m + np.outer(np.broadcast_to(own[seed], len(part)), [1.0, 0.0])
            )
            for student, own in errors_m.items()
        }
        for seed in seeds
    }
    folder.mkdir()
    write_result(config, part, predicted, folder, num_train=600)
    return folder


def compare(*folders, students=()):
    runs = [read_run(folder) for folder in folders]
    methods = choose_methods(runs, students)
    return methods, compare_methods(methods, runs[0].places)


def test_seeds_are_the_unit_where_both_have_several(tmp_path):
    """Six seeds, each better by 1.0, 1.1, ... 1.5 m: p is 2 / 2^6."""
    seeds = range(6)
    a = write_run(tmp_path / "a", {"distilled": dict.fromkeys(seeds, 7.0)})
    b = write_run(tmp_path / "b", {"distilled": {s: 6.0 - 0.1 * s for s in seeds}})
    methods, [row] = compare(a, b)
    assert (row["unit"], row["num_pairs"], row["verdict"]) == ("seeds", 6, "better")
    assert row["difference_m"] == pytest.approx(-1.25) and row["p_value"] == pytest.approx(2 / 64)
    low, high = row["interval_m"]
    assert -1.5 <= low < -1.25 < high <= -1.0
    assert row["fraction_of_fingerprints_better"] == 1.0
    text = render_comparison_of_runs("the test part", methods, [row])
    assert "| a: dnn distilled student | 0, 1, 2, 3, 4, 5 | 7.00 ± 0.00 | reference |" in text
    assert (
        "6 seeds | better |" in text
        and "better. The difference is -1.25 m (95 % interval [-1.38, -1.12] over 6 seeds, p 0.031"
        in text
    )


def test_a_difference_that_rounds_to_zero_has_the_sign_of_zero(tmp_path):
    a = write_run(tmp_path / "a", {"distilled": dict.fromkeys(range(6), 7.0)})
    b = write_run(tmp_path / "b", {"distilled": {seed: 7.0 - 1e-4 * seed for seed in range(6)}})
    text = render_comparison_of_runs("the test part", *compare(a, b))
    assert "| +0.00 | [+0.00, +0.00] |" in text and "-0.00" not in text


def test_only_seeds_that_both_have_are_paired(tmp_path):
    """Seed 0 would make it worse by 50 m."""
    a = write_run(tmp_path / "a", {"distilled": {0: 1.0, 1: 7.0, 2: 8.0}})
    b = write_run(tmp_path / "b", {"distilled": {1: 6.0, 2: 6.0, 3: 151.0}})
    methods, [row] = compare(a, b)
    assert (row["unit"], row["num_pairs"], row["verdict"]) == ("seeds", 2, "too few seeds")
    assert row["difference_m"] == pytest.approx(-1.5)
    text = render_comparison_of_runs("the test part", methods, [row])
    assert "too few seeds. The difference is -1.50 m" in text
    # Nor do the other figures look at a seed that one of them lacks.
    assert row["fraction_of_fingerprints_better"] == 1.0
    np.testing.assert_allclose(row["interval_over_positions_m"], -1.5)


@pytest.mark.parametrize(
    ("shift_m", "noise_m", "words"),
    [(-2.0, 1.0, "better"), (2.0, 1.0, "worse"), (0.0, 1.0, "no significant difference")],
)
def test_one_seed_is_compared_over_positions(tmp_path, shift_m, noise_m, words):
    rng = np.random.default_rng(0)
    first_m = rng.uniform(5.0, 9.0, len(TEST))
    second_m = first_m + shift_m + noise_m * rng.normal(size=len(TEST))
    a = write_run(tmp_path / "a", {"distilled": {0: first_m}}, part=GRID)
    b = write_run(tmp_path / "b", {"distilled": {0: second_m}}, part=GRID)
    methods, [row] = compare(a, b)
    expected = interval_over_positions(np.abs(second_m) - first_m, PLACES)
    np.testing.assert_allclose(row["interval_m"], expected, atol=1e-4)
    assert (row["unit"], row["num_pairs"]) == ("positions", len(np.unique(PLACES, axis=0)))
    assert row["verdict"] == words and "p_value" not in row
    text = render_comparison_of_runs("the test part", methods, [row])
    words = f"over {row['num_pairs']} test positions, for the two share one seed). This holds for "
    assert f"{words}these students as they are; other seeds may differ." in text


@pytest.mark.parametrize(
    ("num_positions", "words"), [(1, "too few positions"), (5, "too few positions"), (6, "better")]
)
def test_a_few_positions_decide_nothing_however_many_scans_they_have(
    tmp_path, num_positions, words
):
    at = np.arange(len(TEST)) % num_positions
    part = replace(TEST, position_m=np.column_stack([at, 2.0 * at]), floor=0 * TEST.floor)
    a = write_run(tmp_path / "a", {"distilled": {0: 5.0}}, part=part)
    b = write_run(tmp_path / "b", {"distilled": {0: 3.0}}, part=part)
    methods, [row] = compare(a, b)
    assert (row["num_pairs"], row["verdict"]) == (num_positions, words)
    assert words in render_comparison_of_runs("the test part", methods, [row])


def test_students_without_two_seeds_that_change_them_are_compared_over_positions(tmp_path):
    """As kNN, whose copies stand beside every seed of a run."""
    folders = [
        write_run(tmp_path / name, {"distilled": dict.fromkeys(seeds, 1.0)})
        for name, seeds in {"a": (0, 1, 2), "b": (2, 3), "c": (4, 5), "d": range(6)}.items()
    ]
    methods, rows = compare(*folders)
    assert [(row["unit"], row["num_shared_seeds"]) for row in rows] == [
        ("positions", 1),
        ("positions", 0),
        ("positions", 3),
    ]
    text = render_comparison_of_runs("the test part", methods, rows)
    assert "the two share one seed)" in text and "the two share no seed)" in text
    assert "200 test positions, for no seed changes either of the two)." in text


def test_floors_are_known_where_one_run_names_them(tmp_path):
    """Runs of earlier versions, as the first one here, name none."""
    for name in "ab":
        write_run(tmp_path / name, {"distilled": {0: 6.0}}, part=GRID)
    old = pd.read_csv(tmp_path / "a" / "predictions.csv").drop(columns="floor")
    old.to_csv(tmp_path / "a" / "predictions.csv", index=False)
    succeed("compare", f"--workdirs={tmp_path}/a,{tmp_path}/b", f"--output={tmp_path}/out")
    [row] = json.loads((tmp_path / "out" / "comparison.json").read_text())["differences"]
    wanted = len(np.unique(PLACES, axis=0))
    assert row["num_pairs"] == wanted > len(np.unique(GRID.position_m, axis=0))


def test_students_of_several_runs_stand_against_the_first(tmp_path):
    a = write_run(tmp_path / "a", {"standalone": {0: 3.0}, "distilled": {0: 4.0}})
    b = write_run(tmp_path / "b", {"knn": {0: 6.0}})
    methods, rows = compare(a, b)
    labels = ["a: dnn baseline student", "a: dnn distilled student", "b: kNN, its settings chosen"]
    assert all(m.label.startswith(label) for m, label in zip(methods, labels, strict=True))
    assert [row["difference_m"] for row in rows] == pytest.approx([1.0, 3.0])
    assert "floor" not in render_comparison_of_runs("the test part", methods, rows)
    methods, [row] = compare(a, b, students=["knn", "distilled"])
    assert methods[0].label == labels[1] and row["difference_m"] == pytest.approx(2.0)


def test_runs_on_other_fingerprints_are_refused_by_name_and_digest(tmp_path):
    a = write_run(tmp_path / "a", {"distilled": {0: 3.0}})
    order = write_run(tmp_path / "b", {"distilled": {0: 3.0}}, part=TEST.take([1, 0, 2]))
    other = write_run(
        tmp_path / "c", {"distilled": {0: 3.0}}, part=replace(TEST, part="validation")
    )
    for folder, words in ((order, "test part of syn"), (other, "validation part of syn")):
        with pytest.raises(ConfigError) as error:
            compare(a, folder)
        assert f"{folder} was measured on the {words}" in str(error.value)
        assert f"{a} on the test part of synthetic-office (200 fingerprints, dig" in str(
            error.value
        )


def test_what_cannot_be_compared_is_refused(tmp_path):
    a = write_run(tmp_path / "a", {"distilled": {0: 3.0}})
    b = write_run(tmp_path / "b", {"knn": {0: 3.0}})
    for folders, students, words in (
        ((a,), (), "there is nothing to compare a: dnn distilled student with"),
        ((a, b), ("alone",), "--students has 'alone'; the runs have distilled, knn"),
        ((a, b), ("knn",), "has none of --students=knn; it has distilled"),
    ):
        with pytest.raises(ConfigError, match=words):
            compare(*folders, students=students)
    with pytest.raises(
        DataError, match=r"result\.json is not there; name the folder of a finished"
    ):
        read_run(tmp_path)


def test_the_order_of_the_lines_does_not_matter(tmp_path):
    """A spreadsheet may have sorted them; a line has its number."""
    a = write_run(tmp_path / "a", {"distilled": {0: 3.0, 1: 3.0}})
    before = read_run(a)
    table = pd.read_csv(a / "predictions.csv")
    table.sort_values(["x_m", "seed"]).to_csv(a / "predictions.csv", index=False)
    assert read_run(a).measured_on == before.measured_on


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("0,5,", "0,5,x", 1),
        lambda text: text.replace("x_m", "easting"),
        lambda text: text.replace("3.0000\n", "\n", 1),
        lambda text: text[: text.rindex("\n", 0, -1) + 1],
        lambda text: "",
        lambda text: text.replace("\n1,0,", "\n1,0,9", 1),
    ],
)
def test_predictions_that_nobody_wrote_are_refused(tmp_path, damage):
    folder = write_run(tmp_path / "a", {"distilled": {0: 3.0, 1: 3.0}})
    file = folder / "predictions.csv"
    file.write_text(damage(file.read_text()))
    with pytest.raises(DamagedError, match=str(folder)):
        read_run(folder)


def test_the_command_prints_a_table_and_leaves_json_and_a_picture(tmp_path):
    write_run(tmp_path / "a", {"standalone": {0: 3.0}, "distilled": {0: 4.0}})
    write_run(tmp_path / "b", {"standalone": {0: 3.0}, "distilled": {0: 2.5}})
    where = (f"--workdirs={tmp_path}/a,{tmp_path}/b", f"--output={tmp_path}/out")
    out = succeed("compare", *where, "--students=distilled")
    content = json.loads((tmp_path / "out" / "comparison.json").read_text())
    [row] = content["differences"]
    assert content["part"].startswith(
        "the test part of synthetic-office (200 fingerprints, digest "
    )
    assert row["difference_m"] == pytest.approx(-1.5)
    assert "| b: dnn distilled student | 0 | 2.50 | -1.50 | [-1.50, -1.50] |" in out
    assert matplotlib.image.imread(tmp_path / "out" / "comparison.png").std() > 0.01
    code, _, err = call("compare", *where, "--students=dist")
    assert code == 2 and "--students has 'dist'; the runs have standalone" in error_of(err)


def test_no_run_is_left_out_of_the_legend(monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: drawn.append(figure))
    errors_m = {"_knn": np.ones(3), "b": np.arange(3.0)}
    plots.plot_comparison("", errors_m, {"_knn": np.ones(3)}, "title", dataset="uji")
    left, right = drawn[0].axes
    shown = [text.get_text().lstrip("\u200b") for text in left.get_legend().texts]
    assert shown == ["_knn, mean 1.00 raw units", "b, mean 1.00 raw units"]
    assert len(right.get_legend().texts) == 1 and "(raw units)" in right.get_xlabel()


def with_floors(error_m, floor):
    positions_m = TEST.position_m + np.array([error_m, 0.0])
    return Predicted(positions_m, np.asarray(floor), radius_m=np.full(len(TEST), 4.0))


def write_floors(folder, predictions):
    config = make_config("smoke", target=TEST.dataset, sources="synthetic-mall")
    folder.mkdir()
    write_result(config, TEST, predictions, folder, num_train=600)
    return folder


def test_floors_and_evaal_are_paired_by_position_where_both_runs_know_floors(tmp_path):
    """An eighth of a's floors is one too high, by 4 m in EvAAL; b's are right, and 1 m worse."""
    wrong = np.arange(len(TEST)) % 8 == 0
    first = with_floors(3.0, TEST.floor + wrong)
    a = write_floors(tmp_path / "a", {seed: {"distilled": first} for seed in range(2)})
    b = write_floors(tmp_path / "b", {0: {"distilled": with_floors(4.0, TEST.floor)}})
    c = write_run(tmp_path / "c", {"distilled": {0: 2.0}})
    methods, rows = compare(a, b, c)
    row, without = rows
    assert row["floor_hit_rate_difference"] == pytest.approx(0.125)
    assert row["evaal_mae_m_difference"] == pytest.approx(1 - 4 / 8)
    for name, values in (("floor_hit_rate", wrong), ("evaal_mae_m", 1 - 4.0 * wrong)):
        expected = interval_over_positions(values.astype(float), TEST.position_m)
        np.testing.assert_allclose(row[f"{name}_interval"], expected, atol=1e-6)
    assert not any(name.startswith(("floor", "evaal")) for name in without)
    low, high = (f"{100 * end:+.2f}" for end in row["floor_hit_rate_interval"])
    table = render_comparison_of_runs("the test part", methods, rows).splitlines()[8:12]
    head, _, of_a, of_b = [line.strip("| ").split(" | ") for line in table]
    assert head[:3] == ["method", "floor (%)", "EvAAL mean (m)"] and "within the radius (%)" in head
    assert head[-2:] == ["difference in floor (points)", "difference in EvAAL mean (m)"]
    assert of_a[1:3] == ["87.50 ± 0.00", "3.50 ± 0.00"] and of_a[-2:] == 2 * ["reference"]
    assert of_b[1:3] == ["100.00", "4.00"] and of_b[-2] == f"+12.50 [{low}, {high}]"


def test_a_floor_that_is_missing_is_damage(tmp_path):
    folder = write_floors(tmp_path / "a", {0: {"distilled": with_floors(3.0, TEST.floor)}})
    file = folder / "predictions.csv"
    head, first, *rest = file.read_text().splitlines()
    cells = first.split(",")
    cells[head.split(",").index("distilled_floor")] = ""
    file.write_text("\n".join([head, ",".join(cells), *rest]))
    with pytest.raises(DamagedError, match="a floor or building of distilled is empty"):
        read_run(folder)
