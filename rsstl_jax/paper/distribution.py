"""Figure 2 of the paper: the distribution of the errors of baseline and distilled students."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rsstl_jax.report.plots import new_figure, save_figure, unit_label, wrap_title
from rsstl_jax.report.result_table import markdown_table, mean_and_spread, student_label

# The last percentile drawn: the few largest errors would press all others to the left.
_LAST = 96
# The baseline is a broad line below the other, which may run along it.
_LINES: dict[str, dict[str, Any]] = {
    "standalone": {"linestyle": "-", "linewidth": 3.4},
    "distilled": {"linestyle": "--", "linewidth": 1.6},
}
# Of each network: baseline, distilled.
_COLORS = (
    {"standalone": "#e8a463", "distilled": "#1f4e8c"},
    {"standalone": "#9bcf8e", "distilled": "#1d6b34"},
    {"standalone": "#c9a9dd", "distilled": "#5c2a80"},
    {"standalone": "#c0c0c0", "distilled": "#303030"},
    {"standalone": "#f2a3ad", "distilled": "#a01f30"},
)


def distribution_frame(frame: pd.DataFrame, target: str) -> pd.DataFrame:
    """Percentiles of the errors on a target, means over the seeds; empty where none are known."""
    if "percentiles_m" not in frame:
        return pd.DataFrame()
    wanted = {"target": [target], "row": ["students"], "variant": [""], "student": list(_LINES)}
    students = frame[frame[list(wanted)].isin(wanted).all(axis="columns")]
    parts = []
    for (network, student), seeds in students.groupby(["network", "student"], sort=False):
        known = seeds.dropna(subset="percentiles_m")
        if not known.empty:
            error_m = np.mean(known["percentiles_m"].tolist(), axis=0)
            part: dict[str, Any] = {"network": network, "student": student, "seeds": len(known)}
            part |= {"percentile": np.linspace(0, 100, len(error_m)), "error_m": error_m}
            part["within_10_m"] = [known["within_10_m"].tolist()] * len(error_m)
            parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def render_distribution(frame: pd.DataFrame) -> str:
    """The fraction of errors below 10 m, P(X < 10 m), in Markdown: mean ± sd over seeds, %."""
    rows = []
    for (network, student), lines in frame.groupby(["network", "student"], sort=False):
        percent = [100 * within for within in lines["within_10_m"].iloc[0]]
        rows.append(
            {
                "student": student_label(str(student), str(network)),
                "seeds": str(len(percent)),
                "P(X < 10 m), %": mean_and_spread(percent),
            }
        )
    return markdown_table(rows)


def plot_distribution(
    path: str | Path, frame: pd.DataFrame, title: str, *, dataset: str = ""
) -> None:
    """Draws the distributions: two colours a network, the baseline broad, the other dashed."""
    figure, unit = new_figure((6.4, 4.4)), unit_label(dataset)
    axes = figure.add_subplot()
    networks = list(dict.fromkeys(frame["network"]))
    for (network, student), lines in frame.groupby(["network", "student"], sort=False):
        within = np.mean(lines["within_10_m"].iloc[0])
        axes.plot(
            lines["error_m"],
            lines["percentile"] / 100,
            color=_COLORS[networks.index(str(network)) % len(_COLORS)][str(student)],
            label=f"{student_label(str(student), str(network))}, {within:.1%} below 10 {unit}",
            **_LINES[str(student)],
        )
    axes.axvline(10, color="0.4", linewidth=0.9, linestyle=":")
    largest = max(frame[frame["percentile"] <= _LAST]["error_m"].max(), 12.0)
    axes.annotate(
        f"10 {unit}", (10, 0.03), (4, 0), textcoords="offset points", color="0.3", fontsize=9
    )
    axes.set(
        xlim=(0, largest),
        ylim=(0, 1),
        xlabel=f"error ({unit}), up to the {_LAST}th percentile",
        ylabel="fraction of fingerprints with a smaller error",
    )
    axes.set_title(wrap_title(title, 64, dataset), fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(loc="center right", fontsize=8)
    save_figure(figure, path)
