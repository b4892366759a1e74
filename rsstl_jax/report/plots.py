"""The two pictures of a run: error distribution and plan."""

import io
import textwrap
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from rsstl_jax.store.files import write_bytes

__all__ = ["plot_cdf", "plot_map"]

_COLORS = {
    "standalone": "#d1762d",
    "distilled": "#2d6fb0",
    "agnostic": "#3d8c40",
    "mean": "#7a4fa3",
}
_LABELS = {
    "standalone": "stand-alone",
    "agnostic": "site-agnostic teachers",
    "mean": "teachers and stand-alone, averaged",
}


def plot_cdf(path: str | Path, errors_m: Mapping[str, np.ndarray], title: str) -> None:
    """Draws the empirical distribution of the errors of each student (the paper's Fig. 2)."""
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for student, errors in errors_m.items():
        pooled = np.ravel(errors)
        axes.ecdf(
            pooled,
            color=_COLORS.get(student),
            linestyle="--" if student == "standalone" else "-",
            label=f"{_LABELS.get(student, student)}, mean {pooled.mean():.2f} m",
        )
    largest = max(float(np.percentile(errors, 99)) for errors in errors_m.values())
    axes.set(
        xlim=(0, max(largest, 1e-3)),
        ylim=(0, 1),
        xlabel="error (m), up to the 99th percentile",
        ylabel="share of test fingerprints",
    )
    axes.set_title(textwrap.fill(title, 60), fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    save_figure(figure, path)


def plot_map(
    path: str | Path,
    actual_m: np.ndarray,
    predicted_m: Mapping[str, np.ndarray],
    title: str,
) -> None:
    """Draws true and predicted places on the plan, each pair joined by a line."""
    corner = actual_m.min(axis=0)
    size = float(np.clip(4000 / len(actual_m), 1.5, 12))
    width_m, height_m = np.maximum(np.ptp(actual_m, axis=0), 1.0)
    panel = 6.2 * float(np.clip(height_m / width_m, 0.3, 1.4))
    figure = Figure(figsize=(6.2 * len(predicted_m), panel + 1.4), layout="constrained")
    panels = figure.subplots(1, len(predicted_m), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (student, predicted) in zip(panels, predicted_m.items(), strict=True):
        true, guess = actual_m - corner, predicted - corner
        pairs = np.stack([true, guess], axis=1)
        axes.add_collection(LineCollection(list(pairs), colors="0.75", linewidths=0.4, zorder=1))
        axes.scatter(*true.T, s=size, color="black", zorder=2, label="true")
        axes.scatter(*guess.T, s=size, color=_COLORS.get(student), zorder=3, label="predicted")
        axes.set_title(_LABELS.get(student, student), fontsize=10)
        axes.set(xlabel="x (m)", ylabel="y (m)")
        axes.set_aspect("equal", adjustable="box")
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.12), ncols=2, markerscale=3, fontsize=8)
    figure.suptitle(textwrap.fill(title, 80), fontsize=10)
    save_figure(figure, path)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Writes a figure as PNG, whole or not at all."""
    FigureCanvasAgg(figure)
    png = io.BytesIO()
    figure.savefig(png, dpi=120, format="png")
    write_bytes(path, png.getvalue())
