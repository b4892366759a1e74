"""The comparison of runs as text: tables of the methods, and a sentence on each difference."""

from collections.abc import Sequence
from typing import Any

from rsstl_jax.report.result_table import (
    PROTOCOLS,
    markdown_table,
    mean_and_spread,
    protocol_cells,
)
from rsstl_jax.report.run_comparison import PAIRED, Method


def render_comparison_of_runs(
    part: str, methods: Sequence[Method], rows: Sequence[dict[str, Any]]
) -> str:
    """Markdown tables of the methods, and a sentence on each difference."""
    errors, protocols = [], []
    paired = [name for name in PAIRED if any(f"{name}_interval" in row for row in rows)]
    # The reference has no differences.
    for method, row in zip(methods, [{}, *rows], strict=True):
        own = {"method": method.label}
        errors.append(own | _error_cells(method, row))
        protocols.append(own | protocol_cells(method.protocols) | _paired_cells(row, paired))
    tables = [markdown_table(errors)]
    if any(name in method.protocols for method in methods for name in PROTOCOLS):
        tables.append(markdown_table(protocols))
    return "\n\n".join([f"Errors on {part}", *tables, "\n".join(map(_sentence, rows))])


def _error_cells(method: Method, row: dict[str, Any]) -> dict[str, str]:
    return {
        "seeds": ", ".join(map(str, method.errors_m)),
        "mean (m)": mean_and_spread(method.errors_m.mean().tolist()),
        "difference (m)": f"{row['difference_m']:+z.2f}" if row else "reference",
        "95 % interval": _interval(row["interval_m"]) if row else "",
        "pairs": f"{row['num_pairs']} {row['unit']}" if row else "",
        "verdict": row.get("verdict", ""),
    }


def _paired_cells(row: dict[str, Any], paired: Sequence[str]) -> dict[str, str]:
    """How floors and EvAAL differ from the reference's, where both know floors."""
    cells = {}
    for name in paired:
        factor, column = PAIRED[name]
        cell = "" if row else "reference"
        if f"{name}_interval" in row:
            ends = _interval(row[f"{name}_interval"], factor)
            cell = f"{factor * row[f'{name}_difference']:+z.2f} {ends}"
        cells[f"difference in {column}"] = cell
    return cells


def _sentence(row: dict[str, Any]) -> str:
    difference = f"{row['difference_m']:+z.2f} m (95 % interval {_interval(row['interval_m'])} over"
    words = f"{row['method']}, compared with {row['reference']}: {row['verdict']}. The difference "
    words += f"is {difference} {row['num_pairs']}"
    if row["unit"] == "positions" and row["num_shared_seeds"] > 1:
        return f"{words} test positions, for no seed changes either of the two)."
    if row["unit"] == "positions":
        shared = "one seed" if row["num_shared_seeds"] else "no seed"
        return (
            f"{words} test positions, for the two share {shared}). This holds for these students "
            "as they are; other seeds may differ."
        )
    at_positions = _interval(row["interval_over_positions_m"])
    return f"{words} seeds, p {row['p_value']:.2g}; over test positions {at_positions})."


def _interval(ends: Sequence[float] | None, factor: float = 1.0) -> str:
    if ends is None:
        return "none"
    return f"[{factor * ends[0]:+z.2f}, {factor * ends[1]:+z.2f}]"
