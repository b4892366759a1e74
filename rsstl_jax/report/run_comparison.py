"""Runs of one target side by side: their errors, paired by fingerprint, and what may be said."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rsstl_jax.errors import ConfigError, DamagedError, DataError
from rsstl_jax.metrics import evaal_error_m
from rsstl_jax.report.result_table import PROTOCOLS, methods_of, student_label
from rsstl_jax.report.statistics import (
    FEWEST_PAIRS,
    adjust_p_values,
    interval_over_positions,
    paired_difference,
    verdict,
)
from rsstl_jax.store.files import read_json

PAIRED = {"floor_hit_rate": (100, "floor (points)"), "evaal_mae_m": (1, "EvAAL mean (m)")}
"""Means of a value of each fingerprint: the factor of their difference, and its column."""


class Method(NamedTuple):
    """One student or baseline of one run; a frame has a row a fingerprint and a column a seed."""

    label: str
    errors_m: pd.DataFrame
    paired: dict[str, pd.DataFrame]  # {figure of PAIRED: its values}
    protocols: dict[str, list[float]]  # {figure: its value in each seed}


class Run(NamedTuple):
    """What a finished run's folder says of its students."""

    workdir: str
    network: str
    target: str
    part: str  # in words: which part of which target
    places: np.ndarray  # float64[n, 2 to 4], positions, with floor and building where known
    methods: dict[str, Method]  # {student: what is known of it}
    baselines: tuple[str, ...]  # those of the students that were measured beside the run's

    @property
    def measured_on(self) -> str:
        """The part, its size and the digest of its positions, in words."""
        content = np.rint(self.places[:, :2] * 1e4).astype("<i8").tobytes()
        digest = hashlib.sha256(content).hexdigest()[:12]
        return f"{self.part} ({len(self.places)} fingerprints, digest {digest})"


def read_run(workdir: str | Path) -> Run:
    """Reads result.json and predictions.csv of a finished run of distill or baselines."""
    folder = Path(workdir)
    for name in ("result.json", "predictions.csv"):
        if not (folder / name).is_file():
            raise DataError(
                f"{folder / name} is not there; name the folder of a finished run of distill or "
                "baselines (a baseline of version 0.2.0 or earlier must be run again)"
            )
    result = read_json(folder / "result.json")
    try:
        table = pd.read_csv(folder / "predictions.csv")
        students = [n.removesuffix("_error_m") for n in map(str, table) if n.endswith("_error_m")]
        for student in students:
            table = table.assign(**_paired_values(table, student))
        by_seed: Any = table.pivot(index="row", columns="seed")  # noqa: PD010 (pivot_table averages)
        figures = methods_of(result)
        methods = {name: _method(by_seed, name, figures.get(name, {})) for name in students}
        labels = [name for name in ("x_m", "y_m", "floor", "building") if name in by_seed]
        places = np.column_stack([by_seed[name].iloc[:, 0] for name in labels]).astype(np.float64)
        complete = len(places) == result.get("num_evaluated", len(places)) and all(
            by_seed[name].eq(places[:, axis], axis="index").all(axis=None)
            for axis, name in enumerate(["x_m", "y_m"])
        )
        part = f"the {result['part']} part of {result['target']}"
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise DamagedError(f"{folder}: not the files of a run ({error!r})") from error
    finite = all(np.isfinite(method.errors_m).all(axis=None) for method in methods.values())
    if not (students and complete and finite):
        raise DamagedError(
            f"{folder}/predictions.csv is not what a run wrote: every seed must have the same "
            "fingerprints, as many as result.json says, and every error must be a number"
        )
    baselines = tuple(name for name in result.get("baselines", {}) if name in methods)
    network = str(result.get("network", ""))
    return Run(str(workdir), network, result["target"], part, places, methods, baselines)


def _method(by_seed: Any, student: str, figures: Mapping[str, Any]) -> Method:
    paired = {n: by_seed[f"{student}_{n}"] for n in PAIRED if f"{student}_{n}" in by_seed}
    protocols = {name: list(map(float, figures[name])) for name in PROTOCOLS if name in figures}
    return Method("", by_seed[f"{student}_error_m"].astype(np.float64), paired, protocols)


def _paired_values(table: pd.DataFrame, student: str) -> dict[str, Any]:
    """Columns with the figures of PAIRED of each fingerprint; none where no floors are known."""
    known = [name for name in ("floor", "building") if {name, f"{student}_{name}"} <= {*table}]
    if "floor" not in known:
        return {}
    off = {name: (table[f"{student}_{name}"] - table[name]).abs() for name in known}
    if any(values.isna().any() for values in off.values()):
        raise ValueError(f"a floor or building of {student} is empty")
    evaal_m = evaal_error_m(
        table[[f"{student}_x_m", f"{student}_y_m"]],
        table[["x_m", "y_m"]],
        floors_off=off["floor"],
        building_wrong=off.get("building", 0 * off["floor"]) > 0,
    )
    hit = (off["floor"] == 0).astype(np.float64)
    return {f"{student}_floor_hit_rate": hit, f"{student}_evaal_mae_m": evaal_m}


def choose_methods(runs: Sequence[Run], students: Sequence[str] = ()) -> list[Method]:
    """The students to compare, run by run; the first of them is the reference."""
    for run in runs[1:]:
        if run.measured_on != runs[0].measured_on:
            raise ConfigError(
                f"{run.workdir} was measured on {run.measured_on}, {runs[0].workdir} on "
                f"{runs[0].measured_on}; only errors on the same fingerprints can be compared"
            )
    for student in students:
        if not any(student in run.methods for run in runs):
            present = ", ".join(dict.fromkeys(name for run in runs for name in run.methods))
            raise ConfigError(f"--students has {student!r}; the runs have {present}")
    names = [Path(run.workdir).resolve().name for run in runs]
    unique = len(set(names)) == len(names)
    methods = []
    for run, name in zip(runs, names, strict=True):
        # Baselines that a run measured beside its students are compared where they are named.
        own = [name for name in run.methods if name not in run.baselines]
        chosen = [name for name in students or own if name in run.methods]
        if not chosen:
            raise ConfigError(
                f"{run.workdir} has none of --students={','.join(students)}; it has "
                f"{', '.join(run.methods)}"
            )
        methods += [
            run.methods[student]._replace(
                label=f"{name if unique else run.workdir}: {student_label(student, run.network)}"
            )
            for student in chosen
        ]
    if len(methods) < 2:
        raise ConfigError(
            f"there is nothing to compare {methods[0].label} with; name another workdir or student"
        )
    return methods


def compare_methods(methods: Sequence[Method], places: np.ndarray) -> list[dict[str, Any]]:
    """How each method but the first differs from the first, and the verdict."""
    reference, others = methods[0], methods[1:]
    num_positions = len(np.unique(places, axis=0))
    rows, by_seed = [], []
    for method in others:
        seeds = method.errors_m.columns.intersection(reference.errors_m.columns)
        errors_m = mean_difference(method.errors_m, reference.errors_m)
        interval = interval_over_positions(errors_m, places)
        row: dict[str, Any] = {
            "method": method.label,
            "reference": reference.label,
            "num_shared_seeds": len(seeds),
            "unit": "positions",
            "num_pairs": num_positions,
            "difference_m": float(errors_m.mean()),
            "interval_m": interval,
            "interval_over_positions_m": interval,
            "fraction_of_fingerprints_better": float((errors_m < 0).mean()),
            "verdict": "no significant difference",
        }
        if num_positions < FEWEST_PAIRS:
            row["verdict"] = "too few positions"
        elif interval and not interval[0] <= 0 <= interval[1]:
            row["verdict"] = "better" if interval[1] < 0 else "worse"
        # Seeds are the unit where the two share several that change one of them, else positions:
        # copies of kNN beside every seed are one method.
        by_training = [one.errors_m[seeds] for one in (method, reference)]
        if any(errors.nunique(axis=1).gt(1).any() for errors in by_training):
            found = paired_difference(*(errors.mean().tolist() for errors in by_training))
            by_seed.append((row, found))
            row |= {
                "unit": "seeds",
                "num_pairs": found.num_pairs,
                "difference_m": found.mean,
                "interval_m": [found.low, found.high],
                "p_value": found.p_value,
            }
        for name in [name for name in PAIRED if name in method.paired and name in reference.paired]:
            # Over positions: most floors depend on the radio map alone, whatever the seed.
            difference = mean_difference(method.paired[name], reference.paired[name])
            row[f"{name}_difference"] = float(difference.mean())
            row[f"{name}_interval"] = interval_over_positions(difference, places)
        rows.append(row)
    adjusted = adjust_p_values([found.p_value for _, found in by_seed])
    for (row, found), p in zip(by_seed, adjusted, strict=True):
        row |= {"adjusted_p_value": p, "verdict": verdict(found, p)}
    return rows


def mean_difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> np.ndarray:
    """float64[n]. Means over the seeds that both have, if these are several, else over all."""
    seeds = ours.columns.intersection(theirs.columns)
    if len(seeds) > 1:
        ours, theirs = ours[seeds], theirs[seeds]
    return np.asarray(ours.mean(axis=1) - theirs.mean(axis=1))
