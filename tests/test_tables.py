"""Result tables: what each row trains, its receipt, and the arithmetic of the comparison."""

import json

import pytest
import tiny

from rsstl_jax.config import ConfigError
from rsstl_jax.report import comparison_frame, plot_methods, render_comparison
from rsstl_jax.tables import read_receipts, row_config, row_name, run_row

SITES = ("synthetic-office", "synthetic-mall", "synthetic-campus")


def receipt(row, key, mae_m, seeds, network="dnn"):
    figures = {"mae_m": mae_m, "p75_m": [m + 1 for m in mae_m], "p95_m": [m + 9 for m in mae_m]}
    result = {"target": "tampere", "network": network, "seeds": seeds, key: figures}
    return {"row": row, "result": result}


def test_sources_are_the_sites_but_the_target():
    config = row_config("students", target="synthetic-mall", network="baat", sites=SITES)
    assert config.sources == "synthetic-office,synthetic-campus"
    assert config.network == "baat" and config.teacher.kind == "surrogate"


@pytest.mark.parametrize("control", ["noise", "untrained"])
def test_a_control_differs_from_the_students_by_its_teachers_alone(control):
    of_students, of_control = (
        row_config(row, target="uji", network="dnn", sites=SITES) for row in ("students", control)
    )
    assert of_control.teacher.kind == control
    of_control.teacher.kind = of_students.teacher.kind
    assert of_control == of_students


def test_rows_and_fields_that_do_not_exist_are_named():
    with pytest.raises(ConfigError, match=r"row is .students2.; it must be one of students, noise"):
        row_config("students2", target="uji", network="dnn", sites=SITES)
    with pytest.raises(ConfigError, match=r"train[.]epoch .* did you mean train[.]epochs"):
        row_config("knn", target="uji", network="dnn", sites=SITES, overrides={"train.epoch": 3})


def test_a_control_trains_no_second_stand_alone_student(tmp_path):
    tiny.write_sites(tmp_path / "data", "home", "mall")
    config = tiny.make_tiny_config(data_dir=str(tmp_path / "data"))
    config.teacher.kind = "untrained"
    first = run_row("untrained", config, tmp_path / "run")
    assert "distilled" in first["result"] and "standalone" not in first["result"]
    assert not (tmp_path / "run/students/seed-0/standalone").exists()
    assert first["start"]["data"].keys() == {"home"}, "untrained teachers need no source data"
    assert not {"data_dir", "bundle_dir"} & first["config"].keys()
    # A second start trains nothing, and the receipt stays that of the first.
    assert run_row("untrained", config, tmp_path / "run") == first


def test_the_comparison_by_hand():
    """distilled - stand-alone = (-1, 1): mean 0, sd sqrt(2) = 1.41; the control shares seed 1."""
    students = receipt("students", "standalone", [7.0, 8.0], [0, 1])
    students["result"]["distilled"] = receipt("", "x", [6.0, 9.0], [])["result"]["x"]
    frame = comparison_frame(
        [students, receipt("noise", "distilled", [8.5], [1]), receipt("knn", "knn", [8.0], [0])]
    )
    lines = render_comparison(frame, "tampere").splitlines()[2:]
    few = "too few seeds"
    assert lines == [
        "| kNN | 1 | 8.00 | 9.00 | 17.00 |  |  |  |",
        "| dnn stand-alone | 2 | 7.50 ± 0.71 | 8.50 ± 0.71 | 16.50 ± 0.71 |  |  | 11.03 |",
        "| dnn distilled | 2 | 7.50 ± 2.12 | 8.50 ± 2.12 | 16.50 ± 2.12 "
        f"| 0.00 ± 1.41 | {few} | 8.86 |",
        "| dnn distilled, control: noise for teachers | 1 | 8.50 | 9.50 | 17.50 "
        f"| 0.50 | {few} |  |",
    ]


def test_transfer_is_compared_with_its_own_network_from_scratch():
    frame = comparison_frame(
        [
            receipt("scratch", "scratch", [7.0], [0]),
            receipt("sequential", "sequential", [7.5], [0]),
            receipt("collective", "collective", [6.5], [3]),
        ]
    )
    scratch, sequential, collective = render_comparison(frame, "tampere").splitlines()[2:]
    assert sequential.startswith("| dnn * sequential transfer | 1 | 7.50 |")
    assert sequential.endswith("| 0.50 | too few seeds | 12.36 |")
    # Without a seed in common there is no paired difference.
    assert collective.endswith("| 15.50 |  |  | 11.84 |")
    assert scratch.endswith("| 16.00 |  |  |  |")


def test_a_difference_in_all_of_ten_seeds_is_a_verdict():
    """p = 2 / 2^10 each; the second method's differences have both signs."""
    seeds = list(range(10))
    students = receipt("students", "standalone", [7.0 + 0.1 * s for s in seeds], seeds)
    better, mixed = (
        receipt(row, "distilled", [7.0 + 0.1 * s + shift(s) for s in seeds], seeds)
        for row, shift in (("noise", lambda s: -0.2 - 0.01 * s), ("untrained", lambda s: (-1) ** s))
    )
    lines = render_comparison(comparison_frame([students, better, mixed]), "tampere").splitlines()
    assert [line.split(" | ")[6] for line in lines[3:]] == ["better", "within seed noise"]


def test_the_picture_has_a_dot_for_every_seed(tmp_path):
    one = comparison_frame([receipt("students", "standalone", [7.0], [0])])
    plot_methods(tmp_path / "one.png", one, "tampere")
    three = comparison_frame([receipt("students", "standalone", [7.0, 9.0, 12.0], [0, 1, 2])])
    plot_methods(tmp_path / "three.png", three, "tampere")
    assert dots(tmp_path / "three.png") > 2 * dots(tmp_path / "one.png") > 0


def dots(path):
    import matplotlib.image

    picture = matplotlib.image.imread(path)[..., :3]
    return int(((picture[..., 2] - picture[..., 0]) > 0.2).sum())


def test_receipts_are_read_by_name(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"row": name}))
    assert [found["row"] for found in read_receipts(tmp_path)] == ["a", "b"]
    assert row_name("noise", "dnn") == "dnn-noise"
