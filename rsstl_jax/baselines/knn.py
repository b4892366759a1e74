"""The baselines that need no training: k nearest fingerprints (scikit-learn), and a centroid."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsstl_jax.data import Fingerprints, fit_preprocessor, grouped_validation_split
from rsstl_jax.data.scans import check_rows
from rsstl_jax.data.splits import spread_evenly
from rsstl_jax.engine.locator import NetworkLocator
from rsstl_jax.engine.prototypes import make_prototypes
from rsstl_jax.engine.radio_map import full_support, make_radio_map
from rsstl_jax.engine.radius import fit_radius
from rsstl_jax.errors import ConfigError
from rsstl_jax.metrics import error_m
from rsstl_jax.models.site_agnostic.support import power_centroid
from rsstl_jax.report.predicted import Predicted

ENCODINGS = ("linear", "powed", "exponential")
METRICS = ("euclidean", "manhattan", "braycurtis")
NUMBERS = (1, 2, 3, 5, 7, 11)
WEIGHTINGS = ("uniform", "distance")


@dataclass(frozen=True)
class Neighbours:
    """How the neighbours of a fingerprint are searched for and averaged."""

    encoding: str  # of the readings, see `encode_rss`
    metric: str  # "euclidean", "manhattan" or "braycurtis" (Sorensen)
    number: int  # k
    weighting: str  # "uniform", or "distance" for weights 1 / distance


def check_installed() -> None:
    """Raises ConfigError without scikit-learn, before anything is trained."""
    if find_spec("sklearn") is None:
        raise ConfigError(
            "kNN needs scikit-learn, which is not installed; pip install 'rsstl_jax[baselines]'"
        )


def _search(
    train: Fingerprints, rss_dbm: NDArray[np.float32], encoding: str, metric: str, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Distances and rows of the `number` nearest train fingerprints, nearest first."""
    from sklearn.neighbors import NearestNeighbors

    encode = fit_preprocessor(train, encoding=encoding).encode
    search = NearestNeighbors(
        n_neighbors=min(number, len(train)), metric=metric, algorithm="brute", n_jobs=-1
    ).fit(np.asarray(encode(train.rss_dbm)))
    distances, rows = search.kneighbors(np.asarray(encode(rss_dbm)))
    # Bray-Curtis of two fingerprints without a detection is 0 / 0.
    return np.nan_to_num(distances, nan=0.0), rows


def _average(
    position_m: np.ndarray, distances: np.ndarray, rows: np.ndarray, number: int, weighting: str
) -> np.ndarray:
    nearest_m = position_m[rows[:, :number]]
    if weighting == "uniform":
        return nearest_m.mean(axis=1)
    weights = 1.0 / np.maximum(distances[:, :number, None], 1e-9)
    return (weights * nearest_m).sum(axis=1) / weights.sum(axis=1)


def locate_neighbours(
    settings: Neighbours, train: Fingerprints, rss_dbm: NDArray[np.float32]
) -> Predicted:
    """The mean position of the nearest train fingerprints, floor and building of most of them."""
    distances, rows = _search(train, rss_dbm, settings.encoding, settings.metric, settings.number)
    position_m = _average(train.position_m, distances, rows, settings.number, settings.weighting)
    floor, building = (
        None if label is None else _most_frequent(label[rows])
        for label in (train.floor, train.building)
    )
    return Predicted(position_m, floor, building)


def _most_frequent(labels: np.ndarray) -> np.ndarray:
    """The most frequent label of each row; of equally frequent ones that of the nearest."""
    frequency = (labels[:, :, None] == labels[:, None, :]).sum(axis=2)
    chosen = frequency.argmax(axis=1)
    return np.asarray(labels[np.arange(len(labels)), chosen], np.int64)


def choose_neighbours(
    train: Fingerprints,
    *,
    fraction: float = 0.15,
    seed: int = 0,
    encodings: Sequence[str] = ENCODINGS,
    metrics: Sequence[str] = METRICS,
    most_queries: int | None = None,
) -> tuple[Neighbours, list[dict[str, Any]]]:
    """The best settings on fingerprints held out of train, `most_queries` at most; all figures."""
    kept, held_out = grouped_validation_split(train, fraction=fraction, seed=seed)
    held_out = spread_evenly(held_out, most_queries)
    tried = {}
    for encoding, metric in itertools.product(encodings, metrics):
        distances, rows = _search(kept, held_out.rss_dbm, encoding, metric, max(NUMBERS))
        for number, weighting in itertools.product(NUMBERS, WEIGHTINGS):
            predicted_m = _average(kept.position_m, distances, rows, number, weighting)
            mae_m = float(error_m(predicted_m, held_out.position_m).mean())
            tried[Neighbours(encoding, metric, number, weighting)] = mae_m
    figures = [asdict(settings) | {"mae_m": mae_m} for settings, mae_m in tried.items()]
    return min(tried, key=tried.__getitem__), figures


def centroid_m(train: Fingerprints, rss_dbm: NDArray[np.float32]) -> np.ndarray:
    """Positions by the mean position at which each detected access point is detected in train."""
    preprocessor = fit_preprocessor(train, encoding="linear")
    support = full_support(make_radio_map(train, preprocessor))
    centroid = power_centroid(preprocessor.encode(rss_dbm), support)
    return preprocessor.uncenter(np.asarray(centroid) * preprocessor.scale_m)


class NeighboursAtSite(NetworkLocator):
    """Nearest neighbours as a locator, with floors and a radius as every other one has them."""

    def __init__(self, settings: Neighbours, train: Fingerprints) -> None:
        preprocessor = fit_preprocessor(train, encoding="linear")
        prototypes = make_prototypes(train, preprocessor)
        super().__init__(train.access_points, train.dataset, preprocessor, prototypes=prototypes)
        self.settings, self.train = settings, train

    @classmethod
    def fit(cls, train: Fingerprints, **chosen_by: Any) -> "NeighboursAtSite":
        """Chooses the settings on a part of train, and calibrates the radius on a fifth of it."""
        check_installed()
        settings, _ = choose_neighbours(train, **chosen_by)
        located = cls(settings, train)
        kept, held_out = grouped_validation_split(train, fraction=0.2, seed=0)
        measured = cls(settings, kept).held_out(held_out, located)
        assert located.labels is not None, "they are read off train"
        located.radius = fit_radius(measured, len(located.labels))
        return located

    def predict_m(self, rss_dbm: ArrayLike) -> NDArray[np.float64]:
        rows = check_rows(rss_dbm, self.access_points)
        return locate_neighbours(self.settings, self.train, rows).position_m
