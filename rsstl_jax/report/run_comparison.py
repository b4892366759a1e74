"""Runs of one target side by side: their errors, paired by fingerprint, and what may be said."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rsstl_jax.errors import ConfigError, DamagedError, DataError
from rsstl_jax.report.result_table import mean_and_spread, student_label
from rsstl_jax.report.statistics import (
    FEWEST_PAIRS,
    PairedDifference,
    adjust_p_values,
    interval_over_positions,
    paired_difference,
    verdict,
)
from rsstl_jax.store.files import read_json

_ERROR = "_error_m"


class Run(NamedTuple):
    """What a finished run's folder says of its students."""

    workdir: str
    network: str
    part: str  # in words: which part of which target
    positions_m: np.ndarray  # float64[n, 2], where each fingerprint was taken
    errors_m: dict[str, dict[int, np.ndarray]]  # {student: {seed: float64[n]}}
    baselines: tuple[str, ...] = ()  # those of the students that were measured beside the run's

    @property
    def measured_on(self) -> str:
        """The part, its size and the digest of its positions, in words."""
        content = np.rint(self.positions_m * 1e4).astype("<i8").tobytes()
        digest = hashlib.sha256(content).hexdigest()[:12]
        return f"{self.part} ({len(self.positions_m)} fingerprints, digest {digest})"


class Method(NamedTuple):
    """One student of one run."""

    label: str
    errors_m: dict[int, np.ndarray]  # {seed: float64[n]}

    @property
    def mean_errors_m(self) -> np.ndarray:
        """float64[n]. Of each fingerprint the mean over the seeds."""
        return np.mean(list(self.errors_m.values()), axis=0)


def read_run(workdir: str | Path) -> Run:
    """Reads result.json and predictions.csv of a finished run of distill or baselines."""
    folder = Path(workdir)
    for name in ("result.json", "predictions.csv"):
        if not (folder / name).is_file():
            raise DataError(
                f"{folder / name} is not there; name the folder of a finished run of distill or "
                "baselines (a baseline of version 0.2.0 or earlier must be run again)"
            )
    result, file = read_json(folder / "result.json"), folder / "predictions.csv"
    try:
        part = f"the {result['part']} part of {result['target']}"
        whole = file.read_bytes().endswith(b"\n")
        table = pd.read_csv(file).set_index("seed")
        frames = {int(seed): table.loc[[seed]] for seed in table.index.unique()}
        positions_m = next(iter(frames.values()))[["x_m", "y_m"]].to_numpy(np.float64)
        students = [name.removesuffix(_ERROR) for name in map(str, table) if name.endswith(_ERROR)]
        errors_m = {
            student: {
                seed: frame[student + _ERROR].to_numpy(np.float64) for seed, frame in frames.items()
            }
            for student in students
        }
        same = all(np.array_equal(f[["x_m", "y_m"]], positions_m) for f in frames.values())
        number = result.get("num_evaluated", len(positions_m))
        same = same and whole and len(positions_m) == number
        finite = all(np.isfinite(e).all() for own in errors_m.values() for e in own.values())
    except (KeyError, ValueError, TypeError, StopIteration) as error:
        raise DamagedError(f"{folder}: not the files of a run ({error!r})") from error
    if not (students and same and finite):
        raise DamagedError(
            f"{file} is not what a run wrote: every seed must have the same fingerprints, as many "
            "as result.json says, and every error must be a number"
        )
    baselines = tuple(name for name in result.get("baselines", {}) if name in errors_m)
    network = str(result.get("network", ""))
    return Run(str(workdir), network, part, positions_m, errors_m, baselines)


def choose_methods(runs: Sequence[Run], students: Sequence[str] = ()) -> list[Method]:
    """The students to compare, run by run; the first of them is the reference.

    Baselines that a run measured beside its students are compared where `students` names them.
    """
    folders = [Path(run.workdir).resolve() for run in runs]
    if len(set(folders)) < len(folders):
        twice = next(folder for folder in folders if folders.count(folder) > 1)
        raise ConfigError(f"--workdirs names {twice} twice; name each folder once")
    for run in runs[1:]:
        if run.measured_on != runs[0].measured_on:
            raise ConfigError(
                f"{run.workdir} was measured on {run.measured_on}, {runs[0].workdir} on "
                f"{runs[0].measured_on}; only errors on the same fingerprints can be compared"
            )
    for student in students:
        if not any(student in run.errors_m for run in runs):
            present = ", ".join(dict.fromkeys(name for run in runs for name in run.errors_m))
            raise ConfigError(f"--students has {student!r}; the runs have {present}")
    names = [folder.name for folder in folders]
    unique = len(set(names)) == len(names)
    methods = []
    for run, name in zip(runs, names, strict=True):
        own = [name for name in run.errors_m if name not in run.baselines]
        chosen = [name for name in students or own if name in run.errors_m]
        if not chosen:
            raise ConfigError(
                f"{run.workdir} has none of --students={','.join(students)}; it has "
                f"{', '.join(run.errors_m)}"
            )
        methods += [
            Method(
                f"{name if unique else run.workdir}: {student_label(student, run.network)}",
                run.errors_m[student],
            )
            for student in chosen
        ]
    if len(methods) < 2:
        raise ConfigError(
            f"there is nothing to compare {methods[0].label} with; name another workdir or student"
        )
    return methods


def compare_methods(methods: Sequence[Method], positions_m: np.ndarray) -> list[dict[str, Any]]:
    """How each method but the first differs from the first, and the verdict.

    Seeds are the unit where the two share more than one, else test positions.
    """
    reference, others = methods[0], methods[1:]
    num_positions = len(np.unique(positions_m, axis=0))
    rows, by_seed = [], {}
    for number, method in enumerate(others):
        errors_m = method.mean_errors_m - reference.mean_errors_m
        seeds = [seed for seed in method.errors_m if seed in reference.errors_m]
        at_positions = interval_over_positions(errors_m, positions_m)
        row: dict[str, Any] = {
            "method": method.label,
            "reference": reference.label,
            "unit": "positions",
            "num_pairs": num_positions,
            "difference_m": float(errors_m.mean()),
            "interval_m": list(at_positions),
            "interval_over_positions_m": list(at_positions),
            "fraction_of_fingerprints_better": float((errors_m < 0).mean()),
        }
        if len(seeds) > 1:
            means_m = [[float(m.errors_m[s].mean()) for s in seeds] for m in (method, reference)]
            found = by_seed[number] = paired_difference(*means_m)
            row |= {
                "unit": "seeds",
                "num_pairs": found.num_pairs,
                "difference_m": found.mean,
                "interval_m": [found.low, found.high],
                "p_value": found.p_value,
            }
        rows.append(row)
    adjusted = adjust_p_values([found.p_value for found in by_seed.values()])
    adjusted_p = dict(zip(by_seed, adjusted, strict=True))
    for number, row in enumerate(rows):
        row["verdict"] = _verdict(row, by_seed.get(number), adjusted_p.get(number))
    return rows


def _verdict(row: dict[str, Any], found: PairedDifference | None, p: float | None) -> str:
    if found is not None and p is not None:
        row["adjusted_p_value"] = p
        return verdict(found, p)
    low, high = row["interval_m"]
    if low <= 0 <= high:
        return "no significant difference"
    return "better" if high < 0 else "worse"


def render_comparison_of_runs(
    part: str, methods: Sequence[Method], rows: Sequence[dict[str, Any]]
) -> str:
    """A Markdown table of the methods, and a sentence on each difference."""
    lines = [
        f"Errors on {part}",
        "",
        "| method | seeds | mean (m) | difference (m) | 95 % interval | pairs | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for method, row in zip(methods, [None, *rows], strict=True):
        mean = mean_and_spread([float(errors.mean()) for errors in method.errors_m.values()])
        cells = ["reference", "", "", ""]
        if row is not None:
            cells = [
                f"{row['difference_m']:+.2f}",
                _interval(row["interval_m"]),
                f"{row['num_pairs']} {row['unit']}",
                row["verdict"],
            ]
        seeds = ", ".join(map(str, method.errors_m))
        lines.append(f"| {method.label} | {seeds} | {mean} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *map(_sentence, rows)])


def _sentence(row: dict[str, Any]) -> str:
    interval = f"95 % interval {_interval(row['interval_m'])}"
    subject = f"{row['method']}, compared with {row['reference']}"
    if row["unit"] == "positions":
        return (
            f"{subject}: {row['verdict']}. The difference is {row['difference_m']:+.2f} m "
            f"({interval} over {row['num_pairs']} test positions). This holds for these students "
            "as they are; other seeds may differ."
        )
    over_seeds = f"{row['difference_m']:+.2f} m ({interval} over {row['num_pairs']} seeds"
    at_positions = f"over test positions {_interval(row['interval_over_positions_m'])}"
    if row["num_pairs"] < FEWEST_PAIRS:
        return (
            f"{subject}: the difference is {over_seeds}; {at_positions}). No verdict on the seeds: "
            f"it takes at least {FEWEST_PAIRS} of them."
        )
    return (
        f"{subject}: {row['verdict']}. The difference is {over_seeds}, p {row['p_value']:.2g}; "
        f"{at_positions})."
    )


def _interval(ends: Sequence[float]) -> str:
    return f"[{ends[0]:+.2f}, {ends[1]:+.2f}]"
