"""Errors by phone and by month: they add up to the mean, and stand where the mean stands."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from running import call
from tiny import save_untrained, write_result

from rsstl_jax import load_site, make_config
from rsstl_jax.data import write_table
from rsstl_jax.report.predicted import Predicted, count_by_group
from rsstl_jax.report.result_table import render_result

OFFICE = load_site("synthetic-office")


def labelled(part, phones, months):
    """A part whose phones and months alternate, the months more slowly."""
    row = np.arange(len(part))
    time = np.array(months, "datetime64[s]")[row // 3 % len(months)]
    return dataclasses.replace(part, phone=np.array(phones)[row % len(phones)], time=time)


TRAIN = labelled(OFFICE.train, ("9", "10"), ("2013-05", "2013-06"))
TEST = labelled(OFFICE.test, ("9", "10", "new"), ("2013-09",))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(folder, result): seed 0 errs by 1 m with phone 9, 2 with 10 and 3 with the new one."""
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    config.seeds = (0, 1)
    off_m = np.arange(len(TEST))[:, None] % 3 + np.array([[1.0, 0.0]])
    predicted_m = {
        seed: {
            "standalone": Predicted(TEST.position_m + off_m * (seed + 1) * np.array([[1.0, 0.0]]))
        }
        for seed in config.seeds
    }
    folder = tmp_path_factory.mktemp("run")
    facts = count_by_group(TRAIN, TEST)
    return folder, write_result(config, TEST, predicted_m, folder, num_train=600, **facts)


def test_errors_by_phone_and_month_add_up_to_the_mean(written):
    _, result = written
    figures = result["students"]["standalone"]
    assert figures["mae_by_group_m"]["phone"] == {
        "9": pytest.approx([1.0, 2.0]),
        "10": pytest.approx([2.0, 4.0]),
        "new": pytest.approx([3.0, 6.0]),
    }
    for kind, numbers in result["num_by_group"].items():
        weights = [numbers[name]["evaluated"] for name in numbers]
        by_name = figures["mae_by_group_m"][kind]
        by_seed = np.array([by_name[name] for name in numbers])
        assert sum(weights) == len(TEST)
        assert np.average(by_seed, axis=0, weights=weights) == pytest.approx(figures["mae_m"])
    assert result["num_by_group"]["phone"]["10"] == {"train": 300, "evaluated": 67}
    assert result["num_by_group"]["phone"]["new"] == {"train": 0, "evaluated": 66}


def test_the_tables_tell_known_phones_from_others(written):
    folder, result = written
    assert render_result(result).split("\n\n")[-1].splitlines() == [
        "| phone | training | evaluated | dnn baseline student |",
        "| --- | --- | --- | --- |",
        "| 9 | 300 | 67 | 1.50 ± 0.71 |",
        "| 10 | 300 | 67 | 3.00 ± 1.41 |",
        "| new | 0 | 66 | 4.50 ± 2.12 |",
        "| phones of the training set | 600 | 134 | 2.25 ± 1.06 |",
        "| other phones | 0 | 66 | 4.50 ± 2.12 |",
    ]
    page = (folder / "report.html").read_text()
    assert "<td>other phones</td><td>0</td><td>66</td><td>4.50 ± 2.12</td>" in page
    table = pd.read_csv(folder / "predictions.csv")
    assert table.phone.tolist() == 2 * TEST.phone.tolist()
    assert set(table.month) == {"2013-09"}


def test_a_site_without_phones_has_none_of_it(tmp_path):
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    predicted_m = {0: {"standalone": Predicted(OFFICE.test.position_m)}}
    assert count_by_group(OFFICE.train, OFFICE.test) == {}
    assert count_by_group(OFFICE.train, TEST) == {}
    result = write_result(config, OFFICE.test, predicted_m, tmp_path, num_train=600)
    assert "mae_by_group_m" not in result["students"]["standalone"]
    assert "phone" not in pd.read_csv(tmp_path / "predictions.csv")


def test_evaluate_prints_and_writes_them(tmp_path):
    (tmp_path / "my-office").mkdir()
    for part in (TRAIN.take(range(60)), TEST.take(range(30))):
        file = tmp_path / "my-office" / f"{part.part}.csv"
        write_table(part, file)
        pd.read_csv(file).assign(**part.groups()).to_csv(file, index=False)
    layout = json.dumps({"phone": "phone", "time": "month"})
    (tmp_path / "my-office" / "layout.json").write_text(layout)
    save_untrained(tmp_path, "student", dataclasses.replace(TRAIN, dataset="my-office"))
    student = f"--student={tmp_path}/students/student"
    words = (student, "--dataset=my-office", f"--data_dir={tmp_path}")
    code, out, err = call("evaluate", *words, "--output=positions.csv", cwd=tmp_path)
    assert code == 0, err
    table = pd.read_csv(tmp_path / "positions.csv")
    assert set(table.phone) == {"9", "10", "new"} and set(table.month) == {"2013-09"}
    for phone, rows in table.groupby("phone"):
        assert f"  phone {phone:10} {rows.error_m.mean():7.2f} m\n" in out
    assert "month" not in out
