"""The rows beside a run's students: those of the baselines' own command, or why there are none."""

import dataclasses

import jax
import numpy as np
import pandas as pd
import pytest
from tiny import make_tiny_config, write_sites

from rsstl_jax import load_pretrained, load_site, pipeline, run_distillation
from rsstl_jax.baselines import knn
from rsstl_jax.baselines.run_baseline import run_baseline
from rsstl_jax.data import make_synthetic_site
from rsstl_jax.data.target import TargetParts, target_parts
from rsstl_jax.errors import ConfigError
from rsstl_jax.phases.teacher_set import TeacherSet
from rsstl_jax.report.predicted import predict
from rsstl_jax.site_agnostic import baseline_rows
from rsstl_jax.site_agnostic.baseline_rows import predict_baselines


@pytest.fixture
def config(tmp_path):
    data_dir = write_sites(tmp_path / "data", "home", "mall", "campus")
    return make_tiny_config(data_dir=str(data_dir), **{"run.baselines": "knn"})


def test_knn_is_that_of_the_command(config, tmp_path, monkeypatch):
    """Figures, and every column of the predictions; beside students that were not trained."""

    def untrained(job, _, students, **__):
        return dict.fromkeys(students, job.init(jax.random.key(0)))

    monkeypatch.setattr(pipeline, "train_students", untrained)
    monkeypatch.setattr(pipeline, "make_teachers", lambda *_: TeacherSet(None, {}, {}))
    result = run_baseline(config, "knn", tmp_path / "knn")
    figures = run_distillation(config, tmp_path / "run")["baselines"]["knn"]
    assert figures == result["students"]["knn"] | {"settings": result["settings"]}
    own, beside = (pd.read_csv(tmp_path / name / "predictions.csv") for name in ("knn", "run"))
    columns = [name for name in own if name.startswith("knn_")]
    assert len(columns) == 3
    pd.testing.assert_frame_equal(own[columns], beside[columns])
    # No command replaces the result of another one, nor of another configuration.
    for run, folder, holder in (
        (lambda folder: run_baseline(config, "knn", folder), "run", "rsstl distill"),
        (lambda folder: run_distillation(config, folder), "knn", "rsstl baselines --method=knn"),
        (lambda folder: run_baseline(config, "centroid", folder), "knn", ".* --method=knn"),
    ):
        with pytest.raises(ConfigError, match=f"holds the result of {holder}; choose another"):
            run(tmp_path / folder)
    assert run_baseline(config, "knn", tmp_path / "knn") == result
    config.data.fraction = 0.5
    with pytest.raises(ConfigError, match=r"another configuration \(data.fraction was 1\.0 and is"):
        run_baseline(config, "knn", tmp_path / "knn")


@pytest.mark.slow
def test_the_pretrained_network_is_that_of_evaluate(config):
    """At a synthetic site, where it has seen nothing."""
    config.run.baselines = "pretrained"
    site = load_site("synthetic-office")
    baselines = predict_baselines(config, TargetParts(site.train, site.test))
    predicted = predict(load_pretrained().fit(site.train), site.test)
    assert list(baselines) == ["pretrained"] and not baselines["pretrained"].facts
    given = baselines["pretrained"].predicted
    assert given.building is None and predicted.building is None
    for name in ("position_m", "floor", "radius_m"):
        np.testing.assert_allclose(getattr(given, name), getattr(predicted, name), rtol=1e-4)


def test_none_is_none(config):
    config.run.baselines = ""
    assert predict_baselines(config, target_parts(config)) == {}


def test_a_row_that_cannot_be_is_left_out_with_the_reason(config, monkeypatch):
    config.run.baselines, parts = "knn,pretrained", target_parts(config)
    config.target = "tut1"
    monkeypatch.setattr(knn, "find_spec", lambda name: None)
    rows = predict_baselines(config, parts)
    assert "scikit-learn, which is not installed; pip install" in rows["knn"].facts["left_out"]
    assert "was trained in the building of tut1" in rows["pretrained"].facts["left_out"]


def test_a_copy_of_what_it_was_trained_on_has_no_row_of_the_pretrained_network(config):
    """Known by its content, whatever its name."""
    config.run.baselines, parts = "pretrained", target_parts(config)
    content = {"home-by-another-name": parts.train.digest()}
    trained_here = dataclasses.replace(load_pretrained(), report={"data": content})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baseline_rows, "load_pretrained", lambda: trained_here)
        row = predict_baselines(config, parts)["pretrained"]
    assert row.predicted is None
    assert "the train fingerprints of home-by-another-name" in row.facts["left_out"]


def test_of_many_held_out_fingerprints_some_are_enough():
    """The positions are held out as before; what is located are a few, from first to last."""
    train = make_synthetic_site("synthetic-office").train
    located = []
    search = knn._search

    def watch(train, rss_dbm, *rest):
        located.append(rss_dbm)
        return search(train, rss_dbm, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(knn, "_search", watch)
        for number in (None, 7):
            knn.choose_neighbours(
                train, encodings=["linear"], metrics=["manhattan"], most_queries=number
            )
    everything, few = located
    assert len(few) == 7 < len(everything)
    np.testing.assert_array_equal(few[[0, -1]], everything[[0, -1]])
