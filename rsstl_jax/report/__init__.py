"""What people look at: tables and pictures."""

from rsstl_jax.report.agnostic import render_agnostic
from rsstl_jax.report.comparison import (
    comparison_frame,
    insert_table,
    plot_methods,
    render_comparison,
)
from rsstl_jax.report.plots import plot_cdf, plot_map
from rsstl_jax.report.tables import mean_and_spread, render_result

__all__ = [
    "comparison_frame",
    "insert_table",
    "mean_and_spread",
    "plot_cdf",
    "plot_map",
    "plot_methods",
    "render_agnostic",
    "render_comparison",
    "render_result",
]
