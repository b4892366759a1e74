"""Tables of methods on one target: means, differences paired by seed, verdicts."""

import math
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rsstl_jax.paper.published import paper_figure
from rsstl_jax.report.plots import save_figure
from rsstl_jax.report.result_table import FIGURES
from rsstl_jax.report.statistics import (
    PairedDifference,
    adjust_p_values,
    mean_interval,
    paired_difference,
    verdict,
)

__all__ = ["compare", "insert_table", "plot_methods", "render_comparison"]

_METHOD = ["network", "method"]


def compare(selected: pd.DataFrame, table: str) -> pd.DataFrame:
    """One line a method: its figures over the seeds, and its difference to what it is held
    against.
    """
    by_seed = {
        names: dict(zip(rows["seed"], rows["mae_m"], strict=True))
        for names, rows in selected.groupby(_METHOD, sort=False)
    }
    found: dict[Any, PairedDifference] = {}
    for (network, method), rows in selected.groupby(_METHOD, sort=False):
        reference = by_seed.get((network, rows["reference"].iloc[0]), {})
        own = by_seed[network, method]
        if common := [seed for seed in own if seed in reference]:
            pair = ([of[seed] for seed in common] for of in (own, reference))
            found[network, method] = paired_difference(*pair)
    adjusted = adjust_p_values([difference.p_value for difference in found.values()])
    p_values = dict(zip(found, adjusted, strict=True))
    lines = []
    for names, rows in selected.groupby(_METHOD, sort=False):
        first = rows.iloc[0]
        line: dict[str, Any] = dict(zip(_METHOD, names, strict=True)) | {"seeds": len(rows)}
        settings = rows["changed"].unique()
        line["changed"] = " or ".join(text or "none" for text in settings) if any(settings) else ""
        for figure in (*FIGURES, "within_10_m"):
            values = rows[figure].tolist()
            line[figure], line[f"{figure}_sd"] = np.mean(values), rows[figure].std()
            line[f"{figure}_low"], line[f"{figure}_high"] = mean_interval(values)
        # Each receipt has the interval of its own seeds' mean error.
        line |= {name: rows[name].mean() for name in ("positions_low_m", "positions_high_m")}
        line["reference"] = first["reference"]
        if names in found:
            line |= {
                "difference_m": found[names].mean,
                "difference_low_m": found[names].low,
                "difference_high_m": found[names].high,
                "p": p_values[names],
                "verdict": verdict(found[names], p_values[names]),
            }
        of_paper = None
        ours = ("noise", "untrained", "agnostic", "agnostic-share")
        alone = first["student"] == "standalone"
        if (alone or first["row"] not in ours) and not first["label"]:
            of_paper = paper_figure(
                table, first["target"], first["network"], first["student"], share=first["share"]
            )
        lines.append(line | {"paper_m": math.nan if of_paper is None else of_paper})
    columns = ["difference_m", "difference_low_m", "difference_high_m", "p", "verdict"]
    compared = pd.DataFrame(lines)
    return compared.reindex(columns=[*compared.columns, *(c for c in columns if c not in compared)])


def render_comparison(compared: pd.DataFrame) -> str:
    """The table in Markdown."""
    cells = [_cells(line) for line in compared.to_dict("records")]
    head = [name for name in cells[0] if any(row[name] for row in cells)]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(row[name] for name in head) + " |" for row in cells]
    return "\n".join(lines)


def _cells(line: Mapping[Hashable, Any]) -> dict[str, str]:
    def shown(name: str) -> str:
        # Adding 0 turns a rounded -0.00 into 0.00.
        return "" if pd.isna(line[name]) else f"{round(line[name], 2) + 0:.2f}"

    def interval(low: str, high: str) -> str:
        return f"[{shown(low)}, {shown(high)}]" if shown(low) else ""

    def spread(name: str) -> str:
        return " ± ".join(filter(None, (shown(name), shown(f"{name}_sd"))))

    difference = f"{shown('difference_m')} {interval('difference_low_m', 'difference_high_m')}"
    return {
        "method": f"{line['network']} {line['method']}".strip(),
        "seeds": str(line["seeds"]),
        FIGURES["mae_m"]: spread("mae_m"),
        "interval over seeds": interval("mae_m_low", "mae_m_high"),
        "interval over test positions": interval("positions_low_m", "positions_high_m"),
        FIGURES["p75_m"]: spread("p75_m"),
        FIGURES["p95_m"]: spread("p95_m"),
        "difference, paired": difference.strip(),
        "verdict": "" if pd.isna(line["verdict"]) else line["verdict"],
        "the paper": shown("paper_m"),
        "changed settings": line["changed"],
    }


def insert_table(document: str, name: str, table: str) -> str:
    """Puts a table in the place that a document keeps for it."""
    begin, end = f"<!-- table {name} -->\n", "<!-- end of table -->"
    head, found, rest = document.partition(begin)
    _, closed, tail = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the document has no place <!-- table {name} --> ... {end}")
    return f"{head}{begin}\n{table}\n\n{end}{tail}"


def plot_methods(path: str | Path, selected: pd.DataFrame, title: str) -> None:
    """Draws every seed's mean error, a line a method, each fraction on axes of its own."""
    panels = [list(of.groupby(_METHOD, sort=False)["mae_m"]) for _, of in selected.groupby("share")]
    heights = [len(groups) for groups in panels]
    size = (7.2, 0.8 + 0.6 * len(panels) + 0.28 * sum(heights))
    figure = Figure(figsize=size, layout="constrained")
    every = figure.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
    for axes, groups in zip(every, panels, strict=True):
        for height, (_, errors_m) in enumerate(groups):
            axes.plot(errors_m, [height] * len(errors_m), "o", color="#2d6fb0", alpha=0.6)
            axes.plot([errors_m.mean()], [height], "|", color="black", markersize=12)
        names = [" ".join(map(str, method)).strip() for method, _ in groups]
        axes.set_yticks(range(len(groups)), names)
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.grid(alpha=0.3)
    # Of the figure, not of its axes: long names leave these too little room.
    figure.suptitle(title, fontsize="large")
    figure.supxlabel("mean error (m) of each seed, and their mean", fontsize="medium")
    save_figure(figure, path)
