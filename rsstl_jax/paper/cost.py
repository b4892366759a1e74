"""What the rows of the tables took to train."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

__all__ = ["cost_frame", "render_cost"]

_ROW = ["network", "row", "share", "label", "changed", "device"]


def cost_frame(receipts: Iterable[Mapping[str, Any]], target: str) -> pd.DataFrame:
    """Seconds of the rows trained on a target, receipts of one row added up."""
    lines = [
        {
            "network": "" if receipt["row"].startswith(("knn", "centroid")) else result["network"],
            "row": receipt["row"],
            "share": receipt["config"]["data.fraction"],
            "label": receipt.get("label", ""),
            "changed": ", ".join(f"{p}={v}" for p, v in receipt.get("changed", {}).items()),
            "device": receipt["start"]["device"],
            "seeds": len(result["seeds"]),
            "seconds": receipt["seconds"],
            "starts": receipt["starts"],
        }
        for receipt in receipts
        if (result := receipt["result"])["target"] == target
    ]
    if not lines:
        return pd.DataFrame(columns=[*_ROW, "seeds", "seconds", "starts"])
    return pd.DataFrame(lines).groupby(_ROW, as_index=False).sum()


def render_cost(cost: pd.DataFrame) -> str:
    """The seconds in Markdown, their sum on each device in the last lines."""
    lines = [
        "| row | share | changed settings | seeds | seconds | starts |",
        "|" + " --- |" * 6,
    ]
    for row in cost.to_dict("records"):
        name = " ".join(filter(None, (row["network"], row["row"], row["label"])))
        name += _where(row["device"])
        cells = f"{100 * row['share']:g} % | {row['changed']} | {row['seeds']}"
        lines.append(f"| {name} | {cells} | {row['seconds']:,.0f} | {row['starts']} |")
    for device, rows in cost.groupby("device"):
        name = f"all rows{_where(str(device))}"
        total, starts = rows["seconds"].sum(), rows["starts"].sum()
        lines.append(f"| {name} |  |  |  | {total:,.0f} | {starts} |")
    return "\n".join(lines)


def _where(device: str) -> str:
    """Behind a name: on which device, but for a CPU."""
    platform, _, model = device.partition(": ")
    return "" if platform == "cpu" else f" on one {model}"
