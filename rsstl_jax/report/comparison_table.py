"""The comparison of runs as text: tables of the methods, and a sentence on each difference."""

from collections.abc import Sequence
from typing import Any

from rsstl_jax.report.result_table import PROTOCOLS, markdown_table, mean_and_spread, protocol_cells
from rsstl_jax.report.run_comparison import PAIRED, Method


def render_comparison_of_runs(
    part: str, methods: Sequence[Method], rows: Sequence[dict[str, Any]]
) -> str:
    """Markdown tables of the methods, and a sentence on each difference."""
    lines = []
    for method, row in zip(methods, [None, *rows], strict=True):
        mean = mean_and_spread([float(errors.mean()) for errors in method.errors_m.values()])
        cells = ["reference", "", "", ""]
        if row is not None:
            cells = [
                f"{row['difference_m']:+.2f}",
                _interval(row["interval_m"]),
                f"{row['num_pairs']} {row['unit']}",
                row["verdict"],
            ]
        lines.append([method.label, ", ".join(map(str, method.errors_m)), mean, *cells])
    head = ["method", "seeds", "mean (m)", "difference (m)", "95 % interval", "pairs", "verdict"]
    tables = [markdown_table(head, lines), *_protocol_table(methods, rows)]
    return "\n\n".join([f"Errors on {part}", *tables, "\n".join(map(_sentence, rows))])


def _protocol_table(methods: Sequence[Method], rows: Sequence[dict[str, Any]]) -> list[str]:
    """Floors and the field's protocols, where a method has any, and how they differ."""
    columns = [name for name in PROTOCOLS if any(name in method.protocols for method in methods)]
    if not columns:
        return []
    paired = [name for name in PAIRED if any(f"{name}_interval" in row for row in rows)]
    head = ["method", *(PROTOCOLS[name] for name in columns)]
    head += [f"difference in {PAIRED[name][1]}" for name in paired]
    lines = []
    for method, row in zip(methods, [{}, *rows], strict=True):
        cells = [method.label, *protocol_cells(method.protocols, columns)]
        for name in paired:
            factor = PAIRED[name][0]
            cell = "" if row else "reference"
            if f"{name}_interval" in row:
                ends = _interval([factor * end for end in row[f"{name}_interval"]])
                cell = f"{factor * row[f'{name}_difference']:+.2f} {ends}"
            cells.append(cell)
        lines.append(cells)
    return [markdown_table(head, lines)]


def _sentence(row: dict[str, Any]) -> str:
    difference = f"{row['difference_m']:+.2f} m (95 % interval {_interval(row['interval_m'])} over"
    words = f"{row['method']}, compared with {row['reference']}: {row['verdict']}. The difference "
    words += f"is {difference} {row['num_pairs']}"
    if row["unit"] == "positions":
        return (
            f"{words} test positions). This holds for these students as they are; other seeds may "
            "differ."
        )
    at_positions = _interval(row["interval_over_positions_m"])
    return f"{words} seeds, p {row['p_value']:.2g}; over test positions {at_positions})."


def _interval(ends: Sequence[float]) -> str:
    return f"[{ends[0]:+.2f}, {ends[1]:+.2f}]"
