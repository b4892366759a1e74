"""Floors and the field's protocols, as far as receipts have them: earlier versions kept none."""

import pandas as pd

from rsstl_jax.paper.comparison import method_name, table_of_cells
from rsstl_jax.paper.frame import select_table
from rsstl_jax.report.result_table import PROTOCOLS, protocol_cell


def protocol_frame(frame: pd.DataFrame, target: str) -> pd.DataFrame:
    """The lines of tables 1 and 4 with any figure of `PROTOCOLS`, and their columns."""
    tables = [select_table(frame, table, target) for table in ("1", "4")]
    selected = pd.concat(tables, ignore_index=True)
    figures = selected[[name for name in PROTOCOLS if name in selected]].dropna(how="all")
    figures = figures.dropna(axis="columns", how="all")
    names = selected.loc[figures.index, ["network", "method", "seed"]]
    return pd.concat([names, figures], axis="columns")


def render_protocols(lines: pd.DataFrame) -> str:
    """Each method's figures in Markdown, mean ± sd over its seeds."""
    rows = []
    for (network, method), seeds in lines.groupby(["network", "method"], sort=False):
        row = {"method": method_name(str(network), str(method)), "seeds": str(len(seeds))}
        for name in lines.columns[3:]:
            values = seeds[name].dropna().tolist()
            row[PROTOCOLS[name]] = protocol_cell(name, values) if values else ""
        rows.append(row)
    return table_of_cells(rows)
