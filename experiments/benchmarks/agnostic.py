"""Locating at a site: the site-agnostic network and scikit-learn's kNN over growing supports."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
import pandas as pd

from benchmarks.timing import interleaved
from rsstl_jax.baselines.knn import Neighbours, locate_neighbours
from rsstl_jax.data import Fingerprints
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.site_agnostic.training import (
    init_agnostic,
    make_agnostic_site_network,
    predict_members_m,
)

__all__ = ["time_supports"]

QUERIES, ACCESS_POINTS = 1024, 520


def _draw(number: int, seed: int) -> Fingerprints:
    """Fingerprints of UJIIndoorLoc's width, one reading in thirty detected."""
    rng = np.random.default_rng(seed)
    detected = rng.random((number, ACCESS_POINTS)) < 1 / 30
    rss_dbm = np.where(detected, rng.integers(-100, -40, detected.shape), np.nan)
    return Fingerprints(
        dataset="drawn",
        part="train",
        rss_dbm=rss_dbm.astype(np.float32),
        position_m=rng.uniform(0, 200, (number, 2)),
        floor=None,
        building=None,
        access_points=tuple(f"AP{a}" for a in range(ACCESS_POINTS)),
    )


def time_supports(sizes: Sequence[int], *, repeats: int) -> pd.DataFrame:
    """Microseconds a fingerprint takes among so many others, in batches of `QUERIES`."""
    queries, settings = _draw(QUERIES, 1), AgnosticSettings()
    members = [init_agnostic(settings, jax.random.key(0))]
    lines = []
    for size in sizes:
        site = _draw(size, 0)
        site_network = make_agnostic_site_network(settings, site)
        runs: dict[str, Callable[[], Any]] = {
            "agnostic": partial(predict_members_m, site_network, members, queries.rss_dbm)
        }
        for metric in ("euclidean", "braycurtis"):
            neighbours = Neighbours("linear", metric, 5, "uniform")
            runs[f"kNN, {metric}"] = partial(locate_neighbours, neighbours, site, queries)
        seconds = interleaved(runs, repeats=repeats)
        support_bytes = sum(leaf.nbytes for leaf in jax.tree.leaves(site_network.support))
        lines.append(
            {"support": size}
            | {f"{name} (us)": 1e6 * s / QUERIES for name, s in seconds.items()}
            | {"support (MB)": support_bytes / 1e6}
        )
    return pd.DataFrame(lines)
