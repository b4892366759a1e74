"""The commands of the site-agnostic network as they are called."""

import json
import shutil

import pytest
import tiny
from running import call, error_of

from rsstl_jax.site_agnostic.weights import PRETRAINED


@pytest.mark.slow
def test_agnostic_trains_measures_and_keeps_a_table(tmp_path):
    tiny.write_sites(tmp_path / "data", "home", "mall")
    fields = {
        "target": "home",
        "sources": "mall",
        "data_dir": tmp_path / "data",
        "agnostic.fractions": "0.5,1.0",
        "agnostic.num_subsets": 2,
        "agnostic.episodes.num_queries": 4,
        "agnostic.episodes.min_support": 4,
        "agnostic.episodes.max_support": 12,
        "model.agnostic.num_blocks": 1,
        "model.agnostic.width": 8,
        "model.agnostic.num_heads": 2,
        "model.agnostic.feed_width": 8,
    }
    command = (
        *("agnostic", "--config=configs/table.py:smoke", f"--output={tmp_path}/tables"),
        *(f"--config.{name}={value}" for name, value in fields.items()),
    )
    code, out, err = call(*command, f"--workdir={tmp_path}/run")
    assert code == 0, err
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["plan"]["episodes"]["num_queries"] == 4
    assert result["plan"]["network"]["width"] == 8
    assert [len(share["agnostic"]["mae_m"]) for share in result["shares"].values()] == [2, 1]
    assert "mall -> home, test part, seeds 0" in out
    assert (tmp_path / "tables" / "home.md").read_text().strip() in out
    receipt = json.loads((tmp_path / "tables" / "home.json").read_text())
    assert receipt["shares"] == result["shares"] and "data_dir" not in str(receipt)
    assert receipt["start"]["data"].keys() == {"home", "mall"}
    assert "jax" in receipt["start"]["versions"]
    code, _, err = call(*command, "--config.seeds=1", f"--workdir={tmp_path}/other")
    assert code == 2 and "tables holds home.json of another training (seeds was [0] and" in err


@pytest.mark.slow
def test_evaluate_locates_at_a_site_of_ones_own_without_training(tmp_path):
    tiny.write_sites(tmp_path, "home")
    code, out, err = call(
        "evaluate",
        "--student=pretrained",
        "--dataset=home",
        f"--data_dir={tmp_path}",
        f"--output={tmp_path}/positions.csv",
    )
    assert code == 0, err
    assert "pretrained at home, test part, 9 fingerprints:" in out
    # the plan is 40 m by 30 m
    assert float(out.split("mean error")[1].split()[0]) < 15
    lines = (tmp_path / "positions.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["fingerprint", *map(str, range(1, 10))]


def test_weights_for_any_site_are_trained_without_a_target(tmp_path):
    weights = ("--config.sources=attic", f"--pretrain={tmp_path}/weights")
    code, _, err = call("agnostic", "--config=configs/table.py:smoke", *weights)
    assert code == 2 and "reading attic ..." in err and "attic/train.csv is not there" in err


def test_weights_of_ones_own_are_used_as_the_packages_are(tmp_path):
    weights = shutil.copytree(PRETRAINED, tmp_path / "weights")
    code, _, err = call("evaluate", f"--student={weights}", "--dataset=tut1")
    assert code == 2 and "the pretrained network was trained in the building of tut1" in err
    code, _, err = call("evaluate", f"--student={weights}")
    assert code == 2 and f"--student={weights} needs --dataset, the site whose train part" in err


OFFICE = "--config=configs/synthetic.py:smoke"
BAD = {
    "building": (
        ("agnostic", OFFICE, "--config.target=tut3", "--config.sources=uji,tampere"),
        "source tampere was surveyed in the same building as the target tut3",
    ),
    "field": (
        ("agnostic", OFFICE, "--config.agnostic.episodes.crops=1"),
        "agnostic.episodes.crops is not a field of the configuration; did you mean agnostic.ep",
    ),
    "control": (
        ("expert", OFFICE, "--config.teacher.kind=untrained"),
        "teacher.kind is 'untrained', a control that every run makes for itself",
    ),
    "seen": (
        ("evaluate", "--student=pretrained", "--dataset=tut1"),
        "the pretrained network was trained in the building of tut1 (on tampere)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_with_exit_code_2_and_one_line(name):
    arguments, words = BAD[name]
    code, out, err = call(*arguments)
    assert (code, out) == (2, ""), err
    assert words in error_of(err)
