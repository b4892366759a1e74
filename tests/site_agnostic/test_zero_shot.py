"""Training on sites, measuring on another: what is left behind, what goes on, what is refused."""

import hashlib
import json
from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest
import tiny

from rsstl_jax.data import load_site
from rsstl_jax.engine.site_network import predict_m
from rsstl_jax.errors import ConfigError, DataError
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.report.result_table import render_agnostic
from rsstl_jax.site_agnostic import training as training
from rsstl_jax.site_agnostic.training import (
    fit_agnostic,
    init_agnostic,
    make_agnostic_site_network,
    predict_members_m,
)
from rsstl_jax.site_agnostic.weights import load_pretrained, save_pretrained
from rsstl_jax.site_agnostic.zero_shot import pretrain, run_zero_shot
from rsstl_jax.store.files import write_json
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.store.workdir import open_workdir

FIELDS = {
    "model.agnostic.num_access_points": 4,
    "model.agnostic.num_neighbours": 3,
    "model.agnostic.width": 8,
    "model.agnostic.num_blocks": 1,
    "model.agnostic.num_heads": 2,
    "model.agnostic.feed_width": 8,
    "agnostic.epochs": 2,
    "agnostic.episodes.num_queries": 4,
    "agnostic.episodes.min_support": 4,
    "agnostic.episodes.max_support": 12,
    "agnostic.tune.epochs": 1,
    "agnostic.tune.episodes.min_support": 4,
    "agnostic.tune.episodes.max_support": 12,
    "agnostic.fractions": (0.5, 1.0),
    "agnostic.num_subsets": 2,
    "seeds": (0, 1),
    "run.log_every_epochs": 5,
}


def configured(sources="mall,campus", **fields):
    return tiny.make_tiny_config(sources, **FIELDS | fields)


NETWORK, EPISODES = AgnosticSettings.from_config(configured()), configured().agnostic.episodes


@pytest.fixture(scope="module", autouse=True)
def few_episodes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "EPISODES_PER_EPOCH", 3)
        yield


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return str(tiny.write_sites(tmp_path_factory.mktemp("data"), "home", "mall", "campus"))


@pytest.fixture(scope="module")
def finished(data_dir, tmp_path_factory):
    """(workdir, result) of the configuration above."""
    workdir = tmp_path_factory.mktemp("run")
    return workdir, run_zero_shot(configured(data_dir=data_dir), workdir)


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
    page = (finished[0] / "report.html").read_text()
    assert f"<td>{label}</td><td>{tuned_m:.2f}" in page and '"title":"Other trainings"' in page


def test_a_second_start_trains_nothing_and_says_the_same(data_dir, finished):
    workdir, first = finished
    before = [r for r in Recorder(workdir).records() if "epoch" in r]
    second = run_zero_shot(configured(data_dir=data_dir), workdir)
    after = [r for r in Recorder(workdir).records() if "epoch" in r]
    assert first["shares"] == second["shares"] and before == after
    assert {r["run"] for r in after} == {
        f"{part}/seed-{seed}" for part in ("sources", "home-test") for seed in (0, 1)
    }


OLD_SIZES = {"num_candidates": 64, "num_compared": 64, "kinds": ["access_points", "neighbours"]}
OLD_EPISODES = {"hidden_radius": 0.0, "access_points_merged": 0.0, "turn": True, "grouped": True}
OLD_EPISODES |= {{"all_scans": "whole_places"}.get(name, name): n for name, n in EPISODES.items()}


def test_the_folder_of_an_earlier_version_goes_on_if_its_plan_is_the_same(data_dir, tmp_path):
    config = configured(
        data_dir=data_dir, **{"agnostic.tune.epochs": 0, "agnostic.fractions": (1.0,)}
    )
    # A plan of 0.1, and trainings that are signed with it.
    old = {
        "sources": ["mall", "campus"],
        "epochs": 2,
        "learning_rate": 2e-3,
        "network": vars(NETWORK) | OLD_SIZES,
        "episodes": OLD_EPISODES,
    }
    write_json(tmp_path / "plan.json", old)
    signature = hashlib.sha256(json.dumps(old, sort_keys=True).encode()).hexdigest()[:16]
    params = init_agnostic(NETWORK, jax.random.key(3))
    recorder = Recorder(tmp_path, owner=signature)
    for seed in (0, 1):
        recorder.save_final(f"sources/seed-{seed}", params, 2)
    run_zero_shot(config, tmp_path, baselines=False)
    assert not [r for r in Recorder(tmp_path).records() if "epoch" in r]
    write_json(tmp_path / "plan.json", old | {"episodes": OLD_EPISODES | {"turn": False}})
    with pytest.raises(ConfigError, match="turn is False and is no field any more; it must be Tru"):
        run_zero_shot(config, tmp_path, baselines=False)


@pytest.mark.slow
def test_validation_never_reads_the_test_part(data_dir, tmp_path):
    fields = {"data.evaluate_on": "validation", "seeds": (0,), "agnostic.tune.epochs": 0}
    config = configured(data_dir=data_dir, **fields)
    result = run_zero_shot(config, tmp_path / "run", baselines=False)
    train = load_site("home", data_dir=data_dir).train
    assert result["part"] == "validation"
    assert result["shares"]["1.0"]["num_support"][0] < len(train)


def test_the_radio_map_lacks_the_phones_that_are_held_out(tmp_path):
    tiny.write_sites(tmp_path, "home", "mall", "campus")
    tiny.name_phones(tmp_path / "home")
    fields = {"agnostic.tune.epochs": 0, "agnostic.fractions": (1.0,), "seeds": (0,)}
    config = configured(data_dir=str(tmp_path), **fields, **{"data.held_out_phones": "a"})
    [figures] = run_zero_shot(config, tmp_path / "run", baselines=False)["shares"].values()
    phones = load_site("home", data_dir=tmp_path).train.phone
    assert figures["num_support"] == [(phones != "a").sum()]
    assert set(figures["agnostic"]["mae_by_group_m"]["phone"]) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sources": "mall,home"}, "source home was surveyed in the same building as the target"),
        ({"data.fraction": 0.5}, r"data\.fraction is 0\.5; .* are those of agnostic\.fractions"),
        ({"agnostic.fractions": (10.0,)}, r"agnostic\.fractions is \(10\.0,\); it must be diffe"),
        ({"seeds": ()}, r"seeds is \(\); it must be different whole numbers"),
        ({"agnostic.num_subsets": 0}, r"num_subsets is 0; it must be a whole number of at least 1"),
        ({"agnostic.fractions": (1.0, 0.05)}, r"fractions has 0\.05, which leaves one position of"),
        ({"agnostic.tune.epochs": -1}, r"agnostic\.tune\.epochs is -1; it must be a whole number"),
        ({"agnostic.episodes.min_support": 20}, "the largest must be at least the smallest"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_trained(
    data_dir, fields, message, tmp_path
):
    with pytest.raises((ConfigError, DataError), match=message):
        run_zero_shot(configured(**{"data_dir": data_dir} | fields), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_plan_does_not_replace_the_trainings_of_a_folder(data_dir, finished):
    workdir, _ = finished
    before = (workdir / "result.json").read_bytes()
    other = configured("mall", data_dir=data_dir, **{"model.agnostic.num_blocks": 2})
    with pytest.raises(ConfigError, match=r"of another plan \(network was .*; sources was "):
        run_zero_shot(other, workdir)
    with pytest.raises(ConfigError, match=r"run of another command \(plan\.json\); choose"):
        open_workdir(other, workdir)
    assert (workdir / "result.json").read_bytes() == before


def test_a_run_of_another_command_is_not_replaced(data_dir, tmp_path):
    config = configured(data_dir=data_dir)
    open_workdir(config, tmp_path / "run").save_final("seed-0/standalone", np.zeros(1), 1)
    for start in (run_zero_shot, partial(pretrain, folder=tmp_path / "bundle")):
        with pytest.raises(ConfigError, match=r"of another command \(config\.json\); choose"):
            start(config, tmp_path / "run")
    assert not (tmp_path / "run" / "plan.json").exists()


@pytest.mark.parametrize("start", [run_zero_shot, open_workdir])
def test_no_run_starts_in_the_folder_of_a_locator(data_dir, tmp_path, start):
    (tmp_path / "at_site.json").touch()
    with pytest.raises(ConfigError, match=r"holds a locator \(at_site\.json\); choose another"):
        start(configured(data_dir=data_dir), tmp_path)


def test_a_fine_tuned_network_has_a_row_whatever_the_fractions(data_dir, finished):
    workdir, first = finished
    config = configured(data_dir=data_dir, **{"agnostic.fractions": (0.5,)})
    result = run_zero_shot(config, workdir, baselines=False)
    assert result["shares"]["1.0"]["fine-tuned"] == first["shares"]["1.0"]["fine-tuned"]
    assert "| 100 % | 21 | site-agnostic network, fine-tuned on the target |" in render_agnostic(
        result
    )


def test_a_bundle_for_any_target_is_trained_on_all_sites(data_dir, tmp_path):
    config = configured("home,mall", data_dir=data_dir)
    made = pretrain(config, tmp_path / "run", tmp_path / "bundle", command="python agnostic.py")
    assert (config.target, made.sources) == ("home", ("home", "mall"))
    found = load_pretrained(tmp_path / "bundle")
    tiny.assert_same_bits(found.members, made.members)
    assert (found.settings, len(found.members)) == (NETWORK, 2)
    assert found.report["episodes"] == EPISODES.to_dict()
    assert found.report["command"] == "python agnostic.py"
    page = (tmp_path / "run" / "report.html").read_text()
    assert f"rsstl agnostic --pretrain={tmp_path}/bundle" in page.replace("&#x27;", "'")
    others = {"model.agnostic.feed_width": 9, "agnostic.episodes_per_step": 3}
    for field, value in others.items():
        other = configured("home,mall", data_dir=data_dir, **{field: value})
        words = rf"of another training \({field.rpartition('.')[2]} was \w+ and is {value}\)"
        with pytest.raises(ConfigError, match=words):
            pretrain(other, tmp_path / "other", tmp_path / "bundle")
    # A bundle of 0.1 is taken for what it is, too.
    save_pretrained(
        tmp_path / "bundle", replace(found, report=found.report | {"episodes": OLD_EPISODES})
    )
    pretrain(config, tmp_path / "run", tmp_path / "bundle")


@pytest.mark.slow
def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path):
    def train(epochs, recorder):
        config = configured(**{"agnostic.epochs": epochs, "agnostic.learning_rate": 1e-3})
        parts = [tiny.make_part("mall")]
        return fit_agnostic(config, parts, NETWORK, seed=0, name="demo", recorder=recorder)

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


def test_the_mean_position_of_the_members_is_the_mean_of_their_positions():
    part, test = tiny.make_part("home"), tiny.make_part("home", "test")
    site_network = make_agnostic_site_network(NETWORK, part)
    members = [init_agnostic(NETWORK, jax.random.key(seed)) for seed in (0, 1)]
    predicted_m = [predict_m(site_network, params, test) for params in members]
    np.testing.assert_allclose(
        predict_members_m(site_network, members, test.rss_dbm),
        np.mean(predicted_m, axis=0),
        atol=1e-4,
    )
