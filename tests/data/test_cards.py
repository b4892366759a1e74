"""A card tells a changed copy from the published one, fact by fact."""

from dataclasses import replace

import numpy as np
import pytest

from rsstl_jax.data import CARDS, DataCard, Fingerprints, Site
from rsstl_jax.data.cards import check_card
from rsstl_jax.errors import DataError

CARD = DataCard(
    name="home",
    title="Home",
    address="https://home.example",
    licence="none",
    citation="none",
    building="home",
    num_train=4,
    num_test=3,
    num_access_points=3,
    num_detected_in_train=2,
    num_empty_in_train=1,
    num_repeated_in_test=2,
)


def make_part(part, rows):
    rss_dbm = np.array(rows, np.float32)
    return Fingerprints("home", part, rss_dbm, np.zeros((len(rows), 2)), None, None, tuple("abc"))


NAN = np.nan
TRAIN = [[-50, NAN, NAN], [-50, -60, NAN], [NAN, NAN, NAN], [-51, NAN, NAN]]
TEST = [[-50, NAN, NAN], [NAN, NAN, NAN], [-52, NAN, -70]]
SITE = Site("home", make_part("train", TRAIN), make_part("test", TEST))


def test_the_right_copy_passes_and_unknown_facts_are_not_checked():
    check_card(CARD, SITE)
    check_card(replace(CARD, num_repeated_in_test=None, num_detected_in_train=None), SITE)


@pytest.mark.parametrize(
    ("field", "fact"),
    [
        ("num_train", "number of train fingerprints: expected 9, found 4"),
        ("num_test", "number of test fingerprints: expected 9, found 3"),
        ("num_access_points", "number of access points: expected 9, found 3"),
        ("num_detected_in_train", "access points detected in train: expected 9, found 2"),
        ("num_empty_in_train", "train fingerprints without a reading: expected 9, found 1"),
        ("num_repeated_in_test", "test fingerprints that occur in train: expected 9, found 2"),
    ],
)
def test_a_wrong_fact_is_named_with_both_numbers(field, fact):
    with pytest.raises(DataError, match=f"home: .*{fact}; .*https://home.example"):
        check_card(replace(CARD, **{field: 9}), SITE)


@pytest.mark.parametrize("name", sorted(CARDS))
def test_cards_name_whole_addresses_and_digests(name):
    card = CARDS[name]
    assert card.name == name
    assert card.address.startswith("https://")
    length = {"sha256": 64, "git": 40}
    assert all(url.startswith("https://") for file in card.downloads for url in file.urls)
    for named in (*(file.digest for file in card.downloads), *card.contents.values()):
        if named:
            kind, _, digest = named.partition(":")
            assert len(bytes.fromhex(digest)) * 2 == length[kind]


@pytest.mark.parametrize("name", sorted(CARDS))
def test_whatever_is_downloaded_is_verified(name):
    for file in CARDS[name].downloads:
        assert file.digest or (file.name.endswith(".zip") and CARDS[name].contents)
