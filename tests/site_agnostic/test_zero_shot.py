"""Training on sites, measuring on another: what is left behind, what goes on, what is refused."""

from dataclasses import replace

import jax
import numpy as np
import pytest
import tiny

from rsstl_jax.data import load_site
from rsstl_jax.engine.localizer import predict_m
from rsstl_jax.errors import ConfigError, DataError
from rsstl_jax.models import AgnosticSettings
from rsstl_jax.report.zero_shot_table import render_agnostic
from rsstl_jax.site_agnostic import training as training
from rsstl_jax.site_agnostic.episodes import EpisodeSettings
from rsstl_jax.site_agnostic.plan import AgnosticPlan
from rsstl_jax.site_agnostic.training import (
    fit_agnostic,
    init_agnostic,
    make_agnostic_localizer,
    predict_members_m,
)
from rsstl_jax.site_agnostic.zero_shot import run_agnostic
from rsstl_jax.store.recorder import Recorder

NETWORK = AgnosticSettings(
    num_access_points=4,
    num_neighbours=3,
    num_candidates=8,
    width=8,
    num_blocks=1,
    num_heads=2,
    feed_width=8,
)
EPISODES = EpisodeSettings(num_queries=4, min_support=4, max_support=12)


@pytest.fixture(scope="module", autouse=True)
def few_episodes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "EPISODES_PER_EPOCH", 3)
        yield


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    data_dir = tiny.write_sites(tmp_path_factory.mktemp("data"), "home", "mall", "campus")
    return AgnosticPlan(
        target="home",
        sources=("mall", "campus"),
        shares=(0.5, 1.0),
        num_subsets=2,
        seeds=(0, 1),
        epochs=2,
        tune_epochs=1,
        network=NETWORK,
        episodes=EPISODES,
        tune_episodes=EPISODES,
        data_dir=str(data_dir),
    )


@pytest.fixture(scope="module")
def finished(plan, tmp_path_factory):
    """(workdir, result) of the plan."""
    workdir = tmp_path_factory.mktemp("run")
    return workdir, run_agnostic(plan, workdir)


def test_every_method_has_figures_of_every_subset(finished):
    result = finished[1]
    assert result["plan"]["sources"] == ["mall", "campus"] and result["part"] == "test"
    half, whole = result["shares"]["0.5"], result["shares"]["1.0"]
    assert (half["num_support"], whole["num_support"]) == ([10, 10], [21])
    for share, subsets in ((half, 2), (whole, 1)):
        for method in ("agnostic", "knn", "centroid"):
            assert [len(share[method][f]) for f in ("mae_m", "p75_m", "p95_m")] == [subsets] * 3
        assert len(share["agnostic, one seed"]["mae_m"]) == 2 * subsets
    assert "fine-tuned" in whole and "fine-tuned" not in half
    table = render_agnostic(result)
    assert "mall & campus -> home, test part, seeds 0, 1" in table
    tuned_m = whole["fine-tuned"]["mae_m"][0]
    label = "site-agnostic network, fine-tuned on the target"
    assert f"| 100 % | 21 | {label} | {tuned_m:.2f}" in table


def test_a_second_start_trains_nothing_and_says_the_same(plan, finished):
    workdir, first = finished
    before = [r for r in Recorder(workdir).records() if "epoch" in r]
    second = run_agnostic(plan, workdir)
    after = [r for r in Recorder(workdir).records() if "epoch" in r]
    assert first["shares"] == second["shares"] and before == after
    assert {r["run"] for r in after} == {
        f"{part}/seed-{seed}" for part in ("sources", "home-test") for seed in (0, 1)
    }


def test_validation_never_reads_the_test_part(plan, tmp_path):
    fields = {"evaluate_on": "validation", "seeds": (0,), "tune_epochs": 0, "rivals": False}
    result = run_agnostic(replace(plan, **fields), tmp_path / "run")
    train = load_site("home", data_dir=plan.data_dir).train
    assert result["part"] == "validation"
    assert result["shares"]["1.0"]["num_support"][0] < len(train)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"evaluate_on": "train"}, "evaluate_on is 'train'; it must be test or validation"),
        ({"shares": (10.0,)}, r"shares is \(10.0,\); each must be a share above 0 and up to 1"),
        ({"seeds": ()}, r"seeds is \(\); each must be a whole number of at least 0"),
        ({"seeds": (1, 1)}, r"seeds is \(1, 1\)"),
        ({"num_subsets": 0}, "num_subsets is 0; it must be at least 1"),
        ({"tune_epochs": -1}, "tune_epochs is -1; it must be at least 0"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_before_anything_is_trained(plan, fields, message):
    with pytest.raises(ConfigError, match=message):
        replace(plan, **fields)


def test_another_plan_does_not_replace_the_trainings_of_a_folder(plan, finished):
    workdir, _ = finished
    before = (workdir / "result.json").read_bytes()
    other = replace(plan, sources=("mall",), network=replace(NETWORK, num_blocks=2))
    with pytest.raises(ConfigError, match=r"of another plan \(network was .*; sources was "):
        run_agnostic(other, workdir)
    assert (workdir / "result.json").read_bytes() == before


def test_a_fine_tuned_network_has_a_row_whatever_the_shares(plan, finished):
    workdir, first = finished
    result = run_agnostic(replace(plan, shares=(0.5,), rivals=False), workdir)
    assert result["shares"]["1.0"]["fine-tuned"] == first["shares"]["1.0"]["fine-tuned"]
    assert "| 100 % | 21 | site-agnostic network, fine-tuned on the target |" in render_agnostic(
        result
    )


@pytest.mark.parametrize(("target", "source"), [("home", "home"), ("tut3", "tampere")])
def test_a_source_from_the_targets_building_is_refused_before_anything_is_read(
    target, source, tmp_path
):
    plan = AgnosticPlan(target, ("uji", source), data_dir=str(tmp_path))
    with pytest.raises(DataError, match=f"source {source} was surveyed in the same building"):
        run_agnostic(plan, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path):
    def train(epochs, recorder):
        return fit_agnostic(
            [tiny.make_part("mall")],
            network=NETWORK,
            episodes=EPISODES,
            epochs=epochs,
            learning_rate=1e-3,
            seed=0,
            name="demo",
            recorder=recorder,
        )

    options = {"log_every_epochs": 1, "checkpoint_every_s": 0.0}
    whole = train(4, Recorder(tmp_path / "whole", **options))
    recorder = Recorder(tmp_path / "cut", **options)
    logged = recorder.log

    def stop(*records):
        logged(*records)
        if records[-1]["epoch"] == 3:
            raise KeyboardInterrupt

    recorder.log = stop
    with pytest.raises(KeyboardInterrupt):
        train(4, recorder)
    tiny.assert_same_bits(train(4, Recorder(tmp_path / "cut", **options)), whole)


def test_the_mean_place_of_the_members_is_the_mean_of_their_places():
    part, test = tiny.make_part("home"), tiny.make_part("home", "test")
    localizer = make_agnostic_localizer(NETWORK, part)
    members = [init_agnostic(NETWORK, jax.random.key(seed)) for seed in (0, 1)]
    places = [predict_m(localizer, params, test) for params in members]
    np.testing.assert_allclose(
        predict_members_m(localizer, members, test), np.mean(places, axis=0), atol=1e-4
    )
    with pytest.raises(ValueError, match="members is empty"):
        predict_members_m(localizer, [], test)
