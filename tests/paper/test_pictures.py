"""The pictures of the result tables: every axis says its unit, every gap is explained."""

import pandas as pd

from rsstl_jax.paper import comparison, distribution


def drawing(monkeypatch, module):
    drawn = []
    monkeypatch.setattr(module, "save_figure", lambda figure, path: drawn.append(figure))
    return drawn


def test_a_method_without_a_figure_in_a_panel_is_not_an_empty_row(tmp_path, monkeypatch):
    drawn = drawing(monkeypatch, comparison)
    line = {"network": "dnn", "seed": 0}
    selected = pd.DataFrame(
        [
            line | {"method": "baseline student, 1 %", "share": 0.01, "mae_m": 11.0},
            line | {"method": "baseline student, 1 %", "share": 0.01, "mae_m": 13.0},
            line | {"method": "distilled, 1 %", "share": 0.01, "mae_m": 12.0},
            line | {"method": "baseline student, 10 %", "share": 0.1, "mae_m": 7.0},
        ]
    )
    comparison.plot_methods(tmp_path / "a.png", selected, "demo", dataset="uji")
    one, ten = drawn[0].axes
    # A circle for every seed and a bar for their mean.
    marks = [line.get_xdata().tolist() for line in one.lines]
    assert marks == [[11.0, 13.0], [12.0], [12.0], [12.0]]
    assert [text.get_text() for text in one.texts] == []
    assert [(text.get_text(), text.get_position()[1]) for text in ten.texts] == [("not trained", 1)]
    expected = "mean error (raw units)\ncircle: one seed, bar: mean of seeds"
    assert one.get_xlabel() == ten.get_xlabel() == expected


def test_the_distribution_says_where_it_ends(tmp_path, monkeypatch):
    drawn = drawing(monkeypatch, distribution)
    frame = pd.DataFrame(
        {
            "network": "dnn",
            "student": "standalone",
            "percentile": [0.0, 50.0, 96.0, 100.0],
            "error_m": [0.0, 5.0, 20.0, 90.0],
            "within_10_m": [[0.8]] * 4,
        }
    )
    distribution.plot_distribution(tmp_path / "a.png", frame, "demo", dataset="uji")
    (axes,) = drawn[0].axes
    assert axes.get_xlim()[1] == 20.0
    assert axes.get_xlabel() == "error (raw units), up to the 96th percentile"
    (label,) = [text.get_text() for text in axes.get_legend().get_texts()]
    assert label == "dnn baseline student, 80.0% below 10 raw units"
