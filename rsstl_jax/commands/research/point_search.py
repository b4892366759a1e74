"""Search of loss weights, margin and learning rate on a validation part, many points a program."""

import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from ml_collections import ConfigDict

from rsstl_jax.config.schema import check_value
from rsstl_jax.errors import ConfigError
from rsstl_jax.phases.student_specs import STUDENTS, WEIGHTED, StudentSpec
from rsstl_jax.pipeline import run_distillation

# What a point may set: lambda of a term, alpha of Eq. 1, and the step size at the start.
_TERMS = WEIGHTED[: WEIGHTED.index("soft_target")]
_FIELDS = {
    **{term: f"distill.weights.{term}" for term in _TERMS},
    "margin": "distill.margin",
    "learning_rate": "train.learning_rate",
}
Point = Mapping[str, float]
Ask = Callable[[Sequence[float]], list[dict[str, float]]]


def grid(values: Mapping[str, Sequence[float]]) -> list[dict[str, float]]:
    """Every combination of the values of several axes."""
    return [dict(zip(values, own, strict=True)) for own in itertools.product(*values.values())]


def check_point(point: Point) -> None:
    """Checks a point as the fields of the configuration that it stands for are checked."""
    for axis, value in point.items():
        if axis not in _FIELDS:
            raise ConfigError(f"axis is {axis!r}; it must be one of {', '.join(_FIELDS)}")
        check_value(_FIELDS[axis], value)


def _spec(point: Point) -> StudentSpec:
    weights = {term: point[term] for term in _TERMS if term in point}
    return StudentSpec(weights, point.get("margin"), None, point.get("learning_rate"))


def _name(point: Point) -> str:
    text = json.dumps(dict(sorted(point.items())))
    return f"point-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def measure(config: ConfigDict, points: Sequence[Point], workdir: str | Path) -> list[list[float]]:
    """Trains the students of many points, all seeds, as replicas of one program."""
    for point in points:
        check_point(point)
    students = {_name(point): _spec(point) for point in points}
    if config.distill.pseudo_labels == "mean":
        # Of the teachers' positions and those of the baseline student.
        students = {"standalone": STUDENTS["standalone"]} | students
    result = run_distillation(config, workdir, students=students)
    return [result["students"][_name(point)]["mae_m"] for point in points]


def propose(ranges: Mapping[str, Sequence[float]], *, batch_size: int) -> Ask:
    """Points by Optuna's tree-structured Parzen estimator [Bergstra et al. 2011]."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ConfigError("Optuna is not installed; pip install 'rsstl_jax[search]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    space: dict[str, optuna.distributions.BaseDistribution] = {
        axis: optuna.distributions.FloatDistribution(low, high, log=axis == "learning_rate")
        for axis, (low, high) in ranges.items()
    }
    asked: list[Any] = []

    def ask(errors_m: Sequence[float]) -> list[dict[str, float]]:
        for trial, error_m in zip(asked, errors_m, strict=True):
            study.tell(trial, error_m)
        asked[:] = [study.ask(space) for _ in range(batch_size)]
        return [{axis: float(f"{trial.params[axis]:.6g}") for axis in ranges} for trial in asked]

    return ask


def search(
    config: ConfigDict, ask: Ask, workdir: str | Path, *, num_batches: int = 1
) -> pd.DataFrame:
    """Measures batches of points, each batch one program."""
    batches: list[pd.DataFrame] = []
    means_m: list[float] = []
    for number in range(num_batches):
        points = ask(means_m)
        errors_m = pd.DataFrame(measure(config, points, Path(workdir) / f"batch-{number}"))
        means_m = errors_m.mean(axis=1).tolist()
        batches.append(pd.DataFrame(points).assign(mae_m=means_m, sd_m=errors_m.std(axis=1)))
    return pd.concat(batches).sort_values("mae_m", ignore_index=True)
