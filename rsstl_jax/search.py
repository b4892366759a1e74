"""Search of loss weights, margin and learning rate on a validation part, many points a program."""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ml_collections import ConfigDict

from rsstl_jax.config import ConfigError, check_value
from rsstl_jax.pipeline import run_distillation
from rsstl_jax.train import TERMS, Variant

__all__ = ["AXES", "check_point", "grid", "measure", "propose", "search"]

AXES = (*TERMS, "margin", "learning_rate")
"""What a point may set: lambda of a term, alpha of Eq. 1, and the step size at the start."""

_FIELDS = {"margin": "distill.margin", "learning_rate": "train.learning_rate"}

Point = Mapping[str, float]
Ask = Callable[[Sequence[float]], list[dict[str, float]]]


def grid(values: Mapping[str, Sequence[float]]) -> list[dict[str, float]]:
    """Every combination of the values of several axes.

    Args:
        values: {axis, of `AXES`: its values}.

    Returns:
        The points.

    Raises:
        ConfigError: if there is no such axis.

    Example:
        >>> grid({"similarity": [0.5], "margin": [0.1, 0.2]})
        [{'similarity': 0.5, 'margin': 0.1}, {'similarity': 0.5, 'margin': 0.2}]
    """
    _check_axes(values)
    return [dict(zip(values, own, strict=True)) for own in itertools.product(*values.values())]


def _check_axes(names: Iterable[str]) -> None:
    for name in names:
        if name not in AXES:
            raise ConfigError(f"axis is {name!r}; it must be one of {', '.join(AXES)}")


def check_point(point: Point) -> None:
    """Checks a point as the fields of the configuration that it stands for are checked.

    Args:
        point: {axis: value}.

    Raises:
        ConfigError: if there is no such axis, or a value breaks its field's rule.

    Example:
        >>> check_point({"learning_rate": 0.0})
        Traceback (most recent call last):
        ...
        rsstl_jax.config.ConfigError: train.learning_rate is 0.0; it must be a number above 0
    """
    _check_axes(point)
    for axis, value in point.items():
        check_value(_FIELDS.get(axis, f"distill.weights.{axis}"), value)


def _variant(point: Point) -> Variant:
    weights = {term: point[term] for term in TERMS if term in point}
    return Variant(weights, point.get("margin"), None, point.get("learning_rate"))


def _name(point: Point) -> str:
    text = json.dumps(dict(sorted(point.items())))
    return f"point-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def measure(config: ConfigDict, points: Sequence[Point], workdir: str | Path) -> list[list[float]]:
    """Trains the students of many points, all seeds, as replicas of one program.

    Args:
        config: the run's configuration; `data.evaluate_on` must be "validation", so that no test
            part is read.
        points: {axis: value}.
        workdir: folder of the search; points that have finished are read from it.

    Returns:
        The mean error of each point for every seed, metres.

    Raises:
        ConfigError: if the configuration cannot be run, or asks for the test part.
        DataError: if a dataset cannot be read.
        DivergedError: if a training stops being finite.

    Example:
        >>> import tempfile
        >>> from rsstl_jax import make_config
        >>> config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
        >>> config.data.evaluate_on, config.teacher.kind = "validation", "untrained"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     errors = measure(config, grid({"similarity": [0.0, 1.0]}), Path(folder) / "run")
        >>> len(errors), len(errors[0])
        (2, 1)
    """
    if config.data.evaluate_on != "validation":
        raise ConfigError(
            f"data.evaluate_on is {config.data.evaluate_on!r}; a search needs 'validation', "
            "the test part is for the final figure alone"
        )
    for point in points:
        check_point(point)
    students = {_name(point): _variant(point) for point in points}
    result = run_distillation(config, workdir, students=students)
    return [result[_name(point)]["mae_m"] for point in points]


def propose(ranges: Mapping[str, tuple[float, float]], *, batch_size: int, seed: int = 0) -> Ask:
    """Points by Optuna's tree-structured Parzen estimator [Bergstra et al. 2011].

    Args:
        ranges: {axis, of `AXES`: (low, high)}; a learning rate is drawn on a logarithmic scale.
        batch_size: points at a time; they do not know of one another.
        seed: of the sampler.

    Returns:
        ask(told) -> points, where told are the mean errors of those of the call before, metres.

    Raises:
        ConfigError: if there is no such axis, or Optuna is not installed.

    Example:
        >>> propose({"weight": (0.0, 1.0)}, batch_size=4)
        Traceback (most recent call last):
        ...
        rsstl_jax.config.ConfigError: axis is 'weight'; it must be one of similarity,
        mutual_information, functional_information, margin, learning_rate
    """
    _check_axes(ranges)
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ConfigError("Optuna is not installed; pip install 'rsstl_jax[search]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(sampler=sampler)
    space: dict[str, optuna.distributions.BaseDistribution] = {
        axis: optuna.distributions.FloatDistribution(low, high, log=axis == "learning_rate")
        for axis, (low, high) in ranges.items()
    }
    asked: list[Any] = []

    def ask(told: Sequence[float]) -> list[dict[str, float]]:
        for trial, error_m in zip(asked, told, strict=True):
            study.tell(trial, error_m)
        asked[:] = [study.ask(space) for _ in range(batch_size)]
        return [{axis: float(f"{trial.params[axis]:.6g}") for axis in ranges} for trial in asked]

    return ask


def search(
    config: ConfigDict, ask: Ask, workdir: str | Path, *, num_batches: int = 1
) -> pd.DataFrame:
    """Measures batches of points, each batch one program.

    Args:
        config: as for `measure`.
        ask: from `propose`, or for a grid a function that returns it.
        workdir: folder of the search; each batch has a folder of its own below it.
        num_batches: how often it is asked.

    Returns:
        DataFrame with the axes, `mae_m` (mean over the seeds) and `sd_m`, the best first.

    Raises:
        ConfigError: as `measure`.

    Example:
        >>> import tempfile
        >>> from rsstl_jax import make_config
        >>> config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
        >>> config.data.evaluate_on, config.teacher.kind = "validation", "untrained"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     frame = search(config, lambda told: grid({"margin": [0.1, 0.3]}), folder)
        >>> sorted(frame.columns), len(frame)
        (['mae_m', 'margin', 'sd_m'], 2)
    """
    lines: list[dict[str, float]] = []
    told: list[float] = []
    for number in range(num_batches):
        points = ask(told)
        errors_m = measure(config, points, Path(workdir) / f"batch-{number}")
        told = [float(np.mean(of_seeds)) for of_seeds in errors_m]
        for point, of_seeds, mean_m in zip(points, errors_m, told, strict=True):
            sd_m = float(np.std(of_seeds, ddof=1)) if len(of_seeds) > 1 else float("nan")
            lines.append({**point, "mae_m": mean_m, "sd_m": sd_m})
    return pd.DataFrame(lines).sort_values("mae_m", ignore_index=True)
