"""The gap between phones that a training lacked and others, where both were measured."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rsstl_jax import make_config
from rsstl_jax.data import make_synthetic_site
from rsstl_jax.errors import DataError

FILE = Path(__file__).parents[2] / "experiments" / "phones.py"
spec = importlib.util.spec_from_file_location("experiments_phones", FILE)
phones = importlib.util.module_from_spec(spec)
spec.loader.exec_module(phones)


def predictions(*rows, num_train=10):
    """Position, phone and error of each fingerprint."""
    table = pd.DataFrame(rows, columns=["x_m", "phone", "knn_error_m"]).assign(y_m=0.0, floor=1)
    table.attrs["num_train"] = num_train
    return table


WITH = predictions((0, "13", 2), (0, "13", 4), (0, "7", 1), (5, "13", 9), (8, "7", 9))
WITHOUT = predictions((0, "13", 6), (0, "13", 8), (0, "7", 2), (5, "13", 0), (8, "7", 0))


def test_only_positions_of_both_count_and_each_alike():
    further = predictions((9, "13", 1), (9, "7", 3), (9, "7", 5))
    means = phones.at_shared_positions(pd.concat([WITH, further]), ["13"], "knn_error_m")
    assert means[True].tolist() == [3, 1] and means[False].tolist() == [1, 4]


def test_a_record_has_both_trainings_and_the_table_their_difference():
    tables = {"": WITH, "13": WITHOUT}
    records = phones.measure(tables, "13", 0) + phones.measure({"": WITH, "13": WITH}, "13", 1)
    assert records[0] == {
        "method": "knn",
        "fold": "13",
        "seed": 0,
        "positions": 1,
        "num_train_with": 10,
        "num_train_without": 10,
        "fold_with_m": 3,
        "others_with_m": 1,
        "fold_without_m": 7,
        "others_without_m": 2,
    }
    # Being unknown costs (7 - 3) - (2 - 1) = 3 m with one seed and nothing with the other.
    frame = pd.DataFrame([*records, *({**r, "method": "standalone"} for r in records)])
    *_, knn, baseline = phones.render(frame, "standalone").splitlines()
    assert "| +1.50 [-17.56, +20.56], p 0.50 |" in knn
    assert knn.endswith("| +0.00 [+0.00, +0.00], p 1.00 |") and baseline.endswith("|  |")
    assert "| 5.00 ± 2.83 |" in knn


@pytest.mark.parametrize("phone", ["1", "3"])
def test_a_phone_is_known_by_its_whole_name(phone):
    assert phones.at_shared_positions(WITH, [phone], "knn_error_m").empty


def test_a_fold_is_checked_before_anything_is_trained():
    """Phone a visited positions of its own, b and c the same ones; d is not there."""
    site = make_synthetic_site("synthetic-office").train
    east = site.position_m[:, 0] > np.median(site.position_m[:, 0])
    phone = np.where(east, "a", np.where(np.arange(len(site)) % 2, "b", "c"))
    site = replace(site, phone=phone, position_m=20 * np.round(site.position_m / 20))
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    phones.check_fold(site, phones.without(config, "b", 0))
    with pytest.raises(DataError, match="--fold=a, seed 3: no held-out position of synthetic-off"):
        phones.check_fold(site, phones.without(config, "a", 3))
    with pytest.raises(DataError, match="no fingerprint of the phone 'd'; there are a,b,c"):
        phones.check_fold(site, phones.without(config, "d", 0))
