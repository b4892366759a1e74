"""The pictures of runs: distributions of errors, and positions on the plan."""

import io
import math
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image

from rsstl_jax.data.cards import CARDS
from rsstl_jax.store.files import writing

MAX_FLOORS = 6
"""Floors that `plot_map` draws, those with the most fingerprints."""


# The baseline is a broad line below the others, which may run along it.
_STYLES: dict[str, dict[str, Any]] = {
    "standalone": {"label": "baseline student", "color": "#d1762d", "lw": 3.2},
    "distilled": {"label": "distilled student", "color": "#2d6fb0", "ls": "--"},
    "agnostic": {"label": "site-agnostic teachers", "color": "#3d8c40", "ls": "-."},
    "mean": {"label": "mean of teachers and baseline student", "color": "#7a4fa3", "ls": ":"},
    "knn": {"label": "kNN"},
    "centroid": {"label": "centroid of access points"},
}


def _style(student: str) -> dict[str, Any]:
    return {"lw": 1.6} | _STYLES.get(student, {"label": student})


def raw_unit(dataset: str) -> str:
    """What a unit of a dataset's positions is where it is no metre on the ground; else empty."""
    card = CARDS.get(dataset)
    if card is None or card.coordinates == "metres":
        return ""
    return card.coordinates.replace(" deg", "°")


def unit_label(dataset: str) -> str:
    """The unit of a dataset's errors, as axes and legends write it."""
    return "raw units" if raw_unit(dataset) else "m"


def legend_label(text: str) -> str:
    """A label that a legend shows: Matplotlib leaves out those that begin with _."""
    return f"\u200b{text}" if text.startswith("_") else text


def plot_cdf(
    path: str | Path, errors_m: Mapping[str, np.ndarray], title: str, *, dataset: str = ""
) -> None:
    """Draws the empirical distribution of the errors of each student (the paper's Fig. 2)."""
    unit = unit_label(dataset)
    figure = new_figure((6.4, 4.4))
    axes = figure.add_subplot()
    for student, errors in errors_m.items():
        pooled, style = np.ravel(errors), _style(student)
        label = f"{style.pop('label')}, mean {pooled.mean():.2f} {unit}"
        axes.ecdf(pooled, label=label, **style)
    largest = max(float(np.percentile(errors, 99)) for errors in errors_m.values())
    axes.set(
        xlim=(0, max(largest, 1e-3)),
        ylim=(0, 1),
        xlabel=f"error ({unit}), up to the 99th percentile",
        ylabel="fraction of fingerprints with a smaller error",
    )
    axes.set_title(wrap_title(title, 60, dataset), fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    save_figure(figure, path)


def plot_comparison(
    path: str | Path,
    errors_m: Mapping[str, np.ndarray],
    differences_m: Mapping[str, np.ndarray],
    title: str,
    *,
    dataset: str = "",
) -> None:
    """Draws {method: its errors} and {method: its error minus the reference's} as distributions."""
    unit = unit_label(dataset)
    figure = new_figure((11.0, 4.8 + 0.2 * len(errors_m)))
    left, right = figure.subplots(1, 2)
    for number, (method, errors) in enumerate(errors_m.items()):
        style = {"color": f"C{number % 10}", "linestyle": ("-", "--", "-.", ":")[number % 4]}
        mean = f"{method}, mean {np.mean(errors):.2f} {unit}"
        left.ecdf(np.ravel(errors), label=legend_label(wrap_title(mean, 60)), **style)
        if method in differences_m:
            better = float((differences_m[method] < 0).mean())
            text = f"{method}, smaller error at {better:.0%}"
            right.ecdf(differences_m[method], label=legend_label(wrap_title(text, 60)), **style)
    largest = max(float(np.percentile(errors, 99)) for errors in errors_m.values())
    left.set(xlim=(0, max(largest, 1e-3)), xlabel=f"error ({unit}), up to the 99th percentile")
    left.set_ylabel("fraction of fingerprints with a smaller value")
    widest = max(float(np.percentile(np.abs(d), 98)) for d in differences_m.values())
    right.set(xlim=(-max(widest, 1e-3), max(widest, 1e-3)))
    right.set_xlabel(f"error minus the reference's at the same fingerprint ({unit})")
    right.axvline(0, color="0.4", linewidth=1)
    for axes in (left, right):
        axes.set_ylim(0, 1)
        axes.grid(alpha=0.3)
        # Below the curves, which would hide behind many long names.
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), fontsize=8)
    figure.suptitle(wrap_title(title, 100, dataset), fontsize=10)
    save_figure(figure, path)


def plot_map(
    path: str | Path,
    actual_m: np.ndarray,
    predicted_m: Mapping[str, np.ndarray],
    title: str,
    *,
    floor: np.ndarray | None = None,
    dataset: str = "",
) -> None:
    """Draws true and predicted positions in the site's coordinates, each pair joined by a line."""
    unit = unit_label(dataset)
    rows = _floors(floor, len(actual_m))
    low, high = plan_extent(actual_m)
    width = 4.2 if len(rows) > 1 else 5.4
    aspect = float(np.clip(np.divide(*(high - low)[::-1]), 0.3, 1.2))
    figure = new_figure(
        (width * len(predicted_m) + 0.5, (0.93 * width * aspect + 0.3) * len(rows) + 1.4),
    )
    panels = figure.subplots(len(rows), len(predicted_m), sharex=True, sharey=True, squeeze=False)
    for line, (floor_name, on_floor) in zip(panels, rows.items(), strict=True):
        for axes, (student, predicted) in zip(line, predicted_m.items(), strict=True):
            _draw_pairs(axes, actual_m[on_floor], predicted[on_floor], _style(student))
            outside = int(((predicted[on_floor] < low) | (predicted[on_floor] > high)).any(1).sum())
            note = f"{outside} predicted outside" if outside else ""
            parts = filter(None, (_style(student)["label"], floor_name, note))
            axes.set_title(", ".join(parts), fontsize=9)
    panels[0, 0].set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    for axes in panels[-1]:
        axes.set_xlabel(f"x ({unit}), in the site's coordinates", fontsize=8)
    for axes in panels[:, 0]:
        axes.set_ylabel(f"y ({unit})", fontsize=8)
    handles = {
        str(handle.get_label()): handle
        for axes in panels[0]
        for handle in axes.get_legend_handles_labels()[0]
    }
    figure.legend(
        handles=list(handles.values()),
        loc="outside lower center",
        ncols=2,
        markerscale=2,
        fontsize=8,
    )
    left_out = 0 if floor is None else len(np.unique(floor)) - len(rows)
    note = f"\n{left_out} floors with fewer fingerprints are left out" if left_out > 0 else ""
    figure.suptitle(wrap_title(title, 45 * len(predicted_m), dataset) + note, fontsize=10)
    save_figure(figure, path)


def plan_extent(actual_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corner of the true positions with a margin of a tenth of their extent."""
    low, high = actual_m.min(axis=0), actual_m.max(axis=0)
    margin = 0.1 * max(*(high - low), 1.0)
    return low - margin, high + margin


def _floors(floor: np.ndarray | None, num_rows: int) -> dict[str, np.ndarray]:
    """{name of a floor: which fingerprints are on it}, the upper floors first."""
    if floor is None or len(np.unique(floor)) == 1:
        return {"": np.ones(num_rows, bool)}
    floors, counts = np.unique(floor, return_counts=True)
    shown = floors[np.argsort(-counts, kind="stable")[:MAX_FLOORS]]
    return {f"true floor {name}": floor == name for name in sorted(shown, reverse=True)}


def _draw_pairs(
    axes: Axes, actual_m: np.ndarray, predicted_m: np.ndarray, style: dict[str, Any]
) -> None:
    size = float(np.clip(2000 / len(actual_m), 3, 14))
    pairs = np.stack([actual_m, predicted_m], axis=1)
    lines = LineCollection(list(pairs), colors="0.45", linewidths=size**0.5 / 4, zorder=1)
    lines.set_label("line from the true to the predicted position")
    axes.add_collection(lines)
    # The true positions lie above and are smaller: where there are many, both are seen.
    x_m, y_m = actual_m.T
    axes.scatter(x_m, y_m, s=0.5 * size, color="black", zorder=3, lw=0, label="true position")
    x_m, y_m = predicted_m.T
    label = f"predicted by the {style['label']}"
    axes.scatter(x_m, y_m, s=size, color=style.get("color"), zorder=2, lw=0, label=label)
    axes.set_aspect("equal", adjustable="box")
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=5)


def wrap_title(title: str, width: int, dataset: str = "") -> str:
    """A title in lines of similar length; the last says what a dataset's raw unit is."""
    unit, lines = raw_unit(dataset), []
    for line in [*title.splitlines(), *([f"raw unit: {unit}"] if unit else [])]:
        count = math.ceil(len(line) / width)
        longest = width if count <= 1 else math.ceil(len(line) / count) + 6
        lines.append(textwrap.fill(line, min(width, longest)))
    return "\n".join(lines)


def new_figure(size: tuple[float, float]) -> Figure:
    """An empty figure, inches wide and high."""
    return Figure(figsize=size, layout="constrained")


def save_figure(figure: Figure, path: str | Path, *, dpi: int = 100) -> None:
    """Writes a figure as PNG of 256 colours, whole or not at all."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi)
    # The few points of a small site keep their colours by this method alone.
    method, dither = Image.Quantize.MAXCOVERAGE, Image.Dither.NONE
    image = Image.open(drawn).convert("RGB").quantize(256, method, dither=dither)
    with writing(path) as file:
        image.save(file, "png", optimize=True)
