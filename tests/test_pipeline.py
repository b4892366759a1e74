"""The whole job on tiny tables: what it leaves, what it never reads, and how it goes on."""

import json
import shutil
from functools import partial
from importlib import import_module

import jax
import numpy as np
import pandas as pd
import pytest
from ml_collections import FrozenConfigDict
from tiny import NUM_ROWS, assert_same_bits, make_tiny_config, write_sites

from rsstl_jax import run_distillation
from rsstl_jax.baselines.run_baseline import run_baseline
from rsstl_jax.data.target import target_parts
from rsstl_jax.engine.saved_student import load_student
from rsstl_jax.errors import ConfigError, DataError
from rsstl_jax.models import make_network
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.phases.student_specs import STUDENTS, StudentSpec, check_plans, plan_students
from rsstl_jax.pipeline import bundle_folder, run_expert
from rsstl_jax.site_agnostic.training import init_agnostic
from rsstl_jax.site_agnostic.zero_shot import run_zero_shot
from rsstl_jax.store.recorder import Recorder

SEEDS = (3,)
TRAINERS = [
    import_module(f"rsstl_jax.{name}")
    for name in ("engine.fit_network", "phases.expert_training", "phases.distillation")
]
TRAININGS = [
    "teacher-mall/specialise",
    "teacher-mall/expert",
    *(f"seed-{seed}/{student}" for seed in SEEDS for student in ("standalone", "distilled")),
]


def make_config(data_dir, evaluate_on="validation", **fields):
    fields = {"seeds": SEEDS, "data.evaluate_on": evaluate_on} | fields
    return make_tiny_config(data_dir=str(data_dir), **fields)


def content(workdir):
    """All figures and predictions of a run, as written."""
    names = ("result.json", "predictions.csv")
    return {name: (workdir / name).read_text() for name in names}


def epochs_of(workdir):
    records = Recorder(workdir).records()
    return {
        name: [r["epoch"] for r in records if r["run"] == name and "epoch" in r]
        for name in TRAININGS
    }


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return write_sites(tmp_path_factory.mktemp("data"), "home", "mall")


@pytest.fixture(scope="module")
def finished(data_dir, tmp_path_factory):
    """(workdir, result) of an uninterrupted run on a validation part."""
    workdir = tmp_path_factory.mktemp("whole") / "run"
    return workdir, run_distillation(make_config(data_dir), workdir)


def test_result_has_the_promised_fields(finished):
    workdir, result = finished
    assert json.loads((workdir / "result.json").read_text()) == result
    named = {name: result[name] for name in ("target", "sources", "network", "recipe", "seeds")}
    assert named == {
        "target": "home",
        "sources": ["mall"],
        "network": "dnn",
        "recipe": "tuned-smoke",
        "seeds": list(SEEDS),
    }
    assert result["part"] == "validation"
    assert result["num_train"] + result["num_evaluated"] == NUM_ROWS["train"]
    assert set(result["teachers"]) == {"mall"}


def test_figures_follow_from_the_predictions(finished):
    workdir, result = finished
    table = pd.read_csv(workdir / "predictions.csv")
    assert len(table) == len(SEEDS) * result["num_evaluated"]
    for position, seed in enumerate(SEEDS):
        rows = table[table.seed == seed]
        for student in ("standalone", "distilled"):
            apart_m = np.hypot(rows[f"{student}_x_m"] - rows.x_m, rows[f"{student}_y_m"] - rows.y_m)
            np.testing.assert_allclose(rows[f"{student}_error_m"], apart_m, atol=2e-4)
            figures = {
                name: values[position] for name, values in result["students"][student].items()
            }
            assert figures["mae_m"] == pytest.approx(apart_m.mean(), abs=2e-4)
            assert figures["p75_m"] == pytest.approx(np.percentile(apart_m, 75), abs=2e-4)
            assert figures["p95_m"] == pytest.approx(np.percentile(apart_m, 95), abs=2e-4)


def test_each_training_logs_each_epoch_once(finished):
    assert epochs_of(finished[0]) == {name: [1, 2] for name in TRAININGS}


def test_the_first_record_says_under_what_the_run_was_made(finished, data_dir):
    first = Recorder(finished[0]).records()[0]
    assert first["run"] == "start"
    assert {"versions", "python", "commit", "device", "data"} <= first.keys()
    train = target_parts(make_config(data_dir)).train
    assert first["data"]["home"] == train.digest()
    assert set(first["data"]) == {"home", "mall"}


def test_every_training_logs_the_norm_of_its_gradient(finished):
    logged = [r for r in Recorder(finished[0]).records() if "epoch" in r]
    assert {r["run"] for r in logged} == set(TRAININGS)
    assert all(0 < record["gradient_norm"] < 1e9 for record in logged)
    of_expert = [r for r in logged if r["run"].endswith("expert")]
    assert all(0 < record["critic_gradient_norm"] < 1e9 for record in of_expert)


@pytest.mark.slow
def test_with_a_validation_part_no_test_part_is_read(finished, tmp_path):
    data_dir, workdir = write_sites(tmp_path, "home", "mall"), tmp_path / "run"
    for file in data_dir.glob("*/test.csv"):
        file.unlink()
    run_distillation(make_config(data_dir), workdir)
    assert content(workdir) == content(finished[0])


def test_a_second_start_trains_nothing(finished, data_dir, monkeypatch):
    workdir, result = finished
    before = content(workdir)
    for module in TRAINERS:
        monkeypatch.setattr(module, "fit", None)
    for config in (make_config(data_dir), FrozenConfigDict(make_config(data_dir))):
        assert run_distillation(config, workdir) == result
    assert content(workdir) == before
    assert epochs_of(workdir) == {name: [1, 2] for name in TRAININGS}


@pytest.mark.slow
def test_a_resumed_run_equals_the_uninterrupted_one(finished, data_dir, tmp_path, monkeypatch):
    """Stopped when a training has ended and its result is not yet saved."""
    save_final = Recorder.save_final

    def stop(self, name, result, epoch):
        if name == "teacher-mall/expert":
            raise KeyboardInterrupt
        save_final(self, name, result, epoch)

    config, workdir = make_config(data_dir), tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Recorder, "save_final", stop)
        run_distillation(config, workdir)
    run_distillation(config, workdir)
    assert content(workdir) == content(finished[0])
    assert epochs_of(workdir) == {name: [1, 2] for name in TRAININGS}


def test_a_name_stands_for_one_student_in_a_workdir(finished, data_dir, tmp_path):
    shutil.copytree(finished[0], tmp_path / "run")
    config = make_config(data_dir, bundle_dir=str(finished[0].parent / "teachers"))
    others = {
        "margin was 0.2 and is 0.6": StudentSpec(margin=0.6),
        r"weights was {.*'similarity': 0.5.*} and is": StudentSpec({"similarity": 0.0}),
    }
    for changed, other in others.items():
        with pytest.raises(ConfigError, match=f"another student called distilled .{changed}"):
            run_distillation(config, tmp_path / "run", students={"distilled": other})
    # A start that was stopped before its first state has trained none.
    stopped = Recorder(tmp_path / "stopped")
    plans = plan_students(config, make_network(config), others)
    for spec in plans.values():
        stopped.log({"students": check_plans(stopped, {"distilled": spec})})
    same = {"distilled": StudentSpec({"similarity": 0.5}, margin=0.2)}
    result = run_distillation(config, tmp_path / "run", students=same)
    assert result["students"]["distilled"] == finished[1]["students"]["distilled"]


def test_terms_are_those_of_the_students(finished, data_dir, tmp_path):
    workdir, result = finished
    assert result["terms"] == ["similarity", "mutual_information", "functional_information"]
    shutil.copytree(workdir, tmp_path / "run")
    config = make_config(data_dir, bundle_dir=str(workdir.parent / "teachers"))
    students = {"standalone": STUDENTS["standalone"]}
    assert run_distillation(config, tmp_path / "run", students=students)["terms"] == []


def test_teachers_made_alone_are_those_of_the_run(finished, data_dir, tmp_path):
    workdir, result = finished
    alone = run_expert(make_config(data_dir), tmp_path / "alone")
    quality = {name: report["quality"] for name, report in alone.reports.items()}
    assert quality == result["teachers"]
    config = make_config(data_dir, bundle_dir=str(workdir.parent / "teachers"))
    assert_same_bits(run_expert(config, tmp_path / "read").params, alone.params)
    assert epochs_of(tmp_path / "read")["teacher-mall/expert"] == []


def test_bundles_lie_beside_the_workdir_unless_told(tmp_path):
    assert bundle_folder(make_tiny_config(), "results/home").as_posix() == "results/teachers"
    config = make_tiny_config(bundle_dir=str(tmp_path))
    assert bundle_folder(config, "results/home") == tmp_path


def test_target_is_cut_as_configured(data_dir):
    whole = target_parts(make_config(data_dir, "test"))
    assert (whole.held_out.part, len(whole.held_out)) == ("test", NUM_ROWS["test"])
    assert len(whole.train) == NUM_ROWS["train"]
    third = target_parts(make_config(data_dir, "test", **{"data.fraction": 1 / 3}))
    assert len(third.train) == 7 and len(third.held_out) == NUM_ROWS["test"]
    held = target_parts(make_config(data_dir, **{"data.validation_fraction": 0.25}))
    assert (held.held_out.part, len(held.held_out)) == ("validation", 5)  # of 21 places


@pytest.mark.slow
def test_site_agnostic_teachers_say_places_and_are_measured_too(data_dir, tmp_path, monkeypatch):
    module = import_module("rsstl_jax.site_agnostic.teachers")
    small = AgnosticSettings(width=8, num_heads=2, num_blocks=1)
    fresh = lambda *_, seed, **__: init_agnostic(small, jax.random.key(seed))  # noqa: E731
    monkeypatch.setattr(module, "AgnosticSettings", lambda: small)
    monkeypatch.setattr(import_module("rsstl_jax.site_agnostic.training"), "fit_agnostic", fresh)
    fields = {
        "teacher.kind": "both",
        "agnostic.members": 2,
        "data.fraction": 0.6,
        "distill.num_unlabelled": 4,
        "distill.weights.soft_target": 1.0,
        "distill.similarity_over": "sample",
    }
    config = make_config(data_dir, "test", seeds=(0,), **fields)
    students = {**STUDENTS, "ensemble": StudentSpec(pseudo_labels="mean")}
    result = run_distillation(config, tmp_path / "run", students=students)
    assert len(result["students"]["ensemble"]["mae_m"]) == 1
    assert result["num_train"] == 12 and set(result["teachers"]) == {"mall"}
    table = pd.read_csv(tmp_path / "run" / "predictions.csv")
    for axis in ("x_m", "y_m"):
        both = table[f"agnostic_{axis}"] + table[f"standalone_{axis}"]
        np.testing.assert_allclose(table[f"mean_{axis}"], both / 2, atol=1e-3)
    told = [r for r in Recorder(tmp_path / "run").records() if r.get("run") == "seed-0/distilled"]
    alone = [r for r in Recorder(tmp_path / "run").records() if r.get("run") == "seed-0/standalone"]
    assert told[0]["soft_target"] > 0 and "soft_target" not in alone[0]
    assert told[0]["similarity"] > 0 and np.isfinite(told[-1]["localization"])


@pytest.mark.slow
def test_a_student_of_their_network_may_start_at_its_teachers(data_dir, tmp_path, monkeypatch):
    drawn = lambda *_, seed, **__: init_agnostic(AgnosticSettings(), jax.random.key(seed))  # noqa: E731
    monkeypatch.setattr(import_module("rsstl_jax.site_agnostic.training"), "fit_agnostic", drawn)
    fields = {
        "network": "agnostic",
        "teacher.kind": "agnostic",
        "teacher.seed": 7,  # Of the first teacher; the second one has the next.
        "agnostic.members": 2,
        "agnostic.start": "teachers",
        "train.learning_rate": 1e-30,
        "data.fraction": 1.0,
    }
    run_distillation(make_config(data_dir, "test", seeds=(1,), **fields), tmp_path / "run")
    taught, alone = (
        load_student(tmp_path / "run" / "students" / "seed-1" / name).params
        for name in ("distilled", "standalone")
    )
    of_second_teacher = init_agnostic(AgnosticSettings(), jax.random.key(8))
    unmoved = partial(np.testing.assert_allclose, rtol=0, atol=1e-28)
    jax.tree.map(unmoved, taught, of_second_teacher)
    kernels = [params["framer"] for params in (alone, of_second_teacher)]
    assert not np.allclose(*[jax.tree.leaves(framer)[-1] for framer in kernels])


def test_a_copy_of_the_target_is_no_source(tmp_path):
    sites = write_sites(tmp_path / "sites", "home", "mall")
    shutil.copytree(sites / "home", sites / "house")
    config = make_tiny_config("mall,house", data_dir=str(sites))
    words = "source house has .* of the target home, under another name"
    with pytest.raises(DataError, match=words):
        run_distillation(config, tmp_path / "run")
    for method in ("sequential", "collective"):
        with pytest.raises(DataError, match=words):
            run_baseline(config, method, tmp_path / method)
    with pytest.raises(DataError, match=words):
        run_zero_shot(config, tmp_path / "zero-shot")
