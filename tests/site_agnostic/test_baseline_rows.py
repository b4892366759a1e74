"""The rows beside a run's students: those of the baselines' own command, or why there are none."""

import numpy as np
import pytest
from tiny import make_tiny_config, write_sites

from rsstl_jax import load_pretrained, load_site
from rsstl_jax.baselines import knn
from rsstl_jax.baselines.run_baseline import run_baseline
from rsstl_jax.data import make_synthetic_site
from rsstl_jax.data.target import TargetParts, target_parts
from rsstl_jax.metrics import error_m
from rsstl_jax.site_agnostic.baseline_rows import measure_baselines


@pytest.fixture
def config(tmp_path):
    data_dir = write_sites(tmp_path / "data", "home", "mall", "campus")
    return make_tiny_config(data_dir=str(data_dir))


def test_knn_is_that_of_the_command(config, tmp_path):
    row = measure_baselines(config, target_parts(config))["baselines"]["knn"]
    result = run_baseline(config, "knn", tmp_path / "knn")
    assert row == result["students"]["knn"] | {"settings": result["settings"]}


def test_the_pretrained_network_is_that_of_evaluate(config):
    """At a synthetic site, where it has seen nothing."""
    config.run.baselines = "pretrained"
    site = load_site("synthetic-office")
    rows = measure_baselines(config, TargetParts(site.train, site.test))["baselines"]
    predicted_m = load_pretrained().fit(site.train).predict_m(site.test.rss_dbm)
    error = error_m(predicted_m, site.test.position_m).mean()
    assert list(rows) == ["pretrained"] and rows["pretrained"]["mae_m"] == pytest.approx([error])


def test_none_is_none(config):
    config.run.baselines = ""
    assert measure_baselines(config, target_parts(config)) == {}


def test_a_row_that_cannot_be_is_left_out_with_the_reason(config, monkeypatch):
    config.run.baselines, parts = "knn,pretrained", target_parts(config)
    config.target = "tut1"
    monkeypatch.setattr(knn, "find_spec", lambda name: None)
    rows = measure_baselines(config, parts)["baselines"]
    assert "scikit-learn, which is not installed; pip install" in rows["knn"]["left_out"]
    assert "was trained in the building of tut1" in rows["pretrained"]["left_out"]


def test_of_many_held_out_fingerprints_some_are_enough():
    """The positions are held out as before; what is located are a few, from first to last."""
    train = make_synthetic_site("synthetic-office").train
    located = []
    search = knn._search

    def watch(train, queries, *rest):
        located.append(queries.position_m)
        return search(train, queries, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(knn, "_search", watch)
        for number in (None, 7):
            knn.choose_neighbours(
                train, encodings=["linear"], metrics=["manhattan"], most_queries=number
            )
    everything, few = located
    assert len(few) == 7 < len(everything)
    np.testing.assert_array_equal(few[[0, -1]], everything[[0, -1]])
