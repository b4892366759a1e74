"""The published files themselves, where the machine has them."""

import os
from pathlib import Path

import numpy as np
import pytest

from rsstl_jax.data import (
    CARDS,
    fit_preprocessor,
    grouped_validation_split,
    load_site,
    target_fraction,
)
from rsstl_jax.data.download import verify_digest
from rsstl_jax.data.readers.archives import find_file
from rsstl_jax.errors import MissingDataError

DATA_DIR = os.environ.get("RSSTL_DATA_DIR", "")
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA_DIR, reason="RSSTL_DATA_DIR is unset: no real data"),
]
SITES: dict = {}


def load_once(name):
    if name not in SITES:
        try:
            SITES[name] = load_site(name)
        except MissingDataError as error:
            pytest.skip(str(error))
    return SITES[name]


@pytest.mark.parametrize("name", [name for name in sorted(CARDS) if CARDS[name].num_train])
def test_shape_and_card(name):
    site, card = load_once(name), CARDS[name]
    assert site.train.rss_dbm.shape == (card.num_train, card.num_access_points)
    assert site.test.rss_dbm.shape == (card.num_test, card.num_access_points)


def test_uji_facts():
    site = load_once("uji")
    detected = ~np.isnan(site.train.rss_dbm)
    assert detected.any(axis=0).sum() == 465
    assert (~detected.any(axis=1)).sum() == 76
    assert np.nanmin(site.train.rss_dbm) == -104
    assert np.nanmax(site.train.rss_dbm) == 0
    assert set(site.train.building) == {0, 1, 2}
    assert set(site.train.floor) == {0, 1, 2, 3, 4}


def test_phones_and_months_of_uji():
    site = load_once("uji")
    assert site.train.digest().startswith("b357e0c271b1e78f"), "as before phones were read"
    phones = {part.part: part.groups()["phone"] for part in (site.train, site.test)}
    assert len(set(phones["train"])) == 16 and len(set(phones["test"])) == 11
    assert set(phones["train"]) & set(phones["test"]) == {"13", "14"}
    assert (phones["test"] == "13").sum() == 369 and (phones["train"] == "14").sum() == 4835
    assert set(site.train.groups()["month"]) == {"2013-05", "2013-06"}
    assert set(site.test.groups()["month"]) == {"2013-09", "2013-10"}


def test_tampere_facts():
    site = load_once("tampere")
    assert (~np.isnan(site.train.rss_dbm)).any(axis=0).sum() == 779
    assert set(site.train.floor) == set(site.test.floor) == {0, 1, 2, 3, 4}


def test_tut7_facts():
    site = load_once("tut7")
    assert set(site.train.floor) == set(site.test.floor) == {0, 1, 2}
    assert np.nanmin(site.test.rss_dbm) == -94


@pytest.mark.parametrize("name", ["uji", "tampere"])
def test_published_contents(name):
    load_once(name)
    for file, digest in CARDS[name].contents.items():
        assert verify_digest(find_file(Path(DATA_DIR) / name, file).read(), digest), file


@pytest.mark.parametrize(("name", "expected"), [("uji", 143.3), ("tampere", 32.8)])
def test_the_mean_of_train_errs_as_measured_before(name, expected):
    """Measured by us on the published files; a reader that moved a position would move them."""
    site = load_once(name)
    prep = fit_preprocessor(site.train)
    error_m = np.linalg.norm(site.test.position_m - prep.origin_m[None, :], axis=1)
    assert error_m.mean() == pytest.approx(expected, abs=0.05)


def test_uji_shares_and_split():
    train = load_once("uji").train
    assert len(target_fraction(train, fraction=0.01, seed=0)) == 199
    assert len(target_fraction(train, fraction=0.1, seed=0)) == 1993
    kept, held = grouped_validation_split(train, fraction=0.15, seed=0)
    positions = [
        {(*xy, *at) for xy, *at in zip(p.position_m, p.floor, p.building, strict=True)}
        for p in (kept, held)
    ]
    assert 0.1 < len(held) / len(train) < 0.2
    assert positions[0].isdisjoint(positions[1])
    prep = fit_preprocessor(kept)
    restored_m = prep.uncenter(prep.center(held.position_m))
    np.testing.assert_allclose(restored_m, held.position_m, rtol=0, atol=1e-4)
