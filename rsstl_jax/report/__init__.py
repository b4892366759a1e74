"""What people look at: tables and pictures."""

from rsstl_jax.report.agnostic import render_agnostic
from rsstl_jax.report.comparison import compare, insert_table, plot_methods, render_comparison
from rsstl_jax.report.cost import cost_frame, render_cost
from rsstl_jax.report.distribution import (
    distribution_frame,
    plot_distribution,
    render_distribution,
)
from rsstl_jax.report.frame import TABLE_NAMES, results_frame, select_table
from rsstl_jax.report.plots import plot_cdf, plot_map
from rsstl_jax.report.statistics import interval_over_positions
from rsstl_jax.report.tables import is_figures, mean_and_spread, render_result, result_title

__all__ = [
    "TABLE_NAMES",
    "compare",
    "cost_frame",
    "distribution_frame",
    "insert_table",
    "interval_over_positions",
    "is_figures",
    "mean_and_spread",
    "plot_cdf",
    "plot_distribution",
    "plot_map",
    "plot_methods",
    "render_agnostic",
    "render_comparison",
    "render_cost",
    "render_distribution",
    "render_result",
    "result_title",
    "results_frame",
    "select_table",
]
