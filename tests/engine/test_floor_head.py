"""The floor head changes floors alone: it is deterministic, saved, exported, and worth having."""

import dataclasses

import jax
import numpy as np
import pytest
from tiny import differing, make_part, make_tiny_config

from rsstl_jax.data import Fingerprints, fit_preprocessor
from rsstl_jax.engine import floor_head
from rsstl_jax.engine.prototypes import make_prototypes, read_prototypes, write_prototypes
from rsstl_jax.engine.saved_student import Student
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.export import export_student, load_exported, write_onnx


def draw_two_floors(part, number):
    """A synthetic atrium: one access point tells its floors apart, eight stronger ones do not."""
    rng = np.random.default_rng(len(part))
    position_m, floor = rng.uniform(0, 40, (number, 2)), rng.integers(0, 2, number)
    routers_m = np.random.default_rng(0).uniform(0, 40, (8, 2))
    apart_m = np.linalg.norm(position_m[:, None] - routers_m, axis=-1)
    strong_dbm = -30 - 1.2 * apart_m + rng.normal(0, 4, apart_m.shape)
    weak_dbm = np.where(floor == 1, -84 + rng.normal(0, 2, number), np.nan)
    return Fingerprints(
        dataset="atrium",
        part=part,
        rss_dbm=np.column_stack([strong_dbm, weak_dbm]).astype(np.float32),
        position_m=position_m,
        floor=floor.astype(np.int32),
        building=None,
        access_points=tuple(f"AP{a}" for a in range(9)),
    )


def make_student(train):
    site_network = make_site_job(make_tiny_config(), train).site_network
    params = site_network.init(jax.random.key(0), train.num_access_points)
    student = Student(site_network, params, train.access_points, train.dataset)
    student.read_labels(train)
    return student


def without_head(student):
    prototypes = student.prototypes._replace(head=None)
    return Student(
        student.site_network,
        student.params,
        student.access_points,
        student.dataset,
        prototypes=prototypes,
    )


def right_floors(student, part):
    return (student.labels[student.answer(part.rss_dbm).label, 1] == part.floor).mean()


TRAIN, TEST = draw_two_floors("train", 200), draw_two_floors("test", 300)


@pytest.fixture(scope="module")
def atrium():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(floor_head, "MIN_DRAWS", 40_000)
        yield make_student(TRAIN)


def test_the_head_finds_floors_that_the_vote_does_not(atrium):
    assert right_floors(without_head(atrium), TEST) < 0.75
    assert right_floors(atrium, TEST) > 0.9


def test_positions_and_features_are_equal_with_and_without_a_head(atrium):
    one, other = (student.answer(TEST.rss_dbm) for student in (atrium, without_head(atrium)))
    np.testing.assert_array_equal(one.position_m, other.position_m)
    np.testing.assert_array_equal(one.features, other.features)
    assert (one.label != other.label).any()


def test_a_head_is_deterministic_and_read_again(atrium, tmp_path):
    again = make_prototypes(TRAIN, fit_preprocessor(TRAIN))
    write_prototypes(tmp_path / "prototypes.npz", again)
    read = read_prototypes(tmp_path / "prototypes.npz", TRAIN.num_access_points)
    for tree in (again, read):
        jax.tree.map(np.testing.assert_array_equal, tree, atrium.prototypes)


def test_a_saved_head_is_kept_unless_the_radio_map_has_changed(atrium):
    preprocessor, saved = fit_preprocessor(TRAIN), atrium.prototypes
    assert make_prototypes(TRAIN, preprocessor, saved) is saved
    weaker = dataclasses.replace(TRAIN, rss_dbm=TRAIN.rss_dbm - 3)
    head = make_prototypes(weaker, preprocessor, saved).head
    assert head is not None and differing(head, saved.head)


def test_prototypes_of_an_earlier_version_have_no_head(atrium, tmp_path):
    file = tmp_path / "prototypes.npz"
    write_prototypes(file, without_head(atrium).prototypes)
    assert not any(name.startswith("head") for name in np.load(file).files)
    assert read_prototypes(file, len(atrium.access_points)).head is None


def test_a_head_of_an_earlier_version_knows_no_detections(atrium, tmp_path):
    head = {name: leaf for name, leaf in atrium.prototypes.head.items() if name != "detection"}
    write_prototypes(tmp_path / "prototypes.npz", atrium.prototypes._replace(head=head))
    read = read_prototypes(tmp_path / "prototypes.npz", len(atrium.access_points)).head
    level = np.random.default_rng(0).uniform(size=(5, 9)).astype(np.float32)
    wanted = jax.nn.log_softmax(floor_head.FloorHead(2).apply({"params": head}, level))
    np.testing.assert_array_equal(floor_head.label_scores(read, level, 2), wanted)


def test_what_is_detected_counts_by_how_many_positions_of_a_floor_detect_it(atrium):
    # Floor 0 has three positions, two of which detect access point 0; floor 1 has one.
    level = np.array([[0.5, 0], [0.1, 0], [0, 0.3], [0, 0.9]], np.float32)
    odds = floor_head.detection_odds(level, np.array([0, 0, 0, 1]), 2)
    rate = np.array([[2.2 / 4, 1.2 / 4], [0.2 / 2, 1.2 / 2]])
    head = {**atrium.prototypes.head, "detection": odds}
    scan = np.array([[0.7, 0], [0, 0]], np.float32)
    fit = np.array([np.log(rate[:, 0]) + np.log(1 - rate[:, 1]), np.log(1 - rate).sum(axis=1)])
    padded = np.pad(scan, ((0, 0), (0, 7)))
    head["detection"] = {**odds, "log_odds": np.pad(odds["log_odds"], ((0, 7), (0, 0)))}
    without = {name: leaf for name, leaf in head.items() if name != "detection"}
    added = floor_head.label_scores(head, padded, 2) - floor_head.label_scores(without, padded, 2)
    np.testing.assert_allclose(added, fit / np.array([[2], [1]]), rtol=1e-4)


@pytest.mark.parametrize("floor", [None, np.full(21, 4, np.int32)])
def test_a_site_with_one_floor_or_none_needs_no_head(floor):
    part = dataclasses.replace(make_part(), floor=floor)
    assert make_prototypes(part, fit_preprocessor(part)).head is None


def test_exports_answer_with_the_heads_floors(atrium, tmp_path):
    rss_dbm = TEST.rss_dbm
    wanted = atrium.answer(rss_dbm).label
    assert (wanted != without_head(atrium).answer(rss_dbm).label).any()
    export_student(atrium, tmp_path / "program")
    np.testing.assert_array_equal(load_exported(tmp_path / "program").answer(rss_dbm).label, wanted)
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra 'dev' brings it")
    write_onnx(atrium, tmp_path / "student.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "student.onnx")
    _, label, _ = session.run(None, {"rss_dbm": rss_dbm})
    np.testing.assert_array_equal(label, wanted)
