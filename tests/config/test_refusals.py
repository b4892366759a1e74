"""What a run refuses before anything is read or trained, and what it takes for unlabelled."""

import shutil
from functools import partial

import numpy as np
import pytest
from tiny import NUM_ROWS, make_part, make_tiny_config, write_sites

from rsstl_jax import run_distillation
from rsstl_jax.baselines.run_baseline import run_baseline
from rsstl_jax.data.target import target_parts
from rsstl_jax.errors import ConfigError, DataError, MissingDataError
from rsstl_jax.phases.student_specs import BESIDE, STUDENTS, StudentSpec
from rsstl_jax.pipeline import run_expert


def make_config(data_dir, **fields):
    return make_tiny_config(data_dir=str(data_dir), **fields)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return write_sites(tmp_path_factory.mktemp("data"), "home", "mall")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"network": "dnn"}, "start is 'teachers' and network is 'dnn'; it must be agnostic"),
        ({"teacher.kind": "noise"}, "start is 'teachers' and teacher.kind is 'noise'; it must be"),
        ({"model.agnostic.width": 16}, "model.agnostic has other sizes than theirs; leave it"),
    ],
)
def test_what_cannot_start_at_its_teachers_is_refused_before_anything_runs(
    fields, message, data_dir, tmp_path
):
    able = {"network": "agnostic", "teacher.kind": "agnostic", "agnostic.start": "teachers"}
    config = make_config(data_dir, **{**able, **fields})
    with pytest.raises(ConfigError, match=message):
        run_distillation(config, tmp_path / "run")


PSEUDO_LABELLED = {
    "teacher.kind": "agnostic",
    "data.fraction": 0.6,
    "distill.num_unlabelled": 4,
    "distill.pseudo_labels": "mean",
}


def test_unlabelled_fingerprints_of_a_file_are_those_of_a_run(data_dir, tmp_path):
    """All of the train part has a place then."""
    shutil.copytree(data_dir, tmp_path / "data")
    known = make_part("home").access_points
    text = "\n".join([",".join(reversed(known)), ",".join(["-50"] + ["100"] * (len(known) - 1))])
    (tmp_path / "data" / "home" / "unlabelled.csv").write_text(f"{text}\n")
    fields = PSEUDO_LABELLED | {"data.fraction": 1.0, "data.unlabelled": "file"}
    parts = target_parts(make_config(tmp_path / "data", **fields))
    wanted = [[np.nan] * (len(known) - 1) + [-50.0]]
    np.testing.assert_array_equal(parts.unlabelled_dbm, wanted)
    assert len(parts.train) == NUM_ROWS["train"]
    with pytest.raises(MissingDataError, match=r"home/unlabelled\.csv is not there"):
        target_parts(make_config(data_dir, **fields))


def test_pseudo_labels_of_a_mean_need_the_baseline_student(data_dir, tmp_path):
    config = make_config(data_dir, **PSEUDO_LABELLED)
    with pytest.raises(
        ConfigError, match="the pseudo-labels of a are a mean with the student standalone"
    ):
        run_distillation(config, tmp_path / "run", students={"a": StudentSpec()})


def test_sources_of_the_targets_own_building_are_refused_before_anything_is_read(tmp_path):
    config = make_config(tmp_path / "nowhere", target="tampere", sources="tut3")
    for run in (run_distillation, run_expert, partial(run_baseline, method="sequential")):
        with pytest.raises(DataError, match="source tut3 was surveyed in the same building"):
            run(config, workdir=tmp_path / "run")


@pytest.mark.parametrize(
    ("students", "message"),
    [
        (
            {"a": StudentSpec(sources=("typo",))},
            "a student has the teacher of typo; sources is 'mall'",
        ),
        (
            {"a": StudentSpec({"similarity": -0.5})},
            "distill.weights.similarity is -0.5; it must be a",
        ),
        (
            {"a": StudentSpec(learning_rate=0.0)},
            "train.learning_rate is 0.0; it must be a number abov",
        ),
        ({"a": StudentSpec(margin=2.0)}, "distill.margin is 2.0; it must be"),
        (
            {"a": StudentSpec(pseudo_labels="men")},
            "distill.pseudo_labels is 'men'; it must be one of teachers, mean",
        ),
        (
            {"a": StudentSpec(start="best")},
            "agnostic.start is 'best'; it must be one of fresh, teachers",
        ),
        (STUDENTS | {"a": StudentSpec(pseudo_labels="mean")}, "distill.num_unlabelled is 0"),
        *(
            ({name: StudentSpec()}, f"a student is called {name!r}; it needs a name that a folder")
            for name in (*BESIDE, "a/b", "..", "", 0.1)
        ),
    ],
)
def test_students_are_checked_before_anything_runs(students, message, data_dir, tmp_path):
    with pytest.raises(ConfigError, match=message):
        run_distillation(make_config(data_dir), tmp_path / "run", students=students)
