"""Figures at a target with fractions of its train part as radio map, beside the baselines'."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from rsstl_jax.baselines.knn import Neighbours, centroid_m, choose_neighbours, locate_neighbours
from rsstl_jax.data import Fingerprints, target_fraction
from rsstl_jax.errors import DataError
from rsstl_jax.metrics import error_m, summarize_each
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.report.predicted import mean_by_group
from rsstl_jax.site_agnostic.cross_fitting import Chosen, choose_at_site, chosen_of
from rsstl_jax.site_agnostic.training import make_agnostic_site_network, predict_members_m
from rsstl_jax.types import Params

MAX_CHOOSING = 4000
"""Fingerprints that kNN's settings are chosen on at most: minutes instead of hours."""


def check_fractions(config: ConfigDict, train: Fingerprints) -> None:
    """Refuses a fraction whose subsets are too small to choose anything on."""
    for fraction in config.agnostic.fractions:
        for subset in _draw_subsets(config, train, fraction):
            if len(np.unique(subset.position_m, axis=0)) < 2:
                raise DataError(
                    f"agnostic.fractions has {fraction:g}, which leaves one position of "
                    f"{train.dataset} in a subset; take a larger fraction"
                )


def _draw_subsets(config: ConfigDict, train: Fingerprints, fraction: float) -> list[Fingerprints]:
    seeds = range(config.agnostic.num_subsets if fraction < 1 else 1)
    return [target_fraction(train, fraction=fraction, seed=seed) for seed in seeds]


def measure_fraction(
    config: ConfigDict,
    members: Sequence[Params],
    train: Fingerprints,
    held_out: Fingerprints,
    fraction: float,
    baselines: bool,
) -> dict[str, Any]:
    """Figures of every method with random subsets of the training set as radio map."""
    subsets = _draw_subsets(config, train, fraction)
    methods = ("agnostic", "agnostic, as trained", "agnostic, one seed")
    predicted_m: dict[str, list[np.ndarray]] = {method: [] for method in methods}
    chosen, queries_dbm = list[Chosen](), held_out.rss_dbm
    for subset in subsets:
        as_trained = make_agnostic_site_network(AgnosticSettings.from_config(config), subset)
        site_network = choose_at_site(as_trained, members)
        chosen.append(chosen_of(site_network))
        predicted_m["agnostic"].append(predict_members_m(site_network, members, queries_dbm))
        predicted_m["agnostic, as trained"].append(
            predict_members_m(as_trained, members, queries_dbm)
        )
        predicted_m["agnostic, one seed"] += [
            predict_members_m(site_network, [params], queries_dbm) for params in members
        ]
        if baselines:
            neighbours = locate_neighbours(
                _choose_neighbours(subset), subset, queries_dbm
            ).position_m
            predicted_m.setdefault("centroid", []).append(centroid_m(subset, queries_dbm))
            predicted_m.setdefault("knn", []).append(neighbours)
    return {
        "num_support": [len(subset) for subset in subsets],
        "sharpness": [one.inverse_temperature for one in chosen],
        "retrieval": [one[1:] for one in chosen],
    } | {method: summarize_errors(positions, held_out) for method, positions in predicted_m.items()}


def _choose_neighbours(subset: Fingerprints) -> Neighbours:
    """kNN's settings, chosen on a validation part of the subset, or of a part of it."""
    fraction = min(1.0, MAX_CHOOSING / len(subset))
    return choose_neighbours(
        target_fraction(subset, fraction=fraction, seed=0),
        encodings=("linear", "powed"),
        metrics=("euclidean", "braycurtis"),
    )[0]


def summarize_errors(predicted_m: Sequence[np.ndarray], held_out: Fingerprints) -> dict[str, Any]:
    errors_m = [error_m(positions, held_out.position_m) for positions in predicted_m]
    by_group = mean_by_group(errors_m, held_out)
    return summarize_each(errors_m) | ({"mae_by_group_m": by_group} if by_group else {})
