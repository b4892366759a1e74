"""Results as text."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

FIGURES = {"mae_m": "mean (m)", "p75_m": "75th (m)", "p95_m": "95th (m)"}
"""What a table shows of a student, and its columns."""

_LABELS = {
    "standalone": "{network} baseline student",
    "distilled": "{network} distilled student",
    "agnostic": "site-agnostic teachers",
    "mean": "mean of teachers and {network} baseline student",
    "knn": "kNN, its settings chosen on held-out positions of train",
    "centroid": "power-weighted centroid of access points",
    "pretrained": "pretrained network, not trained at this site",
}

WITHOUT_NETWORK = ("agnostic", "centroid", "knn", "pretrained")
"""Students that have nothing to do with the configured network."""


def mean_and_spread(values: Sequence[float]) -> str:
    """Mean and standard deviation over seeds; one seed has no spread."""
    if not values:
        raise ValueError("values is empty; at least one seed is needed")
    mean = f"{statistics.fmean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.2f}"


def students_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """{student or baseline: its figures} of a result.json, also of version 0.1."""
    students = result.get("students")
    if isinstance(students, Mapping) and not _is_figures(students):
        return dict(students)
    # Version 0.1 kept the students beside the other fields.
    return {name: value for name, value in result.items() if _is_figures(value)}


def current_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result.json of any version with its students under their one key."""
    students = students_of(result)
    fields = {
        name: value
        for name, value in result.items()
        if name != "students" and not _is_figures(value)
    }
    return fields | {"students": students}


def _is_figures(value: Any) -> bool:
    # A list, for a student may be called mae_m.
    return isinstance(value, Mapping) and isinstance(value.get("mae_m"), list)


def student_label(student: str, network: str) -> str:
    """What a table or picture calls a student."""
    return _LABELS.get(student, f"{{network}} {student}").format(network=network).strip()


def result_title(result: Mapping[str, Any]) -> str:
    """What a result is of: sources, where it has any, target, recipe, part and seeds."""
    seeds = ", ".join(str(seed) for seed in result["seeds"])
    sources = " & ".join(result.get("sources", ()))
    return (
        f"{sources and f'{sources} -> '}{result['target']}, recipe {result['recipe']}, "
        f"{result['part']} part, seeds {seeds}"
    )


def render_result(result: Mapping[str, Any]) -> str:
    """A run's result.json as a Markdown table, mean ± sd over its seeds."""
    lines = [
        result_title(result),
        "",
        "| student | " + " | ".join(FIGURES.values()) + " |",
        "| --- |" + " --- |" * len(FIGURES),
    ]
    students = students_of(result)
    for student, figures in students.items():
        label = student_label(student, result["network"])
        cells = " | ".join(mean_and_spread(figures[figure]) for figure in FIGURES)
        lines.append(f"| {label} | {cells} |")
        # Site-agnostic teachers have no seed: each seed's figures are the same.
        if student != "agnostic" and (mean_position := figures.get("mean_place")):
            cells = " | ".join(f"{mean_position[figure]:.2f}" for figure in FIGURES)
            lines.append(f"| {label}, mean position of {len(result['seeds'])} seeds | {cells} |")
    if len(result["seeds"]) > 1 and {"standalone", "distilled"} <= students.keys():
        baseline, distilled = students["standalone"], students["distilled"]
        cells = " | ".join(
            mean_and_spread([d - s for d, s in zip(distilled[f], baseline[f], strict=True)])
            for f in FIGURES
        )
        lines.append(f"| difference, paired by seed | {cells} |")
    return "\n".join([*lines, *_baseline_lines(result)])


def _baseline_lines(result: Mapping[str, Any]) -> list[str]:
    """A row for each of run.baselines, and below the table why another one has none."""
    rows, left_out = [], []
    for name, figures in result.get("baselines", {}).items():
        label = student_label(name, result["network"])
        if reason := figures.get("left_out"):
            left_out += ["", f"No row for {name}: {reason}"]
        else:
            cells = " | ".join(mean_and_spread(figures[figure]) for figure in FIGURES)
            rows.append(f"| {label} | {cells} |")
    return rows + left_out
