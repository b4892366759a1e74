"""A student on disk predicts as it did, and meets its own access points only."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import draw_params, make_part, make_tiny_config

from rsstl_jax.data import Layout
from rsstl_jax.engine.input_order import in_order_of
from rsstl_jax.engine.saved_student import Student, load_student, save_student
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.engine.site_network import predict_m
from rsstl_jax.errors import DamagedError, DataError
from rsstl_jax.models import NETWORKS
from rsstl_jax.models.registry import model_section
from rsstl_jax.store.files import read_sealed, write_sealed


def make_student(**fields):
    config, train = make_tiny_config(**fields), make_part()
    site_network = make_site_job(config, train).site_network
    params = draw_params(site_network.network, jnp.zeros((1, train.num_access_points)))
    return config, Student(site_network, params, train.access_points, "home")


@pytest.mark.parametrize(
    "fields",
    [
        {"input.encoding": "powed", "input.exponent": 2.2},
        {"input.encoding": "raw", "model.dnn.hidden_width": 12, "model.dnn.num_layers": 4},
        # A function of one's own reads what it likes of the fields of `model`.
        {"network": "rsstl_jax.models.dnn:make_dnn", "model.dnn.num_layers": 4},
    ],
)
def test_a_loaded_student_predicts_the_same_bits(tmp_path, fields):
    config, student = make_student(**fields)
    save_student(tmp_path, config, student)
    loaded = load_student(tmp_path)
    part = make_part("home", "test")
    before, after = (predict_m(s.site_network, s.params, part) for s in (student, loaded))
    np.testing.assert_array_equal(after, before)
    assert (loaded.dataset, loaded.access_points) == ("home", student.access_points)
    assert in_order_of(loaded, part) is part


def test_a_save_broken_off_before_the_card_is_made_up_for(tmp_path):
    config, student = make_student()
    save_student(tmp_path, config, student)
    (tmp_path / "student.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"student\.json is missing; .* load_locator"):
        load_student(tmp_path)
    save_student(tmp_path, config, student)
    assert load_student(tmp_path).dataset == "home"


def renamed(part, names):
    return dataclasses.replace(part, access_points=tuple(names))


def test_foreign_access_points_are_refused_by_name():
    _, student = make_student()
    part = make_part("home", "test")
    foreign = renamed(part, ["AP0", "AP1", "AP2", "AP3", "lobby", "stairs"])
    message = (
        r"^home: the locator of home knows 6 access points; "
        r"the dataset has 2 that it does not know \(lobby, stairs\) "
        r"and lacks 2 that it needs \(AP4, AP5\)$"
    )
    with pytest.raises(DataError, match=message):
        in_order_of(student, foreign)


def test_the_same_access_points_in_another_order_are_read_by_name():
    _, student = make_student()
    part = make_part("home", "test")
    turned = dataclasses.replace(
        renamed(part, part.access_points[::-1]),
        rss_dbm=np.ascontiguousarray(part.rss_dbm[:, ::-1]),
    )
    found = in_order_of(student, turned)
    assert found.access_points == part.access_points
    np.testing.assert_array_equal(found.rss_dbm, part.rss_dbm)


def test_scans_are_located_as_the_rows_they_make():
    _, student = make_student()
    part = make_part("home", "test").take(range(5))
    scans = [
        {name: level for name, level in zip(part.access_points, row, strict=True) if level == level}
        for row in part.rss_dbm.tolist()
    ]
    wanted = predict_m(student.site_network, student.params, part)
    position = ["x_m", "y_m"]
    np.testing.assert_allclose(student.locate(scans)[position], wanted, atol=1e-4)
    np.testing.assert_allclose(student.locate(scans[:1])[position], wanted[:1], atol=1e-4)


def test_another_student_takes_the_place_of_the_one_saved_before(tmp_path):
    config, student = make_student()
    told = []
    save_student(tmp_path, config, student, report=told.append)
    written = (tmp_path / "student.json").stat().st_mtime_ns
    save_student(tmp_path, config, student, report=told.append)
    assert told == [] and (tmp_path / "student.json").stat().st_mtime_ns == written
    tuned = Student(
        student.site_network,
        jax.tree.map(lambda leaf: leaf + 1, student.params),
        student.access_points,
        "home",
    )
    save_student(tmp_path, config, tuned, report=told.append)
    assert len(told) == 1 and "another student of home" in told[0]
    for found, wanted in zip(
        jax.tree.leaves(load_student(tmp_path).params), jax.tree.leaves(tuned.params), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)
    moved = Student(student.site_network, tuned.params, student.access_points, "elsewhere")
    save_student(tmp_path, config, moved, report=told.append)
    assert load_student(tmp_path).dataset == "elsewhere"


def test_a_student_keeps_the_layout_of_its_site_and_an_earlier_one_has_none(tmp_path):
    config, student = make_student()
    scans = [{"AP0": -61.0, "AP1": 0}]
    save_student(tmp_path, config, student)
    card = read_sealed(tmp_path / "student.json")
    assert card.pop("layout") == {}
    write_sealed(tmp_path / "student.json", card)
    assert load_student(tmp_path).locate(scans).detected.tolist() == [2]
    (tmp_path / "radius.json").write_text("kept")
    told = []
    student.layout = Layout(undetected=(0,), ignore=("time",), origin=(1, 2), positions="degrees")
    save_student(tmp_path, config, student, report=told.append)
    assert told == [] and (tmp_path / "radius.json").read_text() == "kept"
    loaded = load_student(tmp_path)
    assert loaded.layout == student.layout and loaded.locate(scans).detected.tolist() == [1]
    write_sealed(tmp_path / "student.json", card | {"layout": {"undetected": "low"}})
    with pytest.raises(DamagedError, match=r"student\.json: layout: undetected is .* finite numb"):
        load_student(tmp_path)


def test_a_registered_network_of_ones_own_keeps_its_settings(tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "mine", NETWORKS["dnn"])
    config, student = make_student(network="mine", **{"model.dnn.hidden_width": 12})
    save_student(tmp_path, config, student)
    read = load_student(tmp_path).params
    assert jax.tree.map(np.shape, read) == jax.tree.map(np.shape, student.params)
    assert model_section("mine") == "model." and model_section("cnnloc") == "model.cnnloc."


def test_a_student_shows_in_a_few_lines_what_it_is():
    _, student = make_student()
    pre = student.site_network.preprocessor
    lines = repr(student).splitlines()
    # 6 -> 8 -> 8 -> 8 -> 2 units.
    size = (6 * 8 + 8) + 2 * (8 * 8 + 8) + (8 * 2 + 2)
    assert lines[0] == "<Student of home: Network(DenseStack 8, DenseStack 8 relu, Regressor 2),"
    assert lines[1] == f"{size} parameters, 6 access points (AP0, AP1, AP2, ...),"
    assert f"origin ({pre.origin_m[0]:.2f}, {pre.origin_m[1]:.2f}) m" in lines[2]
    assert f"scale {pre.scale_m:.2f} m>" in lines[2] and len(lines) == 3
