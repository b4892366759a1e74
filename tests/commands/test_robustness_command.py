"""The command robustness as it is called."""

import json

import pandas as pd
import pytest
import running
import tiny

from rsstl_jax.commands.research.robustness import find_locators
from rsstl_jax.errors import ConfigError


@pytest.mark.slow
def test_a_run_is_continued_and_locators_are_added(tmp_path):
    tiny.write_sites(tmp_path, "home")
    flags = ["--dataset=home", f"--data_dir={tmp_path}", f"--output={tmp_path}/out", "--draws=1"]
    out = running.succeed("robustness", *flags, "--locator=neighbours=knn")
    assert "| neighbours | 1 |" in out
    first = (tmp_path / "out" / "home.jsonl").read_text().splitlines()
    assert [json.loads(line).get("name") for line in first] == [None, "neighbours"]
    assert (tmp_path / "out" / "home.png").exists()
    running.succeed("robustness", *flags, "--locator=neighbours=knn", "--locator=again=knn")
    second = (tmp_path / "out" / "home.jsonl").read_text().splitlines()
    assert second[:2] == first and len(second) == 3
    measured = [json.loads(line)["axes"] for line in second[1:]]
    assert measured[0] == measured[1]
    assert "| again |" in (tmp_path / "out" / "home.md").read_text()
    code, _, err = running.call("robustness", *flags, "--seed=1")
    assert code == 2 and "seed was 0 and is 1" in running.error_of(err)
    train = pd.read_csv(tmp_path / "home" / "train.csv")
    train.assign(x=train.x + 5).to_csv(tmp_path / "home" / "train.csv", index=False)
    code, _, err = running.call("robustness", *flags, "--locator=neighbours=knn")
    assert code == 2 and "its data or its training have changed" in err


def test_seeds_are_read_off_the_folders(tmp_path):
    for seed in (0, 2):
        (tmp_path / f"seed-{seed}" / "distilled").mkdir(parents=True)
    found = find_locators([f"ours={tmp_path}/seed-*/distilled", "kNN=knn"])
    assert list(found) == [("ours", 0), ("ours", 2), ("kNN", None)]
    assert found["ours", 2] == f"{tmp_path}/seed-2/distilled"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["knn"], "it must read name="),
        (["=knn"], "it must read name="),
        (["ours=/nowhere/seed-*"], "there is no folder /nowhere/seed-"),
        (["a=knn", "a=pretrained"], "have one name and seed"),
    ],
)
def test_what_is_no_locator_is_refused(texts, message):
    with pytest.raises(ConfigError, match=message):
        find_locators(texts)
