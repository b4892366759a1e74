"""What people look at: the table and the two pictures."""

import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest

from rsstl_jax.report import plots
from rsstl_jax.report.plots import plot_cdf, plot_map, unit_label, wrap_title
from rsstl_jax.report.result_table import (
    current_result,
    mean_and_spread,
    render_result,
    students_of,
)

FIGURES = {"mae_m": [7.0, 7.2], "p75_m": [9.0, 10.0], "p95_m": [20.0, 20.0]}
RESULT = {
    "target": "uji",
    "sources": ["tampere", "tut7"],
    "network": "dnn",
    "recipe": "tuned",
    "part": "test",
    "seeds": [0, 1],
    "students": {
        "standalone": FIGURES,
        "distilled": {name: [value - 1 for value in values] for name, values in FIGURES.items()},
    },
    "teachers": {"tampere": {"cosine": 0.98}},
}


def test_mean_and_spread_by_hand():
    """(1 + 2 + 6) / 3 = 3; deviations -2, -1, 3 with squares 14 / 2 = 7, root 2.6458."""
    assert mean_and_spread([1.0, 2.0, 6.0]) == "3.00 ± 2.65"
    assert mean_and_spread([7.031]) == "7.03"
    assert mean_and_spread([-0.001]) == "0.00", "zero has no sign"


def test_the_table_by_hand():
    """Two values that differ by 0.2 have the sd 0.1 * sqrt(2) = 0.14; by 1, 0.71."""
    assert render_result(RESULT).splitlines() == [
        "tampere & tut7 -> uji, recipe tuned, test part, seeds 0, 1",
        "",
        "| student | mean (m) | 75th (m) | 95th (m) |",
        "| --- | --- | --- | --- |",
        "| dnn baseline student | 7.10 ± 0.14 | 9.50 ± 0.71 | 20.00 ± 0.00 |",
        "| dnn distilled student | 6.10 ± 0.14 | 8.50 ± 0.71 | 19.00 ± 0.00 |",
        "| difference, paired by seed | -1.00 ± 0.00 | -1.00 ± 0.00 | -1.00 ± 0.00 |",
    ]
    single = {name: [values[0]] for name, values in FIGURES.items()}
    students = {"standalone": single, "distilled": single}
    assert "paired" not in render_result(RESULT | {"seeds": [0], "students": students})


def test_baselines_stand_below_the_students_and_what_is_missing_is_said():
    single = {name: [values[0]] for name, values in FIGURES.items()}
    reason = {"left_out": "kNN needs scikit-learn"}
    lines = render_result(
        RESULT | {"baselines": {"pretrained": single, "knn": reason}}
    ).splitlines()
    assert lines[-3:] == [
        "| pretrained network, not trained at this site | 7.00 | 9.00 | 20.00 |",
        "",
        "No row for knn: kNN needs scikit-learn",
    ]
    assert lines[-4].startswith("| difference, paired by seed |")


def test_students_are_read_from_a_result_of_version_0_1():
    """There they stood beside the other fields."""
    old = {name: value for name, value in RESULT.items() if name != "students"}
    old |= RESULT["students"]
    assert students_of(old) == students_of(RESULT) == RESULT["students"]
    assert current_result(old) == current_result(RESULT) == RESULT
    assert render_result(old) == render_result(RESULT)


@pytest.mark.parametrize("name", ["target", "teachers", "mae_m", "students", "seeds"])
def test_a_student_may_have_the_name_of_a_field(name):
    result = RESULT | {"students": {name: FIGURES}}
    assert students_of(result) == {name: FIGURES} and current_result(result) == result
    assert f"| dnn {name} | 7.10 ± 0.14 |" in render_result(result)


def test_every_student_of_a_result_is_in_its_table():
    named = dict.fromkeys(("agnostic", "mean", "only-similarity"), FIGURES)
    text = render_result(RESULT | {"students": named})
    rows = [line.split(" | ")[0] for line in text.splitlines()[4:7]]
    assert rows == [
        "| site-agnostic teachers",
        "| mean of teachers and dnn baseline student",
        "| dnn only-similarity",
    ]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were drawn, in place of files."""
    figures = []
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: figures.append(figure))
    return figures


def test_the_cdf_has_a_curve_for_each_student(drawn):
    errors = np.random.default_rng(0).gamma(2.0, 4.0, (2, 200))
    plot_cdf("", {"standalone": errors, "distilled": errors / 2}, "demo")
    (axes,) = drawn[0].axes
    for line, own_m in zip(axes.lines, (errors, errors / 2), strict=True):
        x_m, fractions = line.get_data()
        median_m = x_m[np.searchsorted(fractions, 0.5)]
        assert median_m == pytest.approx(np.median(own_m), rel=0.02)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[0] == f"baseline student, mean {errors.mean():.2f} m"
    assert labels[1].startswith("distilled student, mean")


def test_the_students_of_a_few_points_keep_their_colours(tmp_path):
    true_m = np.array([[0.0, 0.0], [3.0, 9.0]])
    predicted_m = {"standalone": true_m + 1, "distilled": true_m + 2}
    plot_map(tmp_path / "map.png", true_m, predicted_m, "demo")
    pixels = matplotlib.image.imread(tmp_path / "map.png")[..., :3].reshape(-1, 3)
    for color in ("#d1762d", "#2d6fb0"):
        apart = np.abs(pixels - matplotlib.colors.to_rgb(color)).max(axis=1)
        assert apart.min() < 0.01


def test_bands_over_each_other_keep_their_colours(tmp_path):
    figure = plots.new_figure((7, 4))
    axes = figure.add_subplot()
    for number in range(8):
        line = np.array([number, number + 3])
        axes.plot([0, 1], line, color=f"C{number}")
        axes.fill_between([0, 1], line - 1, line + 1, color=f"C{number}", alpha=0.2, lw=0)
    figure.savefig(tmp_path / "drawn.png", dpi=100)
    plots.save_figure(figure, tmp_path / "saved.png")
    drawn, saved = (
        matplotlib.image.imread(tmp_path / name)[..., :3] for name in ("drawn.png", "saved.png")
    )
    np.testing.assert_allclose(saved, drawn, rtol=0, atol=0.05)  # of 64 colours 0.08


ACTUAL_M = np.random.default_rng(0).uniform(0, 50, (60, 2)) + np.array([[0, 4864900.0]])


def test_the_map_shows_true_and_predicted_positions(drawn):
    predicted_m = {"standalone": ACTUAL_M + 5, "distilled": ACTUAL_M + 1}
    plot_map("", ACTUAL_M, predicted_m, "demo")
    for axes, own_m in zip(drawn[0].axes, predicted_m.values(), strict=True):
        _, true, predicted = axes.collections
        np.testing.assert_array_equal(true.get_offsets(), ACTUAL_M)
        np.testing.assert_array_equal(predicted.get_offsets(), own_m)
        # The true positions are smaller and lie above: where there are many, both are seen.
        assert true.get_zorder() > predicted.get_zorder()
        assert true.get_sizes() < predicted.get_sizes()


def test_the_map_has_a_row_of_panels_for_every_floor(drawn):
    """In the coordinates of the site; of many floors those with the most fingerprints."""
    floor = np.repeat([0, 3], [20, 40])
    plot_map("", ACTUAL_M, {"distilled": ACTUAL_M + 1}, "demo", floor=floor)
    upper, lower = drawn[0].axes
    assert (upper.get_title(), lower.get_title()) == (
        "distilled student, true floor 3",
        "distilled student, true floor 0",
    )
    for axes, rows in ((upper, floor == 3), (lower, floor == 0)):
        np.testing.assert_array_equal(axes.collections[1].get_offsets(), ACTUAL_M[rows])
        assert axes.get_ylim()[0] > 4864890
    floor = np.repeat(np.arange(8), [1, 9, 9, 9, 9, 9, 9, 5])
    plot_map("", ACTUAL_M, {"distilled": ACTUAL_M + 1}, "demo", floor=floor)
    shown = [axes.get_title().rpartition(" ")[2] for axes in drawn[1].axes]
    assert shown == ["6", "5", "4", "3", "2", "1"]
    assert "2 floors with fewer fingerprints are left out" in drawn[1].get_suptitle()


def test_the_map_has_the_extent_of_the_true_positions_and_counts_what_lies_outside(drawn):
    predicted_m = ACTUAL_M + 1
    predicted_m[[3, 7]] = [5000.0, 20.0]
    plot_map("", ACTUAL_M, {"distilled": predicted_m}, "demo")
    (axes,) = drawn[0].axes
    assert axes.get_title() == "distilled student, 2 predicted outside"
    assert -6 < axes.get_xlim()[0] < ACTUAL_M[:, 0].min() and axes.get_xlim()[1] < 56
    texts = {text.get_text() for text in drawn[0].legends[0].get_texts()}
    assert texts == {
        "line from the true to the predicted position",
        "true position",
        "predicted by the distilled student",
    }


def test_a_raw_unit_is_not_called_a_metre():
    assert unit_label("uji") == "raw units" and unit_label("tut7") == unit_label("mine") == "m"
    assert wrap_title("Errors", 100, "uji").splitlines() == [
        "Errors",
        "raw unit: Web Mercator (EPSG:3857) metres: 0.766 m on the ground at 39.99° N",
    ]
    assert wrap_title("Errors", 100, "tut7") == wrap_title("Errors", 100, "mine") == "Errors"


def test_degenerate_pictures_are_drawn_without_a_warning(tmp_path):
    """All errors zero, all fingerprints at one position."""
    positions = np.full((2, 2), 3.0)
    plot_cdf(tmp_path / "cdf.png", {"distilled": np.zeros(2)}, "x " * 100)
    plot_map(tmp_path / "map.png", positions, {"distilled": positions}, "x " * 100)
    for name in ("cdf.png", "map.png"):
        assert matplotlib.image.imread(tmp_path / name).std() > 0.01


def test_a_title_has_lines_of_similar_length():
    title = "mean error on the test part of a site whose name is rather long indeed"
    first, second = wrap_title(title, 60).splitlines()
    assert f"{first} {second}" == title and abs(len(first) - len(second)) < 12
    assert wrap_title("short\nlines stay", 60) == "short\nlines stay"
