"""The figures of a site-agnostic network as text."""

from collections.abc import Mapping
from typing import Any

from rsstl_jax.report.result_table import mean_and_spread

_LABELS = {
    "centroid": "power-weighted centroid of access points",
    "knn": "kNN, chosen on each subset",
    "agnostic, one seed": "site-agnostic network, one training",
    "agnostic, as trained": "site-agnostic network, ensemble of all trainings, untempered",
    "agnostic": "site-agnostic network, ensemble of all trainings",
    "fine-tuned": "site-agnostic network, fine-tuned on the target",
}


def render_agnostic(result: Mapping[str, Any]) -> str:
    """The result.json of `run_zero_shot` as a Markdown table."""
    plan = result["plan"]
    seeds = ", ".join(map(str, plan["seeds"]))
    lines = [
        f"{' & '.join(plan['sources'])} -> {plan['target']}, {result['part']} part, seeds {seeds}",
        "",
        "| fraction | support | method | mean (m) | 75th (m) | 95th (m) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for share, methods in result["shares"].items():
        for method, label in _LABELS.items():
            if method in methods:
                figures = methods[method]
                cells = " | ".join(mean_and_spread(figures[f]) for f in ("mae_m", "p75_m", "p95_m"))
                number = methods["num_support"][0]
                lines.append(f"| {float(share) * 100:g} % | {number} | {label} | {cells} |")
    return "\n".join(lines)
