"""Runs the rivals: kNN, a centroid, transfer of parameters, and its network from scratch."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from rsstl_jax.baselines.collective import collective_transfer
from rsstl_jax.baselines.knn import (
    centroid_m,
    check_installed,
    choose_neighbours,
    predict_neighbours,
)
from rsstl_jax.baselines.transfer import scratch, sequential_transfer, transfer_localizer
from rsstl_jax.config.rules import name_list
from rsstl_jax.config.schema import validate
from rsstl_jax.data import Fingerprints, check_sources, load_site
from rsstl_jax.engine.localizer import predict_m
from rsstl_jax.errors import ConfigError
from rsstl_jax.models import AgnosticSettings
from rsstl_jax.pipeline import TargetParts, target_parts
from rsstl_jax.report.run_result import measure
from rsstl_jax.site_agnostic.training import make_agnostic_localizer
from rsstl_jax.store.files import write_json
from rsstl_jax.store.lock import locked
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.store.workdir import log_start, open_workdir

__all__ = ["METHODS", "UNTRAINED", "run_baseline"]

UNTRAINED = ("knn", "centroid")
"""Methods that train no network."""

METHODS = (*UNTRAINED, "sequential", "collective", "scratch")


def run_baseline(config: ConfigDict, method: str, workdir: str | Path) -> dict[str, Any]:
    """Trains and measures one rival on the configured target."""
    validate(config)
    if method not in METHODS:
        raise ConfigError(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
    if method == "knn":
        check_installed()
    if method in ("sequential", "collective"):
        check_sources(config.target, name_list(config.sources))
    parts = target_parts(config)
    if method not in UNTRAINED:
        transfer_localizer(config, parts.train)
    with locked(workdir):
        return _run(config, method, parts, Path(workdir))


def _run(config: ConfigDict, method: str, parts: TargetParts, workdir: Path) -> dict[str, Any]:
    recorder = open_workdir(config, workdir)
    sources = _sources(config) if method in ("sequential", "collective") else {}
    parts_read = {config.target: parts.train, **sources}
    log_start(recorder, {name: part.digest() for name, part in parts_read.items()})
    result: dict[str, Any] = {
        "target": config.target,
        "network": config.network,
        "recipe": config.recipe,
        "part": parts.held_out.part,
    }
    if method in UNTRAINED:
        # Nothing is drawn but the share of the train part.
        result["seeds"] = [config.data.fraction_seed]
    else:
        result |= {"sources": list(name_list(config.sources)), "seeds": list(config.seeds)}
    if method == "knn":
        settings, tried = choose_neighbours(
            parts.train,
            fraction=config.data.validation_fraction,
            seed=config.data.validation_seed,
        )
        write_json(workdir / "tried.json", tried)
        places = [predict_neighbours(settings, parts.train, parts.held_out)]
        result["settings"] = asdict(settings)
    elif method == "centroid":
        localizer = make_agnostic_localizer(AgnosticSettings(), parts.train)
        places = [centroid_m(localizer, parts.held_out)]
    else:
        places = [
            _transfer(method, config, parts, sources, seed, recorder) for seed in config.seeds
        ]
    result["students"] = {method: measure(places, parts.held_out.position_m)}
    write_json(workdir / "result.json", result)
    return result


def _sources(config: ConfigDict) -> dict[str, Fingerprints]:
    return {
        name: load_site(name, data_dir=config.data_dir or None).train
        for name in name_list(config.sources)
    }


def _transfer(
    method: str,
    config: ConfigDict,
    parts: TargetParts,
    sources: dict[str, Fingerprints],
    seed: int,
    recorder: Recorder,
) -> np.ndarray:
    if method == "scratch":
        localizer, params = scratch(config, parts.train, seed=seed, recorder=recorder)
    else:
        transfer = sequential_transfer if method == "sequential" else collective_transfer
        localizer, params = transfer(config, parts.train, sources, seed=seed, recorder=recorder)
    return predict_m(localizer, params, parts.held_out)
