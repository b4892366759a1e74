"""A picture of each part of the benchmark: bars of what has names, lines of what has counts."""

from pathlib import Path

import pandas as pd
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
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    if pd.api.types.is_numeric_dtype(frame[first]):
        for name in values:
            axes.plot(frame[first], frame[name], "o-", label=name)
        axes.set(xlabel=first, xscale="log", yscale="log")
        axes.set_xticks(frame[first], [str(value) for value in frame[first]], minor=False)
        axes.legend()
    else:
        shown = values[0] if part in ("step", "networks") else None
        columns = [shown] if shown else values
        left = [0.0] * len(frame)
        for name in columns:
            axes.barh(frame[first], frame[name], left=left, label=name)
            left = [a + b for a, b in zip(left, frame[name], strict=True)]
        axes.invert_yaxis()
        axes.set_xlabel(", then ".join(columns))
    axes.set_title(f"{part}: {'milliseconds' if part == 'replicas' else ', '.join(values)}")
    axes.grid(alpha=0.3)
    save_figure(figure, path)
