"""Tables of methods on one target: means, differences paired by seed, verdicts."""

import math
from collections.abc import Hashable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rsstl_jax.errors import DataError
from rsstl_jax.report.plots import new_figure, save_figure, unit_label, wrap_title
from rsstl_jax.report.result_table import FIGURES, markdown_table, protocol_cells
from rsstl_jax.report.statistics import (
    PairedDifference,
    adjust_p_values,
    paired_difference,
    paired_t_difference,
    verdict,
)

_DIFFERENCE = ("difference_m", "difference_low_m", "difference_high_m", "t_low_m", "t_high_m")
# Rows that the paper does not have.
_NOT_PUBLISHED = ("noise", "untrained", "agnostic", "agnostic-share")


def compare(selected: pd.DataFrame, table: str) -> pd.DataFrame:
    """One line a method: its figures over the seeds, and its difference to its reference."""
    groups = {str(method): rows for method, rows in selected.groupby("method", sort=False)}
    differences = _paired_differences(groups)
    adjusted = adjust_p_values([found.p_value for found, _ in differences.values()])
    p_values = dict(zip(differences, adjusted, strict=True))
    lines = []
    for method, rows in groups.items():
        line = {"network": rows["network"].iloc[0], "method": method} | _figures(rows)
        line |= {"paper_m": _published(rows.iloc[0], table)}
        line |= dict.fromkeys((*_DIFFERENCE, "p", "verdict"), math.nan)
        if method in differences:
            found, by_t = differences[method]
            values = (found.mean, found.low, found.high, by_t.low, by_t.high)
            line |= dict(zip(_DIFFERENCE, values, strict=True))
            line |= {"p": p_values[method], "verdict": verdict(found, p_values[method])}
        lines.append(line)
    return pd.DataFrame(lines)


def _paired_differences(
    groups: Mapping[str, pd.DataFrame],
) -> dict[str, tuple[PairedDifference, PairedDifference]]:
    """{method: its difference to its reference over the seeds that both have, and that by t}."""
    mae_m = {method: rows.set_index("seed")["mae_m"] for method, rows in groups.items()}
    differences = {}
    for method, rows in groups.items():
        values, reference = mae_m[method], mae_m.get(rows["reference"].iloc[0], pd.Series())
        if common := [seed for seed in values.index if seed in reference.index]:
            pair = values[common].tolist(), reference[common].tolist()
            differences[method] = paired_difference(*pair), paired_t_difference(*pair)
    return differences


def _figures(rows: pd.DataFrame) -> dict[str, Any]:
    settings = rows["changed"].unique()
    changed = " or ".join(text or "none" for text in settings) if any(settings) else ""
    figures: dict[str, Any] = {"seeds": len(rows), "changed": changed}
    for name in (*FIGURES, "within_10_m"):
        values = rows[name].tolist()
        figures[name], figures[f"{name}_sd"] = np.mean(values), rows[name].std()
    # Each receipt has the interval of its own seeds' mean error.
    figures |= {name: rows[name].mean() for name in ("positions_low_m", "positions_high_m")}
    return figures | {"reference": rows["reference"].iloc[0]}


def _published(line: Any, table: str) -> float:
    if line["variant"] or (line["row"] in _NOT_PUBLISHED and line["student"] != "standalone"):
        return math.nan
    names = (line["target"], line["network"], line["student"])
    published = paper_figure(table, *names, share=line["share"])
    return math.nan if published is None else published


def paper_figure(
    table: str, target: str, network: str, student: str, *, share: float = 1.0
) -> float | None:
    """The mean error that the paper, with UTS among its sources, prints in one of its tables."""
    if table == "4":
        return _paper_figures().get((table, target, network, student, round(100 * share, 9)))
    # Tables 2 and 3 leave out what Table 1 has.
    own, first = (_paper_figures().get((t, target, network, student, 100.0)) for t in (table, "1"))
    return first if own is None else own


@cache
def _paper_figures() -> dict[tuple[Hashable, ...], float]:
    """{(table, target, network, student, per cent of the train part): mean error}."""
    frame = pd.read_csv(Path(__file__).parent / "published.csv", dtype={"table": str})
    return {tuple(names): mean_m for *names, mean_m in frame.itertuples(index=False)}


def render_comparison(compared: pd.DataFrame) -> str:
    """The table in Markdown."""
    return markdown_table([_cells(line) for line in compared.to_dict("records")])


def _cells(line: Mapping[Hashable, Any]) -> dict[str, str]:
    def shown(name: str) -> str:
        return "" if pd.isna(line[name]) else f"{line[name]:z.2f}"

    def interval(low: str, high: str) -> str:
        return f"[{shown(low)}, {shown(high)}]" if shown(low) else ""

    def spread(name: str) -> str:
        return " ± ".join(filter(None, (shown(name), shown(f"{name}_sd"))))

    difference = f"{shown('difference_m')} {interval('difference_low_m', 'difference_high_m')}"
    return {
        "method": line["method"],
        "seeds": str(line["seeds"]),
        FIGURES["mae_m"]: spread("mae_m"),
        "interval over test positions": interval("positions_low_m", "positions_high_m"),
        FIGURES["p75_m"]: spread("p75_m"),
        FIGURES["p95_m"]: spread("p95_m"),
        "difference, paired": difference.strip(),
        "its t-interval": interval("t_low_m", "t_high_m"),
        "verdict": "" if pd.isna(line["verdict"]) else line["verdict"],
        "the paper": shown("paper_m"),
        "changed settings": line["changed"],
    }


def render_protocols(lines: pd.DataFrame) -> str:
    """Each method's figures in Markdown, mean ± sd over its seeds."""
    rows = []
    for method, seeds in lines.groupby("method", sort=False):
        values = {name: seeds[name].dropna().tolist() for name in lines.columns[3:]}
        cells = protocol_cells({name: own for name, own in values.items() if own})
        rows.append({"method": str(method), "seeds": str(len(seeds))} | cells)
    return markdown_table(rows)


def insert_table(document: str, name: str, table: str) -> str:
    """Puts a table between the two marks that a document has for it."""
    begin, end = f"<!-- {name} -->\n", "<!-- end of table -->"
    head, opened, rest = document.partition(begin)
    held, closed, tail = rest.partition(end)
    # What stands between the marks of two tables is the page's own.
    if not (opened and closed) or "<!--" in held:
        raise DataError(f"--document has no mark {end} behind <!-- {name} -->")
    return f"{head}{begin}\n{table}\n\n{end}{tail}"


def plot_methods(
    path: str | Path, selected: pd.DataFrame, title: str, *, dataset: str = ""
) -> None:
    """Draws every seed's mean error, a line a method, each fraction on axes of its own."""
    shares: dict[Any, pd.DataFrame] = dict(iter(selected.groupby("share")))
    labels = selected.apply(_label, axis=1)
    heights = {label: height for height, label in enumerate(labels.unique())}
    figure = new_figure((4.4 + 3.6 * len(shares), 1.4 + 0.21 * len(heights)))
    panels = figure.subplots(1, len(shares), sharey=True, squeeze=False)[0]
    mark = "circle: one seed, bar: mean of seeds"
    for axes, (share, rows) in zip(panels, shares.items(), strict=True):
        for label, errors_m in rows.groupby(labels[rows.index])["mae_m"]:
            height = heights[label]
            axes.plot(errors_m, [height] * len(errors_m), "o", color="#2d6fb0", mfc="none", ms=5)
            axes.plot([errors_m.mean()], [height], "|", color="black", ms=10, mew=1.5)
        for label in heights.keys() - set(labels[rows.index]):
            # Of the axes' width: their range is that of the other rows.
            across = axes.get_yaxis_transform()
            axes.text(
                0.5,
                heights[label],
                "not trained",
                transform=across,
                ha="center",
                va="center",
                color="0.45",
                fontsize=8,
            )
        axes.set_xlabel(f"mean error ({unit_label(dataset)})\n{mark}", fontsize=9)
        if share != 1:
            axes.set_title(f"{100 * share:g} % of the training set", fontsize=9)
        axes.set_yticks(range(len(heights)), list(heights), fontsize=8)
        axes.set_ylim(len(heights) - 0.5, -0.5)
        axes.grid(alpha=0.3)
    # Of the figure, not of its axes: long labels leave these too little room.
    figure.suptitle(wrap_title(title, 80, dataset), fontsize=11)
    save_figure(figure, path)


def _label(line: Any) -> str:
    """A method without the fraction, which its panel says."""
    return str(line["method"]).replace(f", {100 * line['share']:g} %", "")
