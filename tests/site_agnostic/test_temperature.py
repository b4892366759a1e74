"""The sharpness of a site-agnostic network: what its survey says, and nothing else."""

from dataclasses import replace

import jax
import numpy as np
import pytest
import tiny

from rsstl_jax.engine.radio_map import deal_folds, make_survey
from rsstl_jax.metrics import error_m
from rsstl_jax.models import AgnosticSettings, make_support
from rsstl_jax.site_agnostic import temperature as sharpness
from rsstl_jax.site_agnostic.temperature import SHARPNESS, _choose, sharpen
from rsstl_jax.site_agnostic.training import (
    init_agnostic,
    make_agnostic_localizer,
    predict_members_m,
)

SETTINGS = AgnosticSettings(
    num_access_points=4, num_neighbours=4, width=8, num_blocks=1, num_heads=2, feed_width=8
)
MEMBERS = [init_agnostic(SETTINGS, jax.random.key(seed)) for seed in (0, 1)]
ONE = SHARPNESS.index(1.0)


def errors(better, gain):
    """Errors of one scan at each of 40 places, with these gains under one sharpness."""
    table = np.full((len(SHARPNESS), 40), 5.0)
    table[SHARPNESS.index(better)] -= gain
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


def test_what_is_located_has_none_of_its_own_place_in_the_support(monkeypatch):
    train = tiny.make_part()
    seen = {}
    monkeypatch.setattr(
        sharpness, "_choose", lambda errors, place: seen.update(errors=errors, place=place) or 2.8
    )
    localizer = make_agnostic_localizer(SETTINGS, train)
    sharp = sharpen(localizer, MEMBERS)
    assert float(sharp.support.sharpness) == pytest.approx(2.8)
    assert float(localizer.support.sharpness) == 1.0
    survey = make_survey(train, localizer.preprocessor)
    fold = deal_folds(np.asarray(survey.place))
    by_hand = {}
    for number in range(fold.max() + 1):
        asked, known = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        others = replace(localizer, support=make_support(*(leaf[known] for leaf in survey)))
        places_m = predict_members_m(others, MEMBERS, train.take(asked))
        found = error_m(places_m, train.position_m[asked])
        by_hand |= dict(zip(survey.place[asked].tolist(), found, strict=True))
    found = seen["errors"][ONE] * localizer.preprocessor.scale_m
    np.testing.assert_allclose(found, [by_hand[p] for p in seen["place"].tolist()], atol=1e-3)


def test_few_places_leave_it_as_it_was_trained():
    train = tiny.make_part().take(np.arange(19))
    localizer = make_agnostic_localizer(SETTINGS, train)
    assert sharpen(localizer, MEMBERS) is localizer
