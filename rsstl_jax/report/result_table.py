"""Results as text."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

FIGURES = {"mae_m": "mean (m)", "p75_m": "75th (m)", "p95_m": "95th (m)"}
"""What a table shows of a student, and its columns."""

PROTOCOLS = {
    "floor_hit_rate": "floor (%)",
    "building_hit_rate": "building (%)",
    "evaal_mae_m": "EvAAL mean (m)",
    "ipin_p75_m": "IPIN 75th (m)",
    "mae_3d_m": "3-D mean (m)",
    "ground_mae_m": "mean on the ground (m)",
    "coverage": "within the radius (%)",
    "mean_radius_m": "mean radius (m)",
}
"""The figures of the field's protocols, which a site or method may not have, and their columns."""

_LABELS = {
    "standalone": "{network} baseline student",
    "distilled": "{network} distilled student",
    "agnostic": "site-agnostic teachers",
    "mean": "mean of teachers and {network} baseline student",
    "knn": "kNN, its settings chosen on held-out positions of train",
    "centroid": "power-weighted centroid of access points",
    "pretrained": "pretrained network, not trained at this site",
}

_AGNOSTIC_LABELS = {
    "centroid": "power-weighted centroid of access points",
    "knn": "kNN, chosen on each subset",
    "agnostic, one seed": "site-agnostic network, one training",
    "agnostic, as trained": "site-agnostic network, ensemble of all trainings, as trained",
    "agnostic": "site-agnostic network, ensemble of all trainings",
    "fine-tuned": "site-agnostic network, fine-tuned on the target",
}

WITHOUT_NETWORK = ("agnostic", "centroid", "knn", "pretrained")
"""Students that have nothing to do with the configured network."""


def mean_and_spread(values: Sequence[float]) -> str:
    """Mean and standard deviation over seeds; one seed has no spread."""
    mean = f"{statistics.fmean(values):z.2f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.2f}"


def filled_columns(rows: Sequence[Mapping[str, str]]) -> list[list[str]]:
    """Head and lines of rows {column: cell}, without the columns that no row has a cell in."""
    names = [name for name in rows[0] if any(row[name] for row in rows)]
    return [names, *([row[name] for name in names] for row in rows)]


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows {column: cell} as a table in Markdown."""
    head, *lines = filled_columns(rows)
    cells = (
        [cell.replace("|", r"\|") for cell in line] for line in (head, ["---"] * len(head), *lines)
    )
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def protocol_cell(name: str, values: Sequence[float]) -> str:
    """One figure of `PROTOCOLS` as text; rates in percent."""
    percent = PROTOCOLS[name].endswith("(%)")
    return mean_and_spread([100 * value for value in values] if percent else values)


def protocol_cells(figures: Mapping[str, Any]) -> dict[str, str]:
    """The columns of `PROTOCOLS` with the figures that a method has."""
    return {
        column: protocol_cell(name, figures[name]) if name in figures else ""
        for name, column in PROTOCOLS.items()
    }


def figure_cells(figures: Mapping[str, Any]) -> dict[str, str]:
    """The columns of `FIGURES`."""
    return {column: mean_and_spread(figures[name]) for name, column in FIGURES.items()}


def current_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result.json of any version with its students under their one key."""
    if "students" in result:
        return dict(result)
    # Version 0.1 kept the students beside the other fields.
    students = {name: value for name, value in result.items() if _is_figures(value)}
    fields = {name: value for name, value in result.items() if name not in students}
    return fields | {"students": students}


def students_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """{student or baseline: its figures} of a result.json of any version."""
    return dict(current_result(result)["students"])


def methods_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """The students of a result.json and, after them, the baselines that were measured."""
    baselines = result.get("baselines", {})
    return students_of(result) | {n: f for n, f in baselines.items() if _is_figures(f)}


def _is_figures(value: Any) -> bool:
    # A list, for a student may be called mae_m.
    return isinstance(value, Mapping) and isinstance(value.get("mae_m"), list)


def student_label(student: str, network: str) -> str:
    """What a table or picture calls a student."""
    return _LABELS.get(student, f"{{network}} {student}").replace("{network}", network).strip()


def result_title(result: Mapping[str, Any]) -> str:
    """What a result is of: sources, where it has any, target, recipe, part and seeds."""
    seeds = ", ".join(str(seed) for seed in result["seeds"])
    sources = " & ".join(result.get("sources", ()))
    return (
        f"{sources and f'{sources} -> '}{result['target']}, recipe {result['recipe']}, "
        f"{result['part']} part, seeds {seeds}"
    )


def render_result(result: Mapping[str, Any]) -> str:
    """A run's result.json as Markdown tables, mean ± sd over its seeds."""
    students, methods = students_of(result), methods_of(result)
    labels = {name: student_label(name, result["network"]) for name in methods}
    shown: list[tuple[str, Mapping[str, Any]]] = []
    for student, figures in students.items():
        shown.append((labels[student], figures))
        # Site-agnostic teachers have no seed: each seed's figures are the same.
        if student != "agnostic" and (mean_position := figures.get("mean_place")):
            label = f"{labels[student]}, mean position of {len(result['seeds'])} seeds"
            shown.append((label, {name: [mean_position[name]] for name in FIGURES}))
    if len(result["seeds"]) > 1 and {"standalone", "distilled"} <= students.keys():
        pairs = {n: (students["distilled"][n], students["standalone"][n]) for n in FIGURES}
        paired = {n: [d - s for d, s in zip(*pair, strict=True)] for n, pair in pairs.items()}
        shown.append(("difference, paired by seed", paired))
    shown += [(labels[name], methods[name]) for name in methods if name not in students]
    left_out = [
        f"No row for {name}: {figures['left_out']}"
        for name, figures in result.get("baselines", {}).items()
        if "left_out" in figures
    ]
    by_protocol = [{"student": labels[name]} | protocol_cells(methods[name]) for name in methods]
    has_protocols = any(name in figures for figures in methods.values() for name in PROTOCOLS)
    return "\n\n".join(
        [
            result_title(result),
            markdown_table([{"student": label} | figure_cells(own) for label, own in shown]),
            *left_out,
            *([markdown_table(by_protocol)] if has_protocols else []),
            *map(markdown_table, group_tables(result)),
        ]
    )


def render_agnostic(result: Mapping[str, Any]) -> str:
    """The result.json of `run_zero_shot` as a Markdown table."""
    plan = result["plan"]
    seeds = ", ".join(map(str, plan["seeds"]))
    title = f"{' & '.join(plan['sources'])} -> {plan['target']}, {result['part']} part"
    return f"{title}, seeds {seeds}\n\n{markdown_table(agnostic_table(result))}"


def agnostic_table(result: Mapping[str, Any]) -> list[dict[str, str]]:
    """Every method with every fraction of the training set as radio map."""
    return [
        {"fraction": f"{float(share) * 100:g} %", "support": str(methods["num_support"][0])}
        | {"method": label}
        | figure_cells(methods[method])
        for share, methods in result["shares"].items()
        for method, label in _AGNOSTIC_LABELS.items()
        if method in methods
    ]


def group_tables(result: Mapping[str, Any]) -> list[list[dict[str, str]]]:
    """Mean errors by phone and by month, where several of them were measured."""
    tables = []
    for kind, numbers in result.get("num_by_group", {}).items():
        by_method = {
            student_label(method, result["network"]): own["mae_by_group_m"][kind]
            for method, own in methods_of(result).items()
            if "mae_by_group_m" in own
        }
        rows = {name: [name] for name in sorted(numbers, key=lambda name: (len(name), name))}
        if len(rows) < 2 or not by_method:
            continue
        known = [name for name in rows if numbers[name]["train"]]
        if 0 < len(known) < len(rows):
            others = [name for name in rows if name not in known]
            rows |= {f"{kind}s of the training set": known, f"other {kind}s": others}
        table = []
        for label, names in rows.items():
            trained, evaluated = (
                [numbers[name][part] for name in names] for part in ("train", "evaluated")
            )
            row = {kind: label, "training": str(sum(trained)), "evaluated": str(sum(evaluated))}
            for method, errors_m in by_method.items():
                by_seed = zip(*(errors_m[name] for name in names), strict=True)
                means_m = [statistics.fmean(one, weights=evaluated) for one in by_seed]
                row[method] = mean_and_spread(means_m)
            table.append(row)
        tables.append(table)
    return tables
