"""Figures by the field's protocols: which of them a site and a method have, and their values."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from tiny import write_result

from rsstl_jax import load_site, make_config
from rsstl_jax.baselines.knn import Neighbours, locate_neighbours
from rsstl_jax.data import make_synthetic_site
from rsstl_jax.report.predicted import Predicted, protocol_figures
from rsstl_jax.report.result_table import render_result
from rsstl_jax.report.run_result import Baseline

TEST = make_synthetic_site("synthetic-office").test
BUILDING = np.ones(len(TEST), np.int32)


def test_the_figures_are_those_of_the_protocols():
    """3 m and 4 m off in the plane; every fourth fingerprint a floor of 3.5 m too high."""
    wrong = np.arange(len(TEST)) % 4 == 0
    part = dataclasses.replace(TEST, building=BUILDING)
    predicted = Predicted(
        TEST.position_m + np.array([3.0, 4.0]),
        TEST.floor + wrong,
        np.where(np.arange(len(TEST)) < 20, 0, BUILDING),
        np.where(wrong, 4.0, 6.0),
    )
    assert protocol_figures(predicted, part) == pytest.approx(
        {
            "floor_hit_rate": 0.75,
            "building_hit_rate": 0.9,
            "evaal_mae_m": 5 + 4 / 4 + 50 / 10,
            "ipin_p75_m": 20.0,
            "mae_3d_m": (3 * 5 + np.hypot(5, 3.5)) / 4,
            "coverage": 0.75,
            "mean_radius_m": 5.5,
        }
    )


@pytest.mark.parametrize("name", ["floor", "building"])
def test_what_site_or_method_does_not_have_is_absent(name):
    part = dataclasses.replace(TEST, building=BUILDING)
    predicted = Predicted(TEST.position_m, TEST.floor, BUILDING)
    everything = protocol_figures(predicted, part)
    of_floors = {"floor_hit_rate", "evaal_mae_m", "ipin_p75_m", "mae_3d_m"}
    lost = {"floor": of_floors, "building": {"building_hit_rate"}}[name]
    for few in (
        protocol_figures(predicted._replace(**{name: None}), part),
        protocol_figures(predicted, dataclasses.replace(part, **{name: None})),
    ):
        assert few == {key: value for key, value in everything.items() if key not in lost}


def test_heights_of_floors_are_those_that_are_published():
    predicted = Predicted(TEST.position_m, TEST.floor + 1)
    for dataset, height_m in (("tampere", 3.7), ("synthetic-mall", 3.5)):
        figures = protocol_figures(predicted, dataclasses.replace(TEST, dataset=dataset))
        assert figures["mae_3d_m"] == pytest.approx(height_m)
    assert "mae_3d_m" not in protocol_figures(predicted, dataclasses.replace(TEST, dataset="home"))


def test_of_ujiindoorloc_the_metres_on_the_ground_stand_beside_the_raw_unit():
    position_m = np.tile([-7500.0, 4_864_900.0], (len(TEST), 1))
    part = dataclasses.replace(TEST, dataset="uji", position_m=position_m)
    figures = protocol_figures(Predicted(position_m + np.array([10.0, 0.0])), part)
    assert figures == pytest.approx({"ground_mae_m": 7.66}, abs=0.005)
    assert protocol_figures(Predicted(TEST.position_m), TEST) == {}


def test_neighbours_vote_on_floor_and_building():
    """The nearest fingerprint decides between two floors that are equally frequent."""
    rss_dbm = np.array([[-50], [-52], [-54], [-56], [-90]], np.float32)
    train = dataclasses.replace(
        TEST.take(range(5)),
        rss_dbm=rss_dbm,
        access_points=("a",),
        floor=np.array([1, 2, 2, 1, 0], np.int32),
        building=np.array([7, 7, 8, 8, 8], np.int32),
    )
    query = train.take([0])
    for number, floor, building in ((1, 1, 7), (3, 2, 7), (4, 1, 7), (5, 1, 8)):
        settings = Neighbours("linear", "euclidean", number, "uniform")
        predicted = locate_neighbours(settings, train, query.rss_dbm)
        assert (predicted.floor.item(), predicted.building.item()) == (floor, building)


def test_a_result_has_figures_predictions_and_rows_of_students_and_baselines(tmp_path):
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    config.seeds = (0, 1)
    test = load_site("synthetic-office").test
    wrong_floor = np.where(np.arange(len(test)) < 50, -1, test.floor)
    student = Predicted(test.position_m + np.array([3.0, 4.0]), wrong_floor)
    radius_m = np.full(len(test), 2.0)
    knn = Predicted(test.position_m + np.array([0.0, 1.0]), test.floor, radius_m=radius_m)
    result = write_result(
        config,
        test,
        {seed: {"standalone": student} for seed in config.seeds},
        tmp_path,
        num_train=600,
        baselines={
            "knn": Baseline(knn, {"settings": {"number": 1}}),
            "pretrained": Baseline(None, {"left_out": "it was trained there"}),
        },
    )
    assert result["students"]["standalone"]["floor_hit_rate"] == [0.75, 0.75]
    own = result["baselines"]["knn"]
    assert own["settings"] == {"number": 1} and own["coverage"] == [1.0]
    assert result["baselines"]["pretrained"] == {"left_out": "it was trained there"}
    table = pd.read_csv(tmp_path / "predictions.csv")
    assert table.standalone_floor.tolist() == 2 * wrong_floor.tolist()
    assert (table.knn_radius_m == 2).all() and table.knn_error_m.tolist() == [1.0] * 400
    text = render_result(result)
    label = "kNN, its settings chosen on held-out positions of train"
    assert f"\n| {label} | 1.00 | 1.00 | 1.00 |\n\nNo row for pretrained: it was trained" in text
    assert "| student | floor (%) | EvAAL mean (m) | IPIN 75th (m) | 3-D mean (m) | within" in text
    assert f"\n| {label} | 100.00 | 1.00 | 1.00 | 1.00 | 100.00 | 2.00 |" in text
    page = (tmp_path / "report.html").read_text()
    assert f"<td>{label}</td><td>1.00</td>" in page and "<th>within the radius (%)</th>" in page
