"""What people look at: tables and pictures."""

from rsstl_jax.report.plots import plot_cdf, plot_map
from rsstl_jax.report.tables import mean_and_spread, render_result

__all__ = ["mean_and_spread", "plot_cdf", "plot_map", "render_result"]
