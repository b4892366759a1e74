"""Pictures of the benchmark: bars of what has names, lines of what has counts."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from rsstl_jax.report.plots import new_figure, save_figure, wrap_title

TITLES = {
    "step": "Time of a distilling step: the paper's DNN, 520 access points, batches of 128, "
    "two teachers, all terms",
    "networks": "Time of a training epoch of each network",
    "teachers": "Time of a distilling step under more and more teachers",
    "spectral": "The spectral term with its gradient (B = 128, D = 300): power iteration, full SVD",
    "supports": "Locating one fingerprint, against the size of the radio map",
}
"""The parts that have a picture."""

_BARS = {
    "step": ["milliseconds"],
    "networks": ["ours (s)", "PyTorch eager (s)", "torch.compile (s)"],
}
_AXES = {
    "teachers": "number of teachers",
    "iterations": "power iterations",
    "support": "fingerprints in the radio map",
}
_QUANTITIES = {
    "ms": "time (ms)",
    "us": "time for a fingerprint (µs)",
    "kB": "memory beside inputs and outputs (kB)",
    "MB": "memory of the radio map (MB)",
}
_LABELS = {
    "ours": "all teachers at once (vmap)",
    "agnostic": "site-agnostic network",
    "kNN, euclidean": "kNN, Euclidean",
    "kNN, braycurtis": "kNN, Bray-Curtis",
    "power": "power iteration",
    "SVD": "full SVD",
}


def plot_part(path: Path, frame: pd.DataFrame, part: str) -> None:
    """Draws a part: its first column against the others, one panel a unit."""
    if part in _BARS:
        figure = new_figure((7.2, 4.2))
        _bars(figure.add_subplot(), frame.set_index(frame.columns[0])[_BARS[part]])
    else:
        units: dict[str, list[str]] = {}
        for name in frame.columns[1:]:
            units.setdefault(_unit(name) or "ms", []).append(name)
        figure = new_figure((1.2 + 6 * len(units), 4.2))
        panels = figure.subplots(1, len(units), squeeze=False)[0]
        for axes, (unit, of_unit) in zip(panels, units.items(), strict=True):
            _lines(axes, frame, of_unit, unit)
    figure.suptitle(wrap_title(TITLES[part], 70 if len(figure.axes) == 1 else 120), fontsize=11)
    save_figure(figure, path)


def _unit(name: str) -> str:
    """What stands in brackets at the end of a column's name."""
    return name.rpartition("(")[2].rstrip(")") if name.endswith(")") else ""


def _lines(axes: Axes, frame: pd.DataFrame, names: Sequence[str], unit: str) -> None:
    first = frame.columns[0]
    low, high = float(frame[names].min().min()), float(frame[names].max().max())
    for name in names:
        label = name.removesuffix(f" ({unit})").removeprefix("gradient memory, ")
        axes.plot(frame[first], frame[name], "o-", label=_LABELS.get(label, label))
    axes.set(xlabel=_AXES[first], ylabel=_QUANTITIES[unit], xscale="log")
    axes.set_xticks(frame[first], [f"{value:,}" for value in frame[first]], minor=False)
    axes.tick_params(axis="x", which="minor", bottom=False)
    # Orders of magnitude need a logarithm; what is nearly flat should look so.
    if high > 4 * low:
        axes.set_yscale("log")
        subs = (1.0,) if high > 100 * low else (1.0, 2.0, 5.0)
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=12))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(0, 1.1 * high)
    if len(names) > 1:
        axes.legend()
    axes.grid(alpha=0.3)


def _bars(axes: Axes, bars: pd.DataFrame) -> None:
    bars.plot.barh(ax=axes, legend=len(bars.columns) > 1, width=0.7)
    for container in axes.containers:
        assert isinstance(container, BarContainer)
        axes.bar_label(container, fmt="{:.3g}", fontsize=9, padding=3)
    axes.margins(x=0.1)
    axes.invert_yaxis()
    axes.set_axisbelow(True)
    axes.set(xlabel="time (s)" if len(bars.columns) > 1 else "time of a step (ms)", ylabel="")
    axes.grid(axis="x", alpha=0.3)
