"""The rivals that need no training: k nearest fingerprints (scikit-learn), and a centroid."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from rsstl_jax.data import Fingerprints, fit_preprocessor, grouped_validation_split
from rsstl_jax.engine.radio_map import make_survey, whole_support
from rsstl_jax.errors import ConfigError
from rsstl_jax.metrics import error_m
from rsstl_jax.models import power_centroid

__all__ = ["Neighbours", "centroid_m", "check_installed", "choose_neighbours", "predict_neighbours"]

ENCODINGS = ("linear", "powed", "exponential")
METRICS = ("euclidean", "manhattan", "braycurtis")
NUMBERS = (1, 2, 3, 5, 7, 11)
WEIGHTINGS = ("uniform", "distance")


@dataclass(frozen=True)
class Neighbours:
    """How the neighbours of a fingerprint are found and averaged."""

    encoding: str  # of the readings, see `encode_rss`
    metric: str  # "euclidean", "manhattan" or "braycurtis" (Sorensen)
    number: int  # k
    weighting: str  # "uniform", or "distance" for weights 1 / distance


def check_installed() -> None:
    """Checks that the package is there which finds the neighbours, before anything is trained."""
    if find_spec("sklearn") is None:
        raise ConfigError(
            "kNN needs scikit-learn, which is not installed; pip install 'rsstl_jax[baselines]'"
        )


def _search(
    train: Fingerprints, queries: Fingerprints, encoding: str, metric: str, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Distances and rows of the `number` nearest train fingerprints, nearest first."""
    from sklearn.neighbors import NearestNeighbors

    preprocessor = fit_preprocessor(train, encoding=encoding)
    known, asked = (np.asarray(preprocessor.encode(p.rss_dbm)) for p in (train, queries))
    search = NearestNeighbors(
        n_neighbors=min(number, len(train)), metric=metric, algorithm="brute", n_jobs=-1
    )
    distances, rows = search.fit(known).kneighbors(asked)
    # Bray-Curtis of two fingerprints that hear nothing is 0 / 0.
    return np.nan_to_num(distances, nan=0.0), rows


def _average(
    position_m: np.ndarray, distances: np.ndarray, rows: np.ndarray, number: int, weighting: str
) -> np.ndarray:
    places = position_m[rows[:, :number]]
    if weighting == "uniform":
        return places.mean(axis=1)
    weights = 1.0 / np.maximum(distances[:, :number, None], 1e-9)
    return (weights * places).sum(axis=1) / weights.sum(axis=1)


def predict_neighbours(
    settings: Neighbours, train: Fingerprints, queries: Fingerprints
) -> np.ndarray:
    """The mean place of the nearest train fingerprints."""
    found = _search(train, queries, settings.encoding, settings.metric, settings.number)
    return _average(train.position_m, *found, settings.number, settings.weighting)


def choose_neighbours(
    train: Fingerprints,
    *,
    fraction: float = 0.15,
    seed: int = 0,
    encodings: Sequence[str] = ENCODINGS,
    metrics: Sequence[str] = METRICS,
) -> tuple[Neighbours, list[dict[str, Any]]]:
    """Chooses encoding, metric, k and weighting on a position-grouped part of train."""
    known, held_out = grouped_validation_split(train, fraction=fraction, seed=seed)
    tried = []
    for encoding, metric in itertools.product(encodings, metrics):
        found = _search(known, held_out, encoding, metric, max(NUMBERS))
        for number, weighting in itertools.product(NUMBERS, WEIGHTINGS):
            places = _average(known.position_m, *found, number, weighting)
            mae_m = float(error_m(places, held_out.position_m).mean())
            tried.append(asdict(Neighbours(encoding, metric, number, weighting)) | {"mae_m": mae_m})
    best = min(tried, key=lambda row: row["mae_m"])
    return Neighbours(**{name: best[name] for name in Neighbours.__dataclass_fields__}), tried


def centroid_m(train: Fingerprints, part: Fingerprints) -> np.ndarray:
    """Centroids of the positions where the detected access points are strong, by their power."""
    preprocessor = fit_preprocessor(train, encoding="linear")
    support = whole_support(make_survey(train, preprocessor))
    centroids = power_centroid(preprocessor.encode(part.rss_dbm), support)
    return preprocessor.uncenter(np.asarray(centroids) * preprocessor.scale_m)
