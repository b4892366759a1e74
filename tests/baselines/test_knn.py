"""kNN against a brute-force search in NumPy."""

import numpy as np
import pytest
from tiny import make_part

from rsstl_jax.baselines.knn import (
    Neighbours,
    NeighboursAtSite,
    choose_neighbours,
    locate_neighbours,
)
from rsstl_jax.data import fit_preprocessor, load_site
from rsstl_jax.metrics import error_m


def distance(metric, a, b):
    if metric == "euclidean":
        return np.sqrt(np.square(a - b).sum())
    if metric == "manhattan":
        return np.abs(a - b).sum()
    return np.abs(a - b).sum() / np.abs(a + b).sum()


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "braycurtis"])
@pytest.mark.parametrize("weighting", ["uniform", "distance"])
def test_positions_equal_a_search_by_loops(metric, weighting):
    train, test = make_part(), make_part(part="test")
    settings = Neighbours("linear", metric, 3, weighting)
    preprocessor = fit_preprocessor(train, encoding="linear")
    known = np.asarray(preprocessor.encode(train.rss_dbm), np.float64)
    expected = []
    for query in np.asarray(preprocessor.encode(test.rss_dbm), np.float64):
        apart = np.array([distance(metric, query, row) for row in known])
        nearest = np.argsort(apart)[:3]
        weights = np.ones(3) if weighting == "uniform" else 1 / apart[nearest]
        expected.append((weights[:, None] * train.position_m[nearest]).sum(0) / weights.sum())
    np.testing.assert_allclose(
        locate_neighbours(settings, train, test.rss_dbm).position_m, np.array(expected), atol=1e-4
    )


def test_fingerprints_without_a_detection_get_a_position_too():
    train = make_part()
    silent_dbm = np.full((1, train.num_access_points), np.nan, np.float32)
    for metric in ("euclidean", "braycurtis"):
        settings = Neighbours("linear", metric, 2, "distance")
        assert np.isfinite(locate_neighbours(settings, train, silent_dbm).position_m).all()


def test_choice_is_the_best_of_what_was_tried_and_reads_train_alone():
    site = load_site("synthetic-office")
    best, tried = choose_neighbours(site.train, encodings=["linear"], metrics=["euclidean"])
    errors = [row["mae_m"] for row in tried]
    chosen = {"encoding": "linear", "metric": "euclidean"}
    chosen |= {"number": best.number, "weighting": best.weighting}
    assert next(r for r in tried if r["mae_m"] == min(errors)) == chosen | {"mae_m": min(errors)}
    assert max(errors) > min(errors)
    predicted_m = locate_neighbours(best, site.train, site.test.rss_dbm).position_m
    middle = site.train.position_m.mean(0, keepdims=True)
    constant = error_m(np.repeat(middle, len(site.test), 0), site.test.position_m).mean()
    assert error_m(predicted_m, site.test.position_m).mean() < constant / 3


@pytest.mark.slow
def test_neighbours_at_a_site_answer_as_every_locator_does():
    site = load_site("synthetic-office")
    located = NeighboursAtSite.fit(site.train, encodings=("linear",), metrics=("euclidean",))
    answers = located.answer(site.test.rss_dbm)
    expected_m = locate_neighbours(located.settings, site.train, site.test.rss_dbm).position_m
    np.testing.assert_allclose(answers.position_m, expected_m, atol=1e-9)
    assert (located.labels[answers.label, 1] == site.test.floor).mean() > 0.8
    covered = (error_m(answers.position_m, site.test.position_m) <= answers.radius_m).mean()
    assert 0.8 < covered <= 1
