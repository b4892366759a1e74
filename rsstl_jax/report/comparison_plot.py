"""The picture of a comparison: the distribution of each method's errors, and paired differences."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rsstl_jax.report.plots import new_figure, save_figure, wrap_title


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
