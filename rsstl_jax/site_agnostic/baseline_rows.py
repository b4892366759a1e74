"""Was training worth it? What kNN and the pretrained network reach, beside a run's students."""

import logging
from dataclasses import asdict
from typing import Any

from ml_collections import ConfigDict

from rsstl_jax.baselines.knn import check_installed, choose_neighbours, locate_neighbours
from rsstl_jax.config.rules import name_list
from rsstl_jax.data.target import TargetParts
from rsstl_jax.errors import ConfigError, DataError
from rsstl_jax.report.predicted import Predicted, predict
from rsstl_jax.report.run_result import Baseline
from rsstl_jax.site_agnostic.weights import load_pretrained

MOST_QUERIES = 500
"""Held-out fingerprints, at most, on which the settings of kNN are chosen."""


_log = logging.getLogger(__name__)


def predict_baselines(config: ConfigDict, parts: TargetParts) -> dict[str, Baseline]:
    """What each of `run.baselines` predicts, or why it does not."""
    baselines: dict[str, Baseline] = {}
    for name in name_list(config.run.baselines):
        _log.info("for comparison: %s at %s", name, config.target)
        try:
            predicted, facts = _PREDICT[name](config, parts)
        except (ConfigError, DataError) as error:
            baselines[name] = Baseline(None, {"left_out": str(error)})
        else:
            baselines[name] = Baseline(predicted, facts)
    return baselines


def _by_neighbours(config: ConfigDict, parts: TargetParts) -> tuple[Predicted, dict[str, Any]]:
    check_installed()
    settings, _ = choose_neighbours(
        parts.train,
        fraction=config.data.validation_fraction,
        seed=config.data.validation_seed,
        most_queries=MOST_QUERIES,
    )
    predicted = locate_neighbours(settings, parts.train, parts.held_out.rss_dbm)
    return predicted, {"settings": asdict(settings)}


def _by_pretrained(config: ConfigDict, parts: TargetParts) -> tuple[Predicted, dict[str, Any]]:
    pretrained = load_pretrained()
    pretrained.check_target(config.target)
    pretrained.check_data(parts.train, parts.held_out)
    return predict(pretrained.fit(parts.train), parts.held_out), {}


_PREDICT = {"knn": _by_neighbours, "pretrained": _by_pretrained}
