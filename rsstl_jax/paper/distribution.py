"""Figure 2 of the paper: the distribution of the errors, stand-alone and distilled."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rsstl_jax.report.plots import save_figure
from rsstl_jax.report.result_table import mean_and_spread

__all__ = ["distribution_frame", "plot_distribution", "render_distribution"]

_STUDENTS = {"standalone": ("stand-alone", "--"), "distilled": ("distilled", "-")}
_COLORS = ("#2d6fb0", "#d1762d", "#3a8f4d", "#8a4fa3", "#7a7a7a")


def distribution_frame(receipts: Iterable[Mapping[str, Any]], target: str) -> pd.DataFrame:
    """Percentiles of the errors on a target, means over the seeds."""
    found: dict[tuple[str, str], dict[int, Any]] = {}
    for receipt in receipts:
        result = receipt["result"]
        if receipt["row"] != "students" or receipt.get("label") or result["target"] != target:
            continue
        for student in _STUDENTS:
            figures = result.get(student, {})
            rows = zip(
                figures.get("percentiles_m", ()), figures.get("within_10_m", ()), strict=False
            )
            # A seed that was asked for again, among others, is in two receipts.
            found.setdefault((result["network"], student), {}).update(
                zip(result["seeds"], rows, strict=False)
            )
    lines = [
        {
            "network": network,
            "student": student,
            "seeds": len(rows),
            "percentile": percentile,
            "error_m": error_m,
            "within_10_m": [share for _, share in rows.values()],
        }
        for (network, student), rows in found.items()
        if rows
        for percentile, error_m in _mean_percentiles([of_seed for of_seed, _ in rows.values()])
    ]
    columns = ["network", "student", "seeds", "percentile", "error_m", "within_10_m"]
    return pd.DataFrame(lines, columns=columns)


def _mean_percentiles(of_seeds: list[list[float]]) -> list[tuple[float, float]]:
    means = np.mean(of_seeds, axis=0)
    return list(zip(np.linspace(0, 100, len(means)).tolist(), means.tolist(), strict=True))


def render_distribution(frame: pd.DataFrame) -> str:
    """The share of errors below 10 m, P(X < 10 m), in Markdown: mean ± sd over seeds, per cent."""
    lines = ["| student | seeds | P(X < 10 m), % |", "| --- | --- | --- |"]
    for (network, student), rows in frame.groupby(["network", "student"], sort=False):
        shares = [100 * share for share in rows["within_10_m"].iloc[0]]
        name = f"{network} {_STUDENTS[str(student)][0]}"
        lines.append(f"| {name} | {len(shares)} | {mean_and_spread(shares)} |")
    return "\n".join(lines)


def plot_distribution(path: str | Path, frame: pd.DataFrame, target: str) -> None:
    """Draws the distributions: a colour a network, dashed stand-alone, solid distilled."""
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    networks = list(dict.fromkeys(frame["network"]))
    for (network, student), rows in frame.groupby(["network", "student"], sort=False):
        label, style = _STUDENTS[str(student)]
        share = np.mean(rows["within_10_m"].iloc[0])
        axes.plot(
            rows["error_m"],
            rows["percentile"] / 100,
            style,
            color=_COLORS[networks.index(str(network)) % len(_COLORS)],
            label=f"{network} {label}, P(X < 10 m) = {share:.1%}",
        )
    axes.axvline(10, color="0.6", linewidth=0.8)
    largest = frame[frame["percentile"] <= 96]["error_m"].max()
    axes.set(
        xlim=(0, max(largest, 12.0)),
        ylim=(0, 1),
        xlabel="error (m)",
        ylabel="share of test fingerprints",
        title=f"errors on {target}, means over seeds",
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)
    save_figure(figure, path)
