"""The temperature of a site-agnostic network: what its radio map says, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import tiny

from rsstl_jax.engine.radio_map import deal_folds, make_radio_map
from rsstl_jax.metrics import error_m
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.models.site_agnostic.support import make_support
from rsstl_jax.site_agnostic import temperature
from rsstl_jax.site_agnostic.temperature import INVERSE_TEMPERATURES, _choose, choose_temperature
from rsstl_jax.site_agnostic.training import (
    make_agnostic_site_network,
    predict_members_m,
)

SETTINGS = AgnosticSettings(
    num_access_points=4, num_neighbours=4, width=8, num_blocks=1, num_heads=2, feed_width=8
)
MEMBERS = tiny.draw_members(SETTINGS)
ONE = INVERSE_TEMPERATURES.index(1.0)


def errors(better, gain):
    """Errors of one scan at each of 40 places, with these gains at one temperature."""
    table = np.full((len(INVERSE_TEMPERATURES), 40), 5.0)
    table[INVERSE_TEMPERATURES.index(better)] -= gain
    return table


def test_the_best_is_taken_if_it_is_clearly_better():
    # Mean gain 0.1; standard error 0.5 / sqrt(39) = 0.08, then 1.0 / sqrt(39) = 0.16.
    signs = np.resize([1.0, -1.0], 40)
    assert _choose(errors(2.0, 0.1 + 0.5 * signs), np.arange(40)) == 2.0
    assert _choose(errors(2.0, 0.1 + 1.0 * signs), np.arange(40)) == 1.0
    assert _choose(errors(2.0, -0.1 + 0.0 * signs), np.arange(40)) == 1.0


def test_a_place_counts_once_however_often_it_was_scanned():
    signs = np.resize([1.0, -1.0], 40)
    once = errors(2.0, 0.1 + 1.0 * signs)
    often = np.repeat(once, 9, axis=1)
    assert _choose(often, np.arange(360)) == 2.0
    assert _choose(often, np.repeat(np.arange(40), 9)) == 1.0


@pytest.mark.slow
def test_what_is_located_has_none_of_its_own_place_in_the_support(monkeypatch):
    train = tiny.make_part()
    seen = {}
    monkeypatch.setattr(
        temperature, "_choose", lambda errors, place: seen.update(errors=errors, place=place) or 2.8
    )
    site_network = make_agnostic_site_network(SETTINGS, train)
    tempered = choose_temperature(site_network, MEMBERS)
    assert float(tempered.support.inverse_temperature) == pytest.approx(2.8)
    assert float(site_network.support.inverse_temperature) == 1.0
    radio_map = make_radio_map(train, site_network.preprocessor)
    fold = deal_folds(np.asarray(radio_map.place))
    by_hand = {}
    for number in range(fold.max() + 1):
        queries, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        at_others = replace(
            site_network, support=make_support(*(leaf[others] for leaf in radio_map))
        )
        predicted_m = predict_members_m(at_others, MEMBERS, train.rss_dbm[queries])
        found = error_m(predicted_m, train.position_m[queries])
        by_hand |= dict(zip(radio_map.place[queries].tolist(), found, strict=True))
    found = seen["errors"][ONE] * site_network.preprocessor.scale_m
    np.testing.assert_allclose(found, [by_hand[p] for p in seen["place"].tolist()], atol=1e-3)


def test_few_places_leave_it_as_it_was_trained():
    train = tiny.make_part().take(np.arange(19))
    site_network = make_agnostic_site_network(SETTINGS, train)
    assert choose_temperature(site_network, MEMBERS) is site_network
