"""Fingerprints and sites reject what later layers could not notice."""

from dataclasses import replace

import numpy as np
import pytest

from rsstl_jax.data import Fingerprints, Site
from rsstl_jax.errors import DataError, MissingDataError

RSS_DBM = np.array([[-60.0, np.nan], [0.0, -130.0]], np.float32)


def make_part(**changes):
    fields = {
        "dataset": "home",
        "part": "train",
        "rss_dbm": RSS_DBM.copy(),
        "position_m": np.array([[1.0, 2.0], [3.0, 4.0]]),
        "floor": np.array([0, 1], np.int32),
        "building": None,
        "access_points": ("a", "b"),
    }
    return Fingerprints(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"part": "dev"}, "part is 'dev'; it must be one of train, test, validation"),
        ({"rss_dbm": RSS_DBM.astype(np.float64)}, r"rss_dbm is float64\[2, 2\]; expected float32"),
        ({"rss_dbm": RSS_DBM[:, :1]}, r"rss_dbm is float32\[2, 1\]; expected float32\[2, 2\]"),
        ({"rss_dbm": RSS_DBM.tolist()}, "rss_dbm is a list; a NumPy float32"),
        ({"position_m": np.zeros((2, 2), np.float32)}, "position_m is float32"),
        ({"position_m": np.zeros((2, 3))}, r"position_m is float64\[2, 3\]"),
        ({"position_m": np.array([[0, 0], [0, np.inf]])}, "row 2: the position is not finite"),
        ({"floor": np.zeros(2)}, "floor is float64"),
        ({"building": np.zeros(3, np.int32)}, r"building is int32\[3\]"),
        ({"access_points": ("a", "a")}, "access point 'a' is named more than once"),
        ({"rss_dbm": None}, "rss_dbm is a NoneType"),
        ({"rss_dbm": np.ma.masked_less(RSS_DBM, -50)}, "rss_dbm is a MaskedArray"),
        ({"rss_dbm": np.full((2, 2), 1, np.float32)}, "row 1, access point 'a': 1 lies outside"),
        (
            {"rss_dbm": np.array([[-60, -60], [-60, -130.5]], np.float32)},
            "home train: row 2, access point 'b': -130.5 lies outside -130...0 dBm",
        ),
    ],
)
def test_a_fault_is_named(changes, message):
    with pytest.raises(DataError, match=message):
        make_part(**changes)


def test_no_fingerprints_and_no_access_points_are_errors():
    empty = {"position_m": np.zeros((0, 2)), "floor": None, "rss_dbm": RSS_DBM[:0]}
    with pytest.raises(DataError, match="no fingerprints"):
        make_part(**empty)
    with pytest.raises(DataError, match="no access points"):
        make_part(rss_dbm=RSS_DBM[:, :0], access_points=())


def test_take_keeps_rows_together():
    taken = make_part().take([1, 0, 1])
    assert taken.rss_dbm[:, 0].tolist() == [0.0, -60.0, 0.0]
    assert taken.position_m.tolist() == [[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]]
    assert taken.floor.tolist() == [1, 0, 1]
    assert taken.building is None
    with pytest.raises(DataError, match="no fingerprints"):
        make_part().take([False, False])
    with pytest.raises(DataError, match="no fingerprints"):
        make_part().take([])
    for rows in ([0, 2], [True], [0.0], ["0"], 0, [[0]]):
        with pytest.raises(IndexError):
            make_part().take(rows)


def test_digest_follows_every_content_and_no_label():
    part = make_part()
    changed = [
        make_part(rss_dbm=RSS_DBM - np.float32(1) * (RSS_DBM == 0)),
        make_part(position_m=part.position_m + 0.001),
        make_part(floor=None),
        make_part(floor=part.floor + np.int32(1)),
        make_part(building=part.floor),
        make_part(access_points=("a", "c")),
        part.take([1, 0]),
    ]
    digests = [part.digest(), *(other.digest() for other in changed)]
    assert len(set(digests)) == len(digests)
    assert replace(part, dataset="copy", part="test").digest() == part.digest()


def test_digest_does_not_see_signed_zeros_nan_payloads_or_memory_order():
    other_nan = np.frombuffer(np.uint32(0xFFC00001).tobytes(), np.float32)[0]
    rss_dbm = np.array([[-60.0, other_nan], [-0.0, -130.0]], np.float32)
    same = make_part(rss_dbm=np.asfortranarray(rss_dbm))
    assert same.digest() == make_part().digest()


def test_a_site_needs_one_order_of_access_points():
    with pytest.raises(DataError, match="home: train and test must have the same access points"):
        Site("home", make_part(), make_part(part="test", access_points=("b", "a")))


def test_swapped_parts_are_refused():
    with pytest.raises(DataError, match="home: train and test are swapped"):
        Site("home", make_part(part="test"), make_part())


def test_a_text_is_no_sequence_of_access_points():
    with pytest.raises(DataError, match="access_points is a text"):
        make_part(access_points="ab")


def test_a_part_is_shown_in_one_line():
    position_m = np.array([[-7541.2643, 4864920.7782], [-7441.2643, 4864945.2782]])
    labelled = {"floor": np.array([3, 3], np.int32), "building": np.array([0, 2], np.int32)}
    assert repr(make_part(position_m=position_m, **labelled)) == (
        "<Fingerprints of home, train: 2 fingerprints, 2 access points, 75% detected, "
        "100.0 x 24.5 m, 1 floor, 2 buildings>"
    )


def test_a_site_is_shown_in_three_lines():
    large = make_part().take([0] * 19_937)
    assert repr(Site("home", large, make_part(part="test", floor=None).take([1]))) == (
        "<Site home\n"
        "  train: 19,937 fingerprints, 2 access points, 50% detected, 0.0 x 0.0 m, "
        "1 floor\n"
        "  test: 1 fingerprint, 2 access points, 100% detected, 0.0 x 0.0 m>"
    )


def test_missing_data_names_file_address_cause_and_remedy():
    error = MissingDataError("uts/UTS_training.csv", address="https://a.org", cause="it rained")
    assert str(error) == (
        "uts/UTS_training.csv is not there and it rained. It can be had from https://a.org: put "
        "the file there, or choose other sites."
    )
    assert isinstance(error, DataError)
