"""Runs one baseline: kNN, a centroid, transfer of parameters, or its network from scratch."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from rsstl_jax.baselines.collective import collective_transfer
from rsstl_jax.baselines.knn import (
    centroid_m,
    check_installed,
    choose_neighbours,
    locate_neighbours,
)
from rsstl_jax.baselines.transfer import make_transfer_job, sequential_transfer
from rsstl_jax.config.recipes import site_config
from rsstl_jax.config.rules import name_list
from rsstl_jax.config.schema import validate
from rsstl_jax.data import check_sources, load_radio_map
from rsstl_jax.data.buildings import check_no_copy
from rsstl_jax.data.target import TargetParts, target_parts
from rsstl_jax.engine.site_job import SiteJob
from rsstl_jax.engine.site_network import predict_m
from rsstl_jax.errors import ConfigError
from rsstl_jax.report.predicted import Predicted, count_by_group
from rsstl_jax.report.run_result import write_result
from rsstl_jax.store.files import as_path, write_json
from rsstl_jax.store.lock import locked
from rsstl_jax.store.processes import in_first
from rsstl_jax.store.workdir import log_start, open_workdir

UNTRAINED = ("knn", "centroid")
"""Methods that train no network."""

WITH_SOURCES = ("sequential", "collective")
"""Methods that train on the sources before they train on the target."""

METHODS = (*UNTRAINED, *WITH_SOURCES, "scratch")


def run_baseline(config: ConfigDict, method: str, workdir: str | Path) -> dict[str, Any]:
    """Trains and measures one baseline on the configured target."""
    validate(config)
    if method not in METHODS:
        raise ConfigError(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
    if method == "knn":
        check_installed()
    if method in WITH_SOURCES:
        check_sources(config.target, name_list(config.sources))
    parts = target_parts(config)
    job = None if method in UNTRAINED else make_transfer_job(config, parts.train)
    workdir = as_path("workdir", workdir)
    with locked(workdir):
        return _run(config, method, parts, job, workdir)


def _run(
    config: ConfigDict, method: str, parts: TargetParts, job: SiteJob | None, workdir: Path
) -> dict[str, Any]:
    command = f"rsstl baselines --method={method}"
    recorder = open_workdir(config, workdir, command)
    sources: dict[str, SiteJob] = {}
    for name in name_list(config.sources) if method in WITH_SOURCES else ():
        train = load_radio_map(name, data_dir=config.data_dir or None)
        check_no_copy(parts.train, train)
        sources[name] = make_transfer_job(site_config(config, name), train)
    digests = {name: source.train.digest() for name, source in sources.items()}
    log_start(recorder, {config.target: parts.train.digest()} | digests, config.run.mesh)
    # Without a network nothing is random but the fraction of the train part.
    seeds = config.seeds if job else (config.data.fraction_seed,)
    facts: dict[str, Any] = {"sources": list(sources)} if sources else {}
    if method == "knn":
        settings, figures = in_first(choose_neighbours)(
            parts.train,
            fraction=config.data.validation_fraction,
            seed=config.data.validation_seed,
        )
        in_first(write_json)(workdir / "tried.json", figures)
        predicted = [locate_neighbours(settings, parts.train, parts.held_out.rss_dbm)]
        facts["settings"] = asdict(settings)
    elif job is None:
        predicted = [Predicted(centroid_m(parts.train, parts.held_out.rss_dbm))]
    else:
        transfer = collective_transfer if method == "collective" else sequential_transfer
        trained = [transfer(job, sources, seed=seed, recorder=recorder) for seed in seeds]
        predicted = [
            Predicted(predict_m(job.site_network, params, parts.held_out)) for params in trained
        ]
    by_seed = {seed: {method: one} for seed, one in zip(seeds, predicted, strict=True)}
    facts |= {"num_train": len(parts.train), "command": command}
    facts |= count_by_group(parts.train, parts.held_out)
    return in_first(write_result)(config, parts.held_out, by_seed, workdir, **facts)
