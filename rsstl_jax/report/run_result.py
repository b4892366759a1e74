"""What a run leaves of its students: figures, predictions, pictures."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from ml_collections import ConfigDict

from rsstl_jax.config.schema import flatten
from rsstl_jax.data import Fingerprints
from rsstl_jax.data.splits import position_numbers
from rsstl_jax.metrics import error_m, summarize, summarize_each
from rsstl_jax.report.html_report import write_report
from rsstl_jax.report.plots import plot_cdf, plot_map
from rsstl_jax.report.predicted import Predicted, mean_by_group, protocol_figures
from rsstl_jax.report.result_table import WITHOUT_NETWORK
from rsstl_jax.report.statistics import interval_over_positions
from rsstl_jax.store.files import write_json, write_text
from rsstl_jax.store.workdir import on_mesh

PERCENTILES = tuple(range(0, 101, 2))
"""Percentiles of the errors that result.json keeps: what an error distribution is drawn from."""

MAX_DRAWN = 8
"""Students in the pictures: of more, such as a search's points, those with the smallest errors."""

_log = logging.getLogger(__name__)


class Baseline(NamedTuple):
    """A method beside the students of a run: what it predicts, or None and `left_out`, why."""

    predicted: Predicted | None
    facts: Mapping[str, Any]


def measure(seeds: Sequence[Predicted], held_out: Fingerprints) -> dict[str, Any]:
    """The figures of one method in result.json, from what each seed predicts."""
    predicted_m, actual_m = [one.position_m for one in seeds], held_out.position_m
    errors_m = [error_m(predicted, actual_m) for predicted in predicted_m]
    figures: dict[str, Any] = dict(summarize_each(errors_m))
    protocols = [protocol_figures(one, held_out) for one in seeds]
    figures |= {name: [one[name] for one in protocols] for name in protocols[0]}
    figures["percentiles_m"] = np.percentile(errors_m, PERCENTILES, axis=1).T.round(3).tolist()
    if by_group := mean_by_group(errors_m, held_out):
        figures["mae_by_group_m"] = by_group
    places = position_numbers(held_out)[:, None]
    interval = interval_over_positions(np.mean(errors_m, axis=0), places)
    figures["mae_interval_over_positions_m"] = interval and list(interval)
    if len(errors_m) > 1:
        figures["mean_place"] = summarize(error_m(np.mean(predicted_m, axis=0), actual_m))
    return figures


def write_result(
    config: ConfigDict,
    held_out: Fingerprints,
    predicted: Mapping[int, Mapping[str, Predicted]],
    workdir: Path,
    *,
    num_train: int,
    command: str = "rsstl distill",
    baselines: Mapping[str, Baseline] | None = None,
    **facts: Any,  # what else result.json says of the run
) -> dict[str, Any]:
    """Measures the students of a run, {seed: {student: ...}}, and writes all that a run leaves."""
    _log.info("writing figures, pictures and report.html to %s", workdir)
    by_student = {
        student: [students[student] for students in predicted.values()]
        for student in next(iter(predicted.values()))
    }
    beside = baselines or {}
    result: dict[str, Any] = {
        "command": command,
        "target": config.target,
        "network": config.network,
        "recipe": config.recipe,
        "seeds": list(predicted),
        "part": held_out.part,
        "num_train": num_train,
        "num_evaluated": len(held_out),
        **on_mesh(config.run.mesh),
        **facts,
        "students": {name: measure(seeds, held_out) for name, seeds in by_student.items()},
    }
    if beside:
        result["baselines"] = {
            name: ({} if one.predicted is None else measure([one.predicted], held_out))
            | dict(one.facts)
            for name, one in beside.items()
        }
    located = {name: one.predicted for name, one in beside.items() if one.predicted is not None}
    every_seed = {seed: {**students, **located} for seed, students in predicted.items()}
    write_json(workdir / "result.json", result)
    write_text(workdir / "predictions.csv", _predictions_csv(held_out, every_seed))
    positions_m = {name: [one.position_m for one in seeds] for name, seeds in by_student.items()}
    _draw(workdir, config, held_out, positions_m, list(predicted))
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
    if len(errors_m) > MAX_DRAWN:
        title += f", the best {MAX_DRAWN} of {len(errors_m)} students"
        best = sorted(errors_m, key=lambda student: errors_m[student].mean())[:MAX_DRAWN]
        errors_m = {student: errors_m[student] for student in best}
    plot_cdf(workdir / "cdf.png", errors_m, title, dataset=config.target)
    usual = [name for name in ("standalone", "distilled") if name in by_student]
    shown = usual or list(errors_m)
    plot_map(
        workdir / "map.png",
        held_out.position_m,
        {name: by_student[name][0] for name in shown},
        f"True and predicted positions on {where}\n{setting}, seed {seeds[0]}",
        floor=held_out.floor,
        dataset=config.target,
    )


def _predictions_csv(
    held_out: Fingerprints, predicted: Mapping[int, Mapping[str, Predicted]]
) -> str:
    frames = []
    for seed, methods in predicted.items():
        columns: dict[str, Any] = {
            "seed": seed,
            "row": np.arange(len(held_out)),
            "x_m": held_out.position_m[:, 0],
            "y_m": held_out.position_m[:, 1],
        }
        columns |= {"floor": held_out.floor, "building": held_out.building, **held_out.groups()}
        for name, one in methods.items():
            columns[f"{name}_x_m"], columns[f"{name}_y_m"] = one.position_m.T
            columns[f"{name}_error_m"] = error_m(one.position_m, held_out.position_m)
            for label in ("floor", "building", "radius_m"):
                columns[f"{name}_{label}"] = getattr(one, label)
        # What a site or a method does not know is None.
        frames.append(pd.DataFrame(columns).dropna(axis="columns", how="all"))
    return pd.concat(frames).to_csv(index=False, float_format="%.4f")
