"""What a run leaves of its students: figures, predictions, pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ml_collections import ConfigDict

from rsstl_jax.config.schema import flatten
from rsstl_jax.data import Fingerprints
from rsstl_jax.metrics import error_m, summarize, summarize_each
from rsstl_jax.report.html_report import write_report
from rsstl_jax.report.plots import plot_cdf, plot_map, unit_label, with_unit
from rsstl_jax.report.result_table import WITHOUT_NETWORK
from rsstl_jax.report.statistics import interval_over_positions
from rsstl_jax.store.files import write_json, write_text
from rsstl_jax.store.workdir import on_mesh

PERCENTILES = tuple(range(0, 101, 2))
"""Percentiles of the errors that result.json keeps: what an error distribution is drawn from."""


def measure(predicted_m: Sequence[np.ndarray], actual_m: np.ndarray) -> dict[str, Any]:
    """The figures of one method in result.json, from the positions that each seed predicts."""
    errors_m = [error_m(predicted, actual_m) for predicted in predicted_m]
    figures: dict[str, Any] = dict(summarize_each(errors_m))
    figures["percentiles_m"] = np.percentile(errors_m, PERCENTILES, axis=1).T.round(3).tolist()
    interval = interval_over_positions(np.mean(errors_m, axis=0), actual_m)
    figures["mae_interval_over_positions_m"] = list(interval)
    if len(errors_m) > 1:
        figures["mean_place"] = summarize(error_m(np.mean(predicted_m, axis=0), actual_m))
    return figures


def write_result(
    config: ConfigDict,
    held_out: Fingerprints,
    predicted_m: Mapping[int, Mapping[str, np.ndarray]],
    workdir: Path,
    *,
    num_train: int,
    command: str = "rsstl distill",
    **facts: Any,
) -> dict[str, Any]:
    """Measures the students of a run; writes its result, predictions, pictures and report.html.

    The facts are what else result.json says of the run.
    """
    actual_m = held_out.position_m
    by_student = {
        student: [predictions[student] for predictions in predicted_m.values()]
        for student in next(iter(predicted_m.values()))
    }
    result: dict[str, Any] = {
        "target": config.target,
        "network": config.network,
        "recipe": config.recipe,
        "seeds": list(predicted_m),
        "part": held_out.part,
        "num_train": num_train,
        "num_evaluated": len(held_out),
        **on_mesh(config.run.mesh),
        **facts,
        "students": {name: measure(seeds_m, actual_m) for name, seeds_m in by_student.items()},
    }
    write_json(workdir / "result.json", result)
    write_text(workdir / "predictions.csv", _predictions_csv(held_out, predicted_m))
    _draw(workdir, config, held_out, by_student, list(predicted_m))
    write_report(workdir, flatten(config), command=command)
    return result


def _draw(
    workdir: Path,
    config: ConfigDict,
    held_out: Fingerprints,
    by_student: Mapping[str, Sequence[np.ndarray]],
    seeds: Sequence[int],
) -> None:
    where = f"the {held_out.part} part of {config.target}"
    errors_m = {
        student: np.stack([error_m(predicted, held_out.position_m) for predicted in seeds_m])
        for student, seeds_m in by_student.items()
    }
    network = "" if set(by_student) <= set(WITHOUT_NETWORK) else f"network {config.network}, "
    setting = f"{network}recipe {config.recipe}"
    shown_seeds = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"
    title = f"Errors on {where}\n{setting}, {shown_seeds}"
    unit = unit_label(config.target)
    plot_cdf(workdir / "cdf.png", errors_m, with_unit(title, config.target), unit=unit)
    shown = [name for name in ("standalone", "distilled") if name in by_student] or list(by_student)
    plot_map(
        workdir / "map.png",
        held_out.position_m,
        {name: by_student[name][0] for name in shown},
        with_unit(
            f"True and predicted positions on {where}\n{setting}, seed {seeds[0]}", config.target
        ),
        floor=held_out.floor,
        unit=unit,
    )


def _predictions_csv(
    held_out: Fingerprints, predicted_m: Mapping[int, Mapping[str, np.ndarray]]
) -> str:
    frames = []
    for seed, predictions in predicted_m.items():
        columns: dict[str, Any] = {
            "seed": seed,
            "row": np.arange(len(held_out)),
            "x_m": held_out.position_m[:, 0],
            "y_m": held_out.position_m[:, 1],
        }
        if held_out.floor is not None:
            columns["floor"] = held_out.floor
        for student, predicted in predictions.items():
            columns[f"{student}_x_m"], columns[f"{student}_y_m"] = predicted.T
            columns[f"{student}_error_m"] = error_m(predicted, held_out.position_m)
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames).to_csv(index=False, float_format="%.4f")
