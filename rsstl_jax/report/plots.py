"""The pictures of runs: distributions of errors, and positions on the plan."""

import io
import math
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rsstl_jax.data.cards import CARDS
from rsstl_jax.store.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_FLOORS = 6
"""Floors that `plot_map` draws, those with the most fingerprints."""


class _Style(NamedTuple):
    label: str
    color: str | None = None
    line: str = "-"
    width: float = 1.6


# The baseline is a broad line below the others, which may run along it.
_STYLES = {
    "standalone": _Style("baseline student", "#d1762d", "-", 3.2),
    "distilled": _Style("distilled student", "#2d6fb0", "--"),
    "agnostic": _Style("site-agnostic teachers", "#3d8c40", "-."),
    "mean": _Style("mean of teachers and baseline student", "#7a4fa3", ":"),
    "knn": _Style("kNN"),
    "centroid": _Style("centroid of access points"),
}


def _style(student: str) -> _Style:
    return _STYLES.get(student, _Style(student))


def raw_unit(dataset: str) -> str:
    """What a unit of a dataset's positions is where it is no metre on the ground; else empty."""
    card = CARDS.get(dataset)
    if card is None or card.coordinates == "metres":
        return ""
    return card.coordinates.replace(" deg", "°")


def unit_label(dataset: str) -> str:
    """The unit of a dataset's errors, as axes and legends write it."""
    return "raw units" if raw_unit(dataset) else "m"


def with_unit(title: str, dataset: str) -> str:
    """A title that says what a raw unit is, where the dataset has one."""
    unit = raw_unit(dataset)
    return f"{title}\nraw unit: {unit}" if unit else title


def plot_cdf(
    path: str | Path, errors_m: Mapping[str, np.ndarray], title: str, *, unit: str = "m"
) -> None:
    """Draws the empirical distribution of the errors of each student (the paper's Fig. 2)."""
    figure = new_figure((6.4, 4.4))
    axes = figure.add_subplot()
    for student, errors in errors_m.items():
        pooled, style = np.ravel(errors), _style(student)
        axes.ecdf(
            pooled,
            color=style.color,
            linestyle=style.line,
            linewidth=style.width,
            label=f"{style.label}, mean {pooled.mean():.2f} {unit}",
        )
    largest = max(float(np.percentile(errors, 99)) for errors in errors_m.values())
    axes.set(
        xlim=(0, max(largest, 1e-3)),
        ylim=(0, 1),
        xlabel=f"error ({unit}), up to the 99th percentile",
        ylabel="fraction of fingerprints with a smaller error",
    )
    axes.set_title(wrap_title(title, 60), fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    save_figure(figure, path)


def plot_comparison(
    path: str | Path,
    errors_m: Mapping[str, np.ndarray],
    differences_m: Mapping[str, np.ndarray],
    title: str,
) -> None:
    """Draws {method: its errors} and {method: its error minus the reference's} as distributions."""
    figure = new_figure((11.0, 4.8 + 0.2 * len(errors_m)))
    left, right = figure.subplots(1, 2)
    for number, (method, errors) in enumerate(errors_m.items()):
        style = {"color": f"C{number % 10}", "linestyle": ("-", "--", "-.", ":")[number % 4]}
        mean = f"{method}, mean {np.mean(errors):.2f} m"
        left.ecdf(np.ravel(errors), label=wrap_title(mean, 60), **style)
        if method in differences_m:
            better = float((differences_m[method] < 0).mean())
            text = f"{method}, smaller error at {better:.0%}"
            right.ecdf(differences_m[method], label=wrap_title(text, 60), **style)
    largest = max(float(np.percentile(errors, 99)) for errors in errors_m.values())
    left.set(xlim=(0, max(largest, 1e-3)), xlabel="error (m), up to the 99th percentile")
    left.set_ylabel("fraction of fingerprints with a smaller value")
    widest = max(float(np.percentile(np.abs(d), 98)) for d in differences_m.values())
    right.set(xlim=(-max(widest, 1e-3), max(widest, 1e-3)))
    right.set_xlabel("error minus the reference's at the same fingerprint (m)")
    right.axvline(0, color="0.4", linewidth=1)
    for axes in (left, right):
        axes.set_ylim(0, 1)
        axes.grid(alpha=0.3)
        # Below the curves, which would hide behind many long names.
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), fontsize=8)
    figure.suptitle(wrap_title(title, 100), fontsize=10)
    save_figure(figure, path)


def plot_map(
    path: str | Path,
    actual_m: np.ndarray,
    predicted_m: Mapping[str, np.ndarray],
    title: str,
    *,
    floor: np.ndarray | None = None,
    unit: str = "m",
) -> None:
    """Draws true and predicted positions in the site's coordinates, each pair joined by a line."""
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
            parts = filter(None, (_style(student).label, floor_name, note))
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
    figure.suptitle(wrap_title(title, 45 * len(predicted_m)) + note, fontsize=10)
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


def _draw_pairs(axes: "Axes", actual_m: np.ndarray, predicted_m: np.ndarray, style: _Style) -> None:
    from matplotlib.collections import LineCollection

    size = float(np.clip(2000 / len(actual_m), 3, 14))
    pairs = np.stack([actual_m, predicted_m], axis=1)
    lines = LineCollection(list(pairs), colors="0.45", linewidths=size**0.5 / 4, zorder=1)
    lines.set_label("line from the true to the predicted position")
    axes.add_collection(lines)
    # The true positions lie above and are smaller: where there are many, both are seen.
    x_m, y_m = actual_m.T
    axes.scatter(x_m, y_m, s=0.5 * size, color="black", zorder=3, lw=0, label="true position")
    x_m, y_m = predicted_m.T
    label = f"predicted by the {style.label}"
    axes.scatter(x_m, y_m, s=size, color=style.color, zorder=2, lw=0, label=label)
    axes.set_aspect("equal", adjustable="box")
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=5)


def wrap_title(title: str, width: int) -> str:
    """A title in lines of similar length, so that no word stands alone in the last one."""
    lines = []
    for line in title.splitlines():
        count = math.ceil(len(line) / width)
        longest = width if count <= 1 else math.ceil(len(line) / count) + 6
        lines += textwrap.wrap(line, min(width, longest)) or [""]
    return "\n".join(lines)


def new_figure(size: tuple[float, float]) -> "Figure":
    """An empty figure, inches wide and high."""
    # Matplotlib takes half a second to load.
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def save_figure(figure: "Figure", path: str | Path, *, dpi: int = 100) -> None:
    """Writes a figure as PNG of few colours, whole or not at all."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(dpi)
    canvas.draw()
    pixels: Any = np.asarray(canvas.buffer_rgba())[..., :3]
    palette = Image.new("P", (1, 1))
    palette.putpalette(_main_colors(pixels).ravel().tolist())
    image = Image.fromarray(pixels).quantize(palette=palette, dither=Image.Dither.NONE)
    png = io.BytesIO()
    image.save(png, "png", optimize=True)
    write_bytes(path, png.getvalue())


def _main_colors(pixels: np.ndarray) -> np.ndarray:
    """uint8[at most 256, 3]. The most frequent colours, without shades close to them."""
    # One number a colour: NumPy sorts rows some sixty times as slowly, most of a drawing.
    codes, counts = np.unique(pixels.astype(int) @ [1 << 16, 1 << 8, 1], return_counts=True)
    codes = codes[np.argsort(-counts, kind="stable")]
    colors = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8)
    chosen: list[np.ndarray] = []
    while len(colors) and len(chosen) < 256:
        chosen.append(colors[0])
        distance = np.abs(colors.astype(int) - colors[0]).max(axis=1)
        colors = colors[distance > 24]
    return np.stack(chosen)
