"""A radius with every position, by split conformal prediction on errors over their difficulty."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from rsstl_jax.engine.prototypes import Nearest, Prototypes
from rsstl_jax.errors import DamagedError
from rsstl_jax.store.files import read_sealed

COVERAGE = 0.9
NUM_FEATURES = 6
NUM_FOLDS = 5
POWERS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
"""Of the predicted difficulty: the one with the smallest mean radius is taken."""
MIN_FLOOR_FINGERPRINTS, MIN_FLOOR_POSITIONS = 200, 40
"""A floor with fewer held-out fingerprints or positions shares the radius factor of the site."""

OFFSET_M = 0.5
"""Added to lengths under a logarithm: what lies below does not matter."""


class RadiusModel(NamedTuple):
    """How a site's radii are computed: factor[label] * exp(bias + features @ slope)."""

    slope: jax.Array  # float[F]; an earlier version wrote the first five
    bias: jax.Array  # float scalar
    factor: jax.Array  # float[C]: one for each label of the prototypes
    coverage: float = COVERAGE  # how often it holds a position; less by too few fingerprints


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Errors of a locator on fingerprints whose positions it has not been trained with."""

    features: NDArray[np.float64]  # [n, F]: by `difficulty_features`
    error_m: NDArray[np.float64]  # [n]
    position_id: NDArray[np.int64]  # [n]: equal numbers for fingerprints of one position
    label: NDArray[np.int64]  # [n]: rows of the prototypes' labels, as voted


def difficulty_features(
    prototypes: Prototypes, nearest: Nearest, level: jax.Array, position_m: jax.Array
) -> jax.Array:
    """float[n, 6]: logarithms of what an error depends on, all known without the true position."""
    around_m = prototypes.position_m[nearest.row]
    mean_m = jnp.einsum("nk,nkd->nd", nearest.weight, around_m)
    squares = jnp.square(around_m - mean_m[:, None]).sum(axis=-1)
    spread_m = jnp.sqrt(jnp.einsum("nk,nk->n", nearest.weight, squares) + 1e-6)
    apart_m = jnp.sqrt(jnp.square(position_m - mean_m).sum(axis=1) + 1e-6)
    first_m = jnp.sqrt(jnp.square(position_m - around_m[:, 0]).sum(axis=1) + 1e-6)
    number = (level > 0).sum(axis=1).astype(level.dtype)
    return jnp.stack(
        [
            jnp.log(spread_m + OFFSET_M),
            jnp.log(apart_m + OFFSET_M),
            jnp.log(1.02 - nearest.similarity[:, 0]),
            jnp.log1p(number),
            level.max(axis=1),
            jnp.log(first_m + OFFSET_M),
        ],
        axis=1,
    )


def predict_radius_m(model: RadiusModel, features: jax.Array, label: jax.Array) -> jax.Array:
    """float[n]: the radius that is to hold the true position 90 % of the time, metres."""
    known = features[:, : model.slope.shape[0]]
    return model.factor[label] * jnp.exp(model.bias + known @ model.slope)


def fit_radius(held_out: HeldOut, num_labels: int) -> RadiusModel:
    """Fits difficulty by least squares, cross-fitted over positions, then the conformal factors."""
    # A score is error / predicted difficulty; a factor is the ceil((n + 1) 0.9)-th smallest one
    # [Papadopoulos et al. 2002, Inductive confidence machines for regression].
    ids = np.unique(held_out.position_id, return_inverse=True)[1]
    fold = np.random.default_rng(0).permutation(ids.max() + 1)[ids] % NUM_FOLDS
    log_difficulty = np.empty(len(ids))
    for number in range(NUM_FOLDS):
        rest, rows = fold != number, fold == number
        if not rows.any() or not rest.any():
            rest = rows = np.ones(len(ids), bool)
        slope, bias = _least_squares(held_out.features[rest], held_out.error_m[rest])
        log_difficulty[rows] = bias + held_out.features[rows] @ slope
    scores = {power: held_out.error_m / np.exp(power * log_difficulty) for power in POWERS}
    mean_radius_m = {
        power: conformal_quantile(score) * np.exp(power * log_difficulty).mean()
        for power, score in scores.items()
    }
    power = min(POWERS, key=lambda power: mean_radius_m[power])
    score = scores[power]
    factor = np.full(num_labels, conformal_quantile(score))
    for label in range(num_labels):
        rows = held_out.label == label
        if rows.sum() >= MIN_FLOOR_FINGERPRINTS and len(set(ids[rows])) >= MIN_FLOOR_POSITIONS:
            factor[label] = conformal_quantile(score[rows])
    slope, bias = _least_squares(held_out.features, held_out.error_m)
    as_array = lambda value: jnp.asarray(value, jnp.float32)  # noqa: E731
    return RadiusModel(
        as_array(power * slope), as_array(power * bias), as_array(factor), coverage_of(len(ids))
    )


def coverage_of(number: int) -> float:
    """How often a radius from so many fingerprints holds a position: 90 % from nine on."""
    return min(COVERAGE, number / (number + 1))


def conformal_quantile(score: NDArray[np.float64]) -> float:
    """The score that covers 90 % of new ones; the largest where there are too few."""
    rank = min(math.ceil((len(score) + 1) * COVERAGE), len(score))
    return float(np.sort(score)[rank - 1])


def _least_squares(
    features: NDArray[np.float64], error_m: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Slope and bias of log(error + 0.5 m), with a ridge for features that say the same."""
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    scaled = (features - mean) / spread
    target = np.log(error_m + OFFSET_M)
    matrix = scaled.T @ scaled + 1e-2 * len(features) * np.eye(features.shape[1])
    slope = np.linalg.solve(matrix, scaled.T @ (target - target.mean())) / spread
    return slope, float(target.mean() - mean @ slope)


def radius_facts(model: RadiusModel) -> dict[str, Any]:
    """A radius model as JSON knows it."""
    return {name: np.asarray(leaf).tolist() for name, leaf in model._asdict().items()}


def read_radius(file: str | Path, num_labels: int) -> RadiusModel:
    """Reads the radius model whose facts were written sealed."""
    facts = read_sealed(file, {"slope": list, "bias": float, "factor": list})
    num_features = min(max(len(facts["slope"]), NUM_FEATURES - 1), NUM_FEATURES)
    shapes = {"slope": (num_features,), "bias": (), "factor": (num_labels,)}
    arrays = {name: jnp.asarray(facts[name], jnp.float32) for name in shapes}
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise DamagedError(
                f"{file}: {name} has shape {arrays[name].shape}; {shape} is expected"
            )
    # Earlier versions did not write it.
    return RadiusModel(**arrays, coverage=facts.get("coverage", COVERAGE))
