"""Sources from the target's own building are refused."""

from dataclasses import replace

import numpy as np
import pytest
from tiny import make_part

from rsstl_jax.data import CARDS, make_synthetic_site
from rsstl_jax.data.buildings import (
    building_of,
    check_no_copy,
    check_sources,
    positions_digest,
    recognise,
)
from rsstl_jax.errors import DataError

SHARED = {
    "tampere": ("tut1", "TUT3", "tut4", "Tut6"),
    "tut7": ("tut2", "TUT5", "tut7"),
    "uji": ("UJI1", "uji2"),
}


@pytest.mark.parametrize(("card", "names"), SHARED.items())
def test_sets_of_one_building_are_known_by_either_name(card, names):
    for name in names:
        assert building_of(name) == CARDS[card].building
        for target, source in ((card, name), (name, card)):
            with pytest.raises(DataError, match=f"source {source} .* the target {target} "):
                check_sources(target, ["uts", source])


def test_other_buildings_pass():
    check_sources("tampere", ["uji", "tut7", "uts"])
    check_sources("tut7", ["tut1", "uji"])
    check_sources("home", ["office", "tampere"])


def test_the_target_itself_and_no_source_are_refused():
    for target in ("uji", "home"):
        with pytest.raises(DataError, match=f"source {target} was surveyed in the same building"):
            check_sources(target, [target])
    with pytest.raises(DataError, match="sources is empty"):
        check_sources("uji", [])
    with pytest.raises(DataError, match="sources is 'uji,tut7'; a list of names"):
        check_sources("tampere", "uji,tut7")


def test_a_source_that_is_the_target_under_another_name_is_refused():
    home, mall = make_part("home", "train"), make_part("mall", "train")
    check_no_copy(home, mall)
    names = [f"renamed-{name}" for name in home.access_points[::-1]]
    copy = replace(home, dataset="house", rss_dbm=home.rss_dbm[:, ::-1], access_points=names)
    for part in (copy, copy.take(range(len(copy) // 2 + 1))):
        with pytest.raises(DataError, match=f"house has {len(part)} of the {len(home)} .* home"):
            check_no_copy(home, part)
    check_no_copy(home, copy.take(range(len(copy) // 2)))


def test_copies_are_recognised_by_their_positions():
    office = make_synthetic_site("synthetic-office").train
    order = np.random.default_rng(0).permutation(len(office))
    shifted = replace(office, position_m=office.position_m + np.array([[1e4, -7.3]])).take(order)
    assert positions_digest(shifted) == positions_digest(office)
    moved = replace(office, position_m=office.position_m * 1.001)
    assert positions_digest(moved) != positions_digest(office)
    assert recognise(office) == ""
