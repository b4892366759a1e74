"""Sources from the target's own building are refused."""

import pytest

from rsstl_jax.data import CARDS
from rsstl_jax.data.buildings import building_of, check_sources
from rsstl_jax.errors import DataError

SHARED = {"tampere": ("tut1", "TUT3", "tut4", "Tut6"), "tut7": ("tut2", "TUT5", "tut7")}


@pytest.mark.parametrize(("card", "names"), SHARED.items())
def test_sets_of_one_building_are_known_by_either_name(card, names):
    for name in names:
        assert building_of(name) == CARDS[card].building
        for target, source in ((card, name), (name, card)):
            with pytest.raises(DataError, match=f"source {source} .* the target {target} .*TUT"):
                check_sources(target, ["uji", source])


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
