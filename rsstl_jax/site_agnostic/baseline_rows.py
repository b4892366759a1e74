"""Was training worth it? What kNN and the pretrained network reach, beside a run's students."""

from dataclasses import asdict
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from rsstl_jax.baselines.knn import check_installed, choose_neighbours, predict_neighbours
from rsstl_jax.config.rules import name_list
from rsstl_jax.data.target import TargetParts
from rsstl_jax.errors import ConfigError, DataError
from rsstl_jax.report.run_result import measure
from rsstl_jax.site_agnostic.weights import load_pretrained

MOST_QUERIES = 500
"""Held-out fingerprints, at most, on which the settings of kNN are chosen."""


def measure_baselines(config: ConfigDict, parts: TargetParts) -> dict[str, Any]:
    """{"baselines": {name: its figures, or why there are none}}; empty without `run.baselines`."""
    rows: dict[str, Any] = {}
    for name in name_list(config.run.baselines):
        try:
            predicted_m, facts = _PREDICT[name](config, parts)
        except (ConfigError, DataError) as error:
            rows[name] = {"left_out": str(error)}
        else:
            rows[name] = measure([predicted_m], parts.held_out.position_m) | facts
    return {"baselines": rows} if rows else {}


def _by_neighbours(config: ConfigDict, parts: TargetParts) -> tuple[np.ndarray, dict[str, Any]]:
    check_installed()
    settings, _ = choose_neighbours(
        parts.train,
        fraction=config.data.validation_fraction,
        seed=config.data.validation_seed,
        most_queries=MOST_QUERIES,
    )
    predicted_m = predict_neighbours(settings, parts.train, parts.held_out)
    return predicted_m, {"settings": asdict(settings)}


def _by_pretrained(config: ConfigDict, parts: TargetParts) -> tuple[np.ndarray, dict[str, Any]]:
    pretrained = load_pretrained()
    pretrained.check_target(config.target)
    return pretrained.fit(parts.train).predict_m(parts.held_out.rss_dbm), {}


_PREDICT = {"knn": _by_neighbours, "pretrained": _by_pretrained}
