"""What the rows of the tables took to train."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from rsstl_jax.baselines.run_baseline import UNTRAINED
from rsstl_jax.report.result_table import markdown_table

_ROW = ["network", "row", "share", "variant", "changed", "device"]


def cost_frame(receipts: Iterable[Mapping[str, Any]], target: str) -> pd.DataFrame:
    """Seconds of the rows trained on a target, receipts of one row added up."""
    receipts = _without_parts(receipts)
    lines = [
        {
            "network": "" if receipt["row"].startswith(UNTRAINED) else result["network"],
            "row": receipt["row"],
            "share": receipt["config"]["data.fraction"],
            "variant": receipt.get("label", ""),
            "changed": receipt.get("changed", ""),
            "device": receipt["start"]["device"],
            "seeds": len(result["seeds"]),
            "seconds": receipt["seconds"],
            "starts": receipt["starts"],
        }
        for receipt in receipts
        if (result := receipt["result"])["target"] == target
    ]
    return pd.DataFrame(lines).groupby(_ROW, as_index=False).sum()


def _without_parts(receipts: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The receipts but those whose seeds another one of the same training has, too."""
    kept: list[tuple[set[int], Any, Mapping[str, Any]]] = []
    for receipt in sorted(receipts, key=lambda one: -len(one["result"]["seeds"])):
        seeds = set(receipt["result"]["seeds"])
        about = receipt["row"], receipt["config"] | {"seeds": ""}, receipt["start"]
        if not any(seeds <= others and about == of for others, of, _ in kept):
            kept.append((seeds, about, receipt))
    return [receipt for _, _, receipt in kept]


def render_cost(cost: pd.DataFrame) -> str:
    """The seconds in Markdown, their sum on each device in the last lines."""
    rows = [
        {
            "row": " ".join(filter(None, (line["network"], line["row"], line["variant"])))
            + _on_device(line["device"]),
            "fraction": f"{100 * line['share']:g} %",
            "changed settings": line["changed"],
            "seeds": str(line["seeds"]),
            "seconds": f"{line['seconds']:,.0f}",
            "starts": str(line["starts"]),
        }
        for line in cost.to_dict("records")
    ]
    for device, lines in cost.groupby("device"):
        total = {"seconds": f"{lines['seconds'].sum():,.0f}", "starts": str(lines["starts"].sum())}
        rows.append(dict.fromkeys(rows[0], "") | {"row": f"all rows{_on_device(device)}"} | total)
    return markdown_table(rows)


def _on_device(device: Any) -> str:
    """On which device, unless it is a CPU."""
    platform, _, model = device.partition(": ")
    return "" if platform == "cpu" else f" on one {model}"
