"""What a run leaves of its students: figures, predictions, pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ml_collections import ConfigDict

from rsstl_jax.config.rules import name_list
from rsstl_jax.data import Fingerprints
from rsstl_jax.metrics import error_m, summarize, summarize_each
from rsstl_jax.report.plots import plot_cdf, plot_map
from rsstl_jax.report.result_table import result_title
from rsstl_jax.report.statistics import interval_over_positions
from rsstl_jax.store.files import write_json, write_text

__all__ = ["PERCENTILES", "measure", "write_outcome"]

MAPPED = ("standalone", "distilled")
"""Students that map.png shows, where they were trained."""

PERCENTILES = tuple(range(0, 101, 2))
"""Percentiles of the errors that result.json keeps: what an error distribution is drawn from."""


def measure(predicted_m: Sequence[np.ndarray], actual_m: np.ndarray) -> dict[str, Any]:
    """What result.json says of the places that one method found."""
    errors_m = [error_m(of_seed, actual_m) for of_seed in predicted_m]
    figures: dict[str, Any] = dict(summarize_each(errors_m))
    figures["percentiles_m"] = np.percentile(errors_m, PERCENTILES, axis=1).T.round(3).tolist()
    interval = interval_over_positions(np.mean(errors_m, axis=0), actual_m)
    figures["mae_interval_over_positions_m"] = list(interval)
    if len(errors_m) > 1:
        figures["mean_place"] = summarize(error_m(np.mean(predicted_m, axis=0), actual_m))
    return figures


def write_outcome(
    config: ConfigDict,
    held_out: Fingerprints,
    predicted_m: Mapping[int, Mapping[str, np.ndarray]],
    workdir: Path,
    *,
    num_train: int,
    teachers: Mapping[str, Any],
    terms: Sequence[str] = (),
) -> dict[str, Any]:
    """Measures the students of a run and writes result.json, predictions.csv, cdf.png, map.png."""
    actual_m = held_out.position_m
    places_m = {
        student: np.stack([of_seed[student] for of_seed in predicted_m.values()])
        for student in next(iter(predicted_m.values()))
    }
    errors_m = {
        student: np.stack([error_m(of_seed, actual_m) for of_seed in places])
        for student, places in places_m.items()
    }
    result: dict[str, Any] = {
        "target": config.target,
        "sources": list(name_list(config.sources)),
        "network": config.network,
        "recipe": config.recipe,
        "seeds": list(config.seeds),
        "terms": list(terms),
        "part": held_out.part,
        "num_train": num_train,
        "num_evaluated": len(held_out),
    }
    for student, places in places_m.items():
        result[student] = measure(list(places), actual_m)
    result["teachers"] = dict(teachers)
    write_json(workdir / "result.json", result)
    write_text(workdir / "predictions.csv", _predictions(held_out, predicted_m, errors_m))
    title = result_title(result)
    plot_cdf(workdir / "cdf.png", errors_m, title)
    first, of_first = next(iter(predicted_m.items()))
    shown = {name: of_first[name] for name in MAPPED if name in of_first} or of_first
    plot_map(workdir / "map.png", actual_m, shown, f"{title}; shown: seed {first}")
    return result


def _predictions(
    held_out: Fingerprints,
    predicted_m: Mapping[int, Mapping[str, np.ndarray]],
    errors_m: Mapping[str, np.ndarray],
) -> str:
    frames = []
    for position, (seed, by_student) in enumerate(predicted_m.items()):
        columns: dict[str, Any] = {
            "seed": seed,
            "row": np.arange(len(held_out)),
            "x_m": held_out.position_m[:, 0],
            "y_m": held_out.position_m[:, 1],
        }
        for student, places in by_student.items():
            columns[f"{student}_x_m"], columns[f"{student}_y_m"] = places.T
            columns[f"{student}_error_m"] = errors_m[student][position]
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames).to_csv(index=False, float_format="%.4f")
