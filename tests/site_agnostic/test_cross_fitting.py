"""What a site-agnostic network takes from a radio map: what it says, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import tiny

from rsstl_jax.engine.radio_map import deal_folds, make_radio_map
from rsstl_jax.metrics import error_m
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.models.site_agnostic.support import make_support
from rsstl_jax.site_agnostic import cross_fitting
from rsstl_jax.site_agnostic.cross_fitting import (
    INVERSE_TEMPERATURES,
    RETRIEVALS,
    Chosen,
    _choose,
    choose_at_site,
    chosen_of,
    with_chosen,
)
from rsstl_jax.site_agnostic.training import (
    make_agnostic_site_network,
    predict_members_m,
)

SETTINGS = AgnosticSettings(
    num_access_points=4, num_neighbours=4, width=8, num_blocks=1, num_heads=2, feed_width=8
)
MEMBERS = tiny.draw_members(SETTINGS)
ONE, TWO = INVERSE_TEMPERATURES.index(1.0), INVERSE_TEMPERATURES.index(2.0)


def errors(gain, temperature=TWO, retrieval=0):
    """Errors of one scan at each of 40 places, with these gains of one choice."""
    table = np.full((len(INVERSE_TEMPERATURES), len(RETRIEVALS), 40), 5.0)
    table[temperature, retrieval] -= gain
    return table


def test_the_best_is_taken_if_it_is_clearly_better():
    # Mean gain 0.1; standard error 0.5 / sqrt(39) = 0.08, then 1.0 / sqrt(39) = 0.16.
    signs = np.resize([1.0, -1.0], 40)
    assert _choose(errors(0.1 + 0.5 * signs), np.arange(40)) == Chosen(2.0)
    assert _choose(errors(0.1 + 1.0 * signs), np.arange(40)) == Chosen()
    assert _choose(errors(-0.1 + 0.0 * signs), np.arange(40)) == Chosen()
    clear = 0.1 + 0.5 * signs
    assert _choose(errors(clear, ONE, 2), np.arange(40)) == Chosen(1.0, *RETRIEVALS[2])
    # A retrieval is chosen at the temperature that is, and chooses none.
    assert _choose(errors(clear, TWO, 2), np.arange(40)) == Chosen()


def test_a_place_counts_once_however_often_it_was_scanned():
    signs = np.resize([1.0, -1.0], 40)
    once = errors(0.1 + 1.0 * signs)
    often = np.repeat(once, 9, axis=2)
    assert _choose(often, np.arange(360)) == Chosen(2.0)
    assert _choose(often, np.repeat(np.arange(40), 9)) == Chosen()


@pytest.mark.slow
def test_what_is_located_has_none_of_its_own_place_in_the_support(monkeypatch):
    train, sharp = tiny.make_part(), Chosen(2.0, *RETRIEVALS[2])
    seen = {}
    monkeypatch.setattr(
        cross_fitting,
        "_choose",
        lambda errors, place: seen.update(errors=errors, place=place) or sharp,
    )
    site_network = make_agnostic_site_network(SETTINGS, train)
    fitted = choose_at_site(site_network, MEMBERS)
    assert chosen_of(fitted) == pytest.approx(sharp) and chosen_of(site_network) == Chosen()
    radio_map = make_radio_map(train, site_network.preprocessor)
    fold = deal_folds(np.asarray(radio_map.place))
    by_hand = {choice: {} for choice in (Chosen(), sharp)}
    for number in range(fold.max() + 1):
        queries, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        at_others = replace(
            site_network, support=make_support(*(leaf[others] for leaf in radio_map))
        )
        for choice, errors_m in by_hand.items():
            chosen = with_chosen(at_others, choice)
            predicted_m = predict_members_m(chosen, MEMBERS, train.rss_dbm[queries])
            found = error_m(predicted_m, train.position_m[queries])
            errors_m |= dict(zip(radio_map.place[queries].tolist(), found, strict=True))
    for choice, errors_m in by_hand.items():
        row = INVERSE_TEMPERATURES.index(choice[0]), 0 if choice == Chosen() else 2
        found = seen["errors"][row] * site_network.preprocessor.scale_m
        wanted = [errors_m[place] for place in seen["place"].tolist()]
        np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_few_places_leave_it_as_it_was_trained():
    train = tiny.make_part().take(np.arange(19))
    site_network = make_agnostic_site_network(SETTINGS, train)
    assert choose_at_site(site_network, MEMBERS) is site_network
