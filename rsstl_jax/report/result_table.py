"""Results as text."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["FIGURES", "is_figures", "mean_and_spread", "render_result", "result_title"]

FIGURES = {"mae_m": "mean (m)", "p75_m": "75th (m)", "p95_m": "95th (m)"}
"""What a table shows of a student, and its columns."""

_LABELS = {
    "standalone": "{network} stand-alone",
    "agnostic": "site-agnostic teachers",
    "mean": "mean of teachers and {network} stand-alone",
}


def mean_and_spread(values: Sequence[float]) -> str:
    """Mean and standard deviation over seeds; one seed has no spread."""
    if not values:
        raise ValueError("values is empty; at least one seed is needed")
    mean = f"{statistics.fmean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.2f}"


def is_figures(value: Any) -> bool:
    """Whether an entry of result.json holds the figures of a method."""
    return isinstance(value, Mapping) and "mae_m" in value


def result_title(result: Mapping[str, Any]) -> str:
    """What a result is of: sources, target, recipe, part and seeds."""
    seeds = ", ".join(str(seed) for seed in result["seeds"])
    return (
        f"{' & '.join(result['sources'])} -> {result['target']}, recipe {result['recipe']}, "
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
    for student, figures in result.items():
        if not is_figures(figures):
            continue
        label = _LABELS.get(student, f"{result['network']} {student}")
        label = label.format(network=result["network"])
        cells = " | ".join(mean_and_spread(figures[figure]) for figure in FIGURES)
        lines.append(f"| {label} | {cells} |")
        # What has no seed of its own is the same for all of them.
        if student != "agnostic" and (mean_place := figures.get("mean_place")):
            cells = " | ".join(f"{mean_place[figure]:.2f}" for figure in FIGURES)
            lines.append(f"| {label}, mean place of {len(result['seeds'])} seeds | {cells} |")
    if len(result["seeds"]) > 1 and {"standalone", "distilled"} <= result.keys():
        pairs = {
            figure: zip(result["distilled"][figure], result["standalone"][figure], strict=True)
            for figure in FIGURES
        }
        cells = " | ".join(mean_and_spread([d - s for d, s in pairs[f]]) for f in FIGURES)
        lines.append(f"| difference, paired by seed | {cells} |")
    return "\n".join(lines)
