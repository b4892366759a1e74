"""Whose a run's folder is, and under what it was made."""

import json
import os
import subprocess
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import rsstl_jax
from rsstl_jax import make_config
from rsstl_jax.config.schema import flatten
from rsstl_jax.errors import ConfigError, DamagedError, DataError
from rsstl_jax.store.workdir import (
    _code_digest,
    _commit,
    log_start,
    open_workdir,
    provenance,
    seconds_so_far,
)


def configured(**fields):
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    config.update_from_flattened_dict(fields)
    return config


def test_the_configuration_is_written_whole(tmp_path):
    config = configured(seeds=(3, 1))
    recorder = open_workdir(config, tmp_path / "new" / "run")
    written = json.loads((tmp_path / "new" / "run" / "config.json").read_text())
    assert written == flatten(config) | {"seeds": [3, 1]} | _lists(config)
    assert recorder.log_every_epochs == config.run.log_every_epochs
    assert recorder.checkpoint_every_s == config.run.checkpoint_every_s


def _lists(config):
    """Tuples come back from JSON as lists."""
    return {p: list(v) for p, v in flatten(config).items() if isinstance(v, tuple)}


def test_another_configuration_is_refused_and_every_field_named(tmp_path):
    open_workdir(configured(), tmp_path).save_final("seed-0/a", np.zeros(1), 1)
    before = (tmp_path / "config.json").read_text()
    with pytest.raises(ConfigError) as error:
        open_workdir(configured(**{"train.epochs": 9, "distill.margin": 0.1}), tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds a run of another configuration (distill.margin was 0.2 and is 0.1; "
        "train.epochs was 2 and is 9); "
        "choose another --workdir or remove the folder"
    )
    assert (tmp_path / "config.json").read_text() == before


def test_of_many_differing_fields_target_and_recipe_come_first_and_five_more(tmp_path):
    open_workdir(configured(), tmp_path).save_final("seed-0/a", np.zeros(1), 1)
    other = make_config("tuned", target="synthetic-mall", sources="synthetic-office")
    with pytest.raises(ConfigError) as error:
        open_workdir(other, tmp_path)
    before, now = flatten(configured()), flatten(other)
    number = sum(before[path] != now[path] for path in before if path != "run.baselines")
    shown = str(error.value).partition("(")[2].rpartition(")")[0].split("; ")
    assert [words.partition(" ")[0] for words in shown[:2]] == ["target", "recipe"]
    assert (len(shown), shown[-1]) == (8, f"and {number - 7} more")


@pytest.mark.parametrize("name", ["config.json", "result.json"])
@pytest.mark.parametrize("content", ["", '{"seeds": [0', "[]"])
def test_a_damaged_card_is_named_and_without_it_the_run_goes_on(tmp_path, name, content):
    open_workdir(configured(), tmp_path).save_final("seed-0/a", np.zeros(1), 1)
    (tmp_path / name).write_text(content)
    words = f"{name} is not .*; remove it and run the command that made it once more$"
    with pytest.raises(DamagedError, match=words):
        open_workdir(configured(), tmp_path, "distill")
    (tmp_path / name).unlink()
    assert open_workdir(configured(), tmp_path, "distill").load_final("seed-0/a", np.ones(1)) == 0


def test_a_field_of_another_version_is_a_difference_too(tmp_path):
    open_workdir(configured(), tmp_path).save_final("seed-0/a", np.zeros(1), 1)
    file = tmp_path / "config.json"
    content = json.loads(file.read_text())
    del content["train.epochs"]
    file.write_text(json.dumps(content | {"train.dropout": 0.5}))
    with pytest.raises(ConfigError, match=r"train\.dropout was 0\.5 and is absent; train\.ep"):
        open_workdir(configured(), tmp_path)


def test_a_start_that_left_no_state_does_not_claim_the_folder(tmp_path):
    open_workdir(configured(), tmp_path).log({"run": "start"})
    open_workdir(configured(**{"train.epochs": 9}), tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["train.epochs"] == 9


def test_what_does_not_bear_on_the_result_may_change(tmp_path):
    open_workdir(configured(seeds=[0, 1]), tmp_path).save_final("seed-0/a", np.zeros(1), 1)
    moved = {"data_dir": "/data", "bundle_dir": "/bundles", "run.checkpoint_every_s": 5.0}
    open_workdir(configured(seeds=(0, 1), **moved), tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["bundle_dir"] == "/bundles"


def test_other_data_of_the_same_name_are_refused_once_there_are_states(tmp_path):
    recorder = open_workdir(configured(), tmp_path)
    log_start(recorder, {"uji": "a" * 64})
    log_start(recorder, {"uji": "b" * 64})
    recorder.save_final("seed-0/a", np.zeros(1), 1)
    log_start(recorder, {"uji": "b" * 64, "tampere": "c" * 64})
    with pytest.raises(DataError, match=r"made from other data of uji \(digest bbbbbbbbbbbb"):
        log_start(recorder, {"uji": "a" * 64})


def test_data_that_join_or_leave_are_no_difference(tmp_path):
    recorder = open_workdir(configured(), tmp_path)
    recorder.save_final("seed-0/a", np.zeros(1), 1)
    log_start(recorder, {"uji": "a" * 64, "tampere": "c" * 64})
    log_start(recorder, {"uji": "a" * 64, "tut7": "d" * 64})
    assert [record["run"] for record in recorder.records()] == ["start", "start"]


def test_a_start_says_what_those_before_it_took(tmp_path, monkeypatch):
    """Two starts whose last writes came 120 and 7 seconds after they began."""
    recorder = open_workdir(configured(), tmp_path)
    for seconds in (120.0, 7.0, 0.0):
        log_start(recorder, {})
        begun = recorder.records()[-1]["time"]
        os.utime(tmp_path / "metrics.jsonl", (begun + seconds, begun + seconds))
    assert [r["seconds_before"] for r in recorder.records()] == pytest.approx([0.0, 120.0, 127.0])
    monkeypatch.setattr("time.time", lambda: begun + 3)
    assert seconds_so_far(recorder) == pytest.approx(130.0)


def test_provenance_names_versions_commit_and_device():
    start = provenance()
    assert start["versions"]["jax"] == version("jax")
    assert start["versions"].keys() >= {"rsstl_jax", "jaxlib", "flax", "optax", "numpy"}
    assert ": " in start["device"]
    assert start["commit"] is None or len(start["commit"].removesuffix("-dirty")) == 40


def test_the_commit_is_looked_for_where_the_package_lies(monkeypatch):
    monkeypatch.setattr("rsstl_jax.store.workdir._commit", str)
    assert provenance()["commit"] == str(Path(rsstl_jax.__file__).parent)


def test_the_commit_is_that_of_the_package_alone(tmp_path, monkeypatch):
    package = tmp_path / "ours" / "rsstl_jax"
    installed = tmp_path / "ours" / "env" / "lib" / "rsstl_jax"
    for folder in (package, installed):
        folder.mkdir(parents=True)
    git = ["git", "-C", str(tmp_path / "ours"), "-c", "user.name=a", "-c", "user.email=a@b"]
    (package / "a.py").write_text("a = 1")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert _commit(package) == head.stdout.strip()
    (package / "a.py").write_text("a = 2")
    assert _commit(package) == f"{head.stdout.strip()}-dirty"
    # In an environment inside somebody's repository HEAD says nothing of this package.
    assert _commit(installed) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _commit(package) is None and provenance()["commit"] is None


def test_a_run_of_other_code_is_continued_with_a_warning(tmp_path, monkeypatch, caplog):
    def start():
        caplog.clear()
        recorder = open_workdir(configured(), tmp_path)
        log_start(recorder, {"synthetic-office": "1f"})
        recorder.save_final("seed-0/a", np.zeros(1), 1)
        return [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]

    assert start() == start() == []
    monkeypatch.setattr("rsstl_jax.store.workdir._code_digest", lambda: "another")
    (warning,) = start()
    assert "has changed since" in warning and "choose another --workdir" in warning
    assert start() == [], "the same code again"


def test_code_is_known_by_every_file_of_the_package(tmp_path, monkeypatch):
    package = tmp_path / "rsstl_jax"
    (package / "store").mkdir(parents=True)
    monkeypatch.setattr("rsstl_jax.store.workdir.__file__", str(package / "store" / "workdir.py"))
    digests = []
    for name, text in [("a.py", "x = 1"), ("a.py", "x = 2"), ("store/b.py", "x = 2")]:
        (package / name).write_text(text)
        digests.append(_code_digest())
    assert len(set(digests)) == 3 and digests[-1] == _code_digest()
