"""Records of robustness as tables and as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import LogLocator, NullLocator

from rsstl_jax.report.corruption import AXES
from rsstl_jax.report.plots import (
    legend_label,
    new_figure,
    save_figure,
    unit_label,
    wrap_title,
)
from rsstl_jax.report.result_table import markdown_table, mean_and_spread
from rsstl_jax.report.robustness import Record
from rsstl_jax.report.statistics import adjust_p_values, mean_interval, paired_t_difference

_PANELS = {
    "mae_m": "mean error ({unit})",
    "floor_hit": "on the right floor",
    "within_radius": "within the radius",
}


def by_name(records: Sequence[Record]) -> dict[str, list[Record]]:
    """The records of each locator, in the order of the seeds."""
    names = dict.fromkeys(record.name for record in records)
    in_order = sorted(records, key=lambda record: -1 if record.seed is None else record.seed)
    return {name: [record for record in in_order if record.name == name] for name in names}


def render_robustness(shared: Mapping[str, Any], records: Sequence[Record], reference: str) -> str:
    """The tables of a file of records, as Markdown."""
    groups = by_name(records)
    site = f"{shared['dataset']}, {shared['part']} part, {shared['num_fingerprints']} fingerprints"
    draws = f"mean over {shared['num_draws']} draws"
    differences = _difference_rows(groups, reference)
    tables = {
        f"Mean error along each axis over the error without corruption ({site}, {draws})": (
            _rows(groups, "mae_m", relative=True)
        ),
        "Fraction on the right floor, mean along each axis": _rows(groups, "floor_hit"),
        "Fraction within the 90 % radius, mean along each axis": _rows(groups, "within_radius"),
        "Mean radius along each axis": _rows(groups, "radius_m"),
        f"What a corruption adds to the error, minus that of {reference}, paired by seed: "
        "difference [95 % t-interval], BCa interval": differences,
    }
    texts = [f"{title}:\n\n{markdown_table(rows)}" for title, rows in tables.items() if rows]
    compared = {reference, *(row["locator"] for row in differences)}
    if alone := [name for name in groups if name not in compared]:
        texts.append(
            f"Not compared with {reference}: {', '.join(alone)}, "
            "without two trainings whose seeds it has; --reference names another"
        )
    return "\n\n".join(texts)


def _rows(
    groups: Mapping[str, Sequence[Record]], figure: str, *, relative: bool = False
) -> list[dict[str, str]]:
    """A figure of each locator without corruption and along each axis."""
    rows = []
    for name, group in groups.items():
        known = [record.axes for record in group if figure in record.axes["lost"]]
        if not known:
            continue
        # Where nothing is lost nothing is corrupted.
        unchanged = [axes["lost"][figure][0] for axes in known]
        row = {"locator": name, "trainings": str(len(unchanged))}
        row["without"] = mean_and_spread(unchanged)
        for axis_name, axis in AXES.items():
            means = [axis.mean(axes[axis_name][figure]) for axes in known]
            if relative and not all(unchanged):  # kNN measured at the positions of its radio map.
                row[axis_name] = "-"
                continue
            if relative:
                means = [mean / none for mean, none in zip(means, unchanged, strict=True)]
            row[axis_name] = mean_and_spread(means)
        rows.append(row)
    return rows


def _difference_rows(
    groups: Mapping[str, Sequence[Record]], reference: str
) -> list[dict[str, str]]:
    """Differences to the reference in added error; p values are adjusted over the table."""
    rows, differences = [], []
    held = {record.seed: record for record in groups[reference]}
    for name, group in groups.items():
        # What has no seed, as kNN, is the same beside every seed.
        pairs = [(r, held.get(r.seed, held.get(None))) for r in group]
        pairs = [(record, other) for record, other in pairs if other is not None]
        if name == reference or len(pairs) < 2:
            continue
        for axis_name, axis in AXES.items():
            ours, theirs = (
                [axis.mean_added(record.axes[axis_name]["mae_m"]) for record in side]
                for side in zip(*pairs, strict=True)
            )
            found = paired_t_difference(ours, theirs)
            low, high = mean_interval([a - b for a, b in zip(ours, theirs, strict=True)])
            row = {"locator": name, "axis": axis_name, "pairs": str(len(pairs))}
            row["t"] = f"{found.mean:+z.3f} [{found.low:+z.3f}, {found.high:+z.3f}]"
            row["BCa"] = f"[{low:+z.3f}, {high:+z.3f}]"
            rows.append(row)
            differences.append(found)
    adjusted = adjust_p_values([found.p_value for found in differences])
    for row, found, p in zip(rows, differences, adjusted, strict=True):
        sensitive = "less sensitive" if found.mean < 0 else "more sensitive"
        row["p, adjusted"] = f"{p:.3f}"
        row["verdict"] = sensitive if p < 0.05 else "no significant difference"
    return rows


def plot_robustness(path: str | Path, shared: Mapping[str, Any], records: Sequence[Record]) -> None:
    """Draws every figure along every axis, with a band of a standard deviation over seeds."""
    groups = by_name(records)
    figures = {f: text for f, text in _PANELS.items() if any(f in r.axes["lost"] for r in records)}
    figure = new_figure((2.9 * len(AXES), 2.6 * len(figures) + 1.0))
    panels = figure.subplots(len(figures), len(AXES), sharey="row", sharex="col", squeeze=False)
    # Errors grow tenfold along one axis and by a hundredth along another.
    panels[0, 0].set_yscale("log")
    panels[0, 0].yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    panels[0, 0].yaxis.set_major_formatter("{x:g}")
    panels[0, 0].yaxis.set_minor_locator(NullLocator())
    unit = unit_label(shared["dataset"])
    for line, (name, text) in zip(panels, figures.items(), strict=True):
        line[0].set_ylabel(text.format(unit=unit))
        for axes, axis_name in zip(line, AXES, strict=True):
            _draw_panel(axes, groups, axis_name, name)
    for axes, axis in zip(panels[-1], AXES.values(), strict=True):
        axes.set_xlabel(axis.label, fontsize=9)
        if not np.isfinite(axis.strengths).all():
            names = ["all" if np.isinf(s) else f"{s:g}" for s in axis.strengths]
            axes.set_xticks(axis.coordinates, names)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=9)
    title = f"{shared['dataset']}, {shared['part']} part, under corruptions of its fingerprints"
    figure.suptitle(wrap_title(title, 160, shared["dataset"]), fontsize=11)
    save_figure(figure, path, dpi=80)


def _draw_panel(
    axes: Any, groups: Mapping[str, Sequence[Record]], axis_name: str, figure: str
) -> None:
    axis = AXES[axis_name]
    for number, (name, group) in enumerate(groups.items()):
        curves = [r.axes[axis_name][figure] for r in group if figure in r.axes[axis_name]]
        if not curves:
            continue
        mean, spread = np.mean(curves, axis=0), np.std(curves, axis=0)
        style = {"color": f"C{number}", "linestyle": ("-", "--", "-.", ":")[number % 4]}
        axes.plot(axis.coordinates, mean, label=legend_label(name), linewidth=1.6, **style)
        axes.fill_between(
            axis.coordinates, mean - spread, mean + spread, color=f"C{number}", alpha=0.2, lw=0
        )
    if figure == "within_radius":
        axes.axhline(0.9, color="0.4", linewidth=0.8)
    axes.grid(alpha=0.3)
