"""A picture of each part of the benchmark: bars of what has names, lines of what has counts."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rsstl_jax.report.plots import save_figure

__all__ = ["plot_part"]


def plot_part(path: Path, frame: pd.DataFrame, part: str) -> None:
    """Draws a part: its first column against the others, one panel a unit."""
    if part == "replicas":
        frame = frame.pivot_table(
            index="replicas", columns="mode", values="milliseconds a step and replica"
        ).reset_index()
    first, *values = frame.columns
    values = [name for name in values if pd.api.types.is_numeric_dtype(frame[name])]
    if not pd.api.types.is_numeric_dtype(frame[first]):
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        axes = figure.add_subplot()
        _bars(axes, frame, values[:1] if part in ("step", "networks") else values)
    else:
        units: dict[str, list[str]] = {}
        for name in values:
            units.setdefault(_unit(name) or "milliseconds", []).append(name)
        figure = Figure(figsize=(1.2 + 6 * len(units), 4.2), layout="constrained")
        for index, (unit, of_unit) in enumerate(units.items()):
            _lines(figure.add_subplot(1, len(units), index + 1), frame, of_unit, unit)
    figure.suptitle(part)
    save_figure(figure, path)


def _unit(name: str) -> str:
    """What stands in brackets at the end of a column's name."""
    return name.rpartition("(")[2].rstrip(")") if name.endswith(")") else ""


def _lines(axes: Axes, frame: pd.DataFrame, names: Sequence[str], unit: str) -> None:
    first = frame.columns[0]
    # Not every line has a point everywhere.
    low, high = float(frame[names].min().min()), float(frame[names].max().max())
    for name in names:
        axes.plot(frame[first], frame[name], "o-", label=name.removesuffix(f" ({unit})"))
    axes.set(xlabel=first, ylabel=unit, xscale="log")
    axes.set_xticks(frame[first], [str(value) for value in frame[first]], minor=False)
    # Orders of magnitude need a logarithm; what is nearly flat should look so.
    if high > 4 * low:
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, 1.1 * high)
    axes.legend()
    axes.grid(alpha=0.3)


def _bars(axes: Axes, frame: pd.DataFrame, names: Sequence[str]) -> None:
    left = [0.0] * len(frame)
    for name in names:
        axes.barh(frame[frame.columns[0]], frame[name], left=left, label=name)
        left = [a + b for a, b in zip(left, frame[name], strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel(", then ".join(names))
    axes.grid(alpha=0.3)
