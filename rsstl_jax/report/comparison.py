"""The table of all methods on one target, from the receipts of its rows."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rsstl_jax.report.statistics import adjust_p_values, paired_difference, verdict
from rsstl_jax.report.tables import mean_and_spread

__all__ = ["comparison_frame", "insert_table", "plot_methods", "render_comparison"]

# What a receipt's figures are called in the table, by (row, key in its result).
_METHODS = {
    ("students", "standalone"): "stand-alone",
    ("students", "distilled"): "distilled",
    ("noise", "distilled"): "distilled, control: noise for teachers",
    ("untrained", "distilled"): "distilled, control: untrained teachers",
    ("scratch", "scratch"): "transfer network, from scratch",
    ("sequential", "sequential"): "* sequential transfer",
    ("collective", "collective"): "** collective transfer",
    ("knn", "knn"): "kNN",
}
# What a method is compared with, seed by seed.
_REFERENCE = {
    "distilled": "stand-alone",
    "distilled, control: noise for teachers": "stand-alone",
    "distilled, control: untrained teachers": "stand-alone",
    "* sequential transfer": "transfer network, from scratch",
    "** collective transfer": "transfer network, from scratch",
}

# Table 1 of the paper, mean error in metres; single runs, with UTS among the sources.
_PAPER_STUDENTS = ("stand-alone", "* sequential transfer", "** collective transfer", "distilled")
_PAPER = {
    ("uji", "dnn"): (14.04, 16.05, 21.62, 11.98),
    ("uji", "cnnloc"): (13.12, 15.32, 27.71, 11.67),
    ("uji", "bayescnn"): (12.63, 15.07, 129.95, 10.79),
    ("uji", "baat"): (11.51, 13.46, 98.86, 11.15),
    ("tampere", "dnn"): (11.03, 12.36, 11.84, 8.86),
    ("tampere", "cnnloc"): (10.06, 12.66, 11.36, 8.25),
    ("tampere", "bayescnn"): (10.31, 11.25, 12.06, 9.01),
    ("tampere", "baat"): (7.99, 10.77, 10.63, 7.73),
}
_FIGURES = {"mae_m": "mean (m)", "p75_m": "75th (m)", "p95_m": "95th (m)"}


def comparison_frame(receipts: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One line per target, network, method and seed.

    Args:
        receipts: what `rsstl_jax.tables.run_row` returned.

    Returns:
        DataFrame with `target`, `network`, `method`, `seed`, `mae_m`, `p75_m`, `p95_m` (metres).

    Example:
        >>> figures = {"mae_m": [8.5], "p75_m": [10.0], "p95_m": [20.0]}
        >>> result = {"target": "uji", "network": "dnn", "seeds": [0], "knn": figures}
        >>> comparison_frame([{"row": "knn", "result": result}])["method"].tolist()
        ['kNN']
    """
    lines = []
    for receipt in receipts:
        row, result = receipt["row"], receipt["result"]
        for (of_row, key), method in _METHODS.items():
            if of_row != row or key not in result:
                continue
            for index, seed in enumerate(result["seeds"]):
                figures = {figure: result[key][figure][index] for figure in _FIGURES}
                network = "" if row == "knn" else result["network"]
                lines.append(
                    {"target": result["target"], "network": network, "method": method}
                    | {"seed": seed}
                    | figures
                )
    frame = pd.DataFrame(lines)
    frame["method"] = pd.Categorical(frame["method"], list(_METHODS.values()), ordered=True)
    return frame.sort_values(["target", "network", "method", "seed"], ignore_index=True)


def render_comparison(frame: pd.DataFrame, target: str) -> str:
    """The table of a target in Markdown: mean ± sd over seeds, differences paired by seed.

    Args:
        frame: from `comparison_frame`.
        target: the dataset.

    Returns:
        The table; its differences are the method's mean error minus its reference's over the
        seeds that both have: stand-alone for the distilled students and the controls, the
        transfer network from scratch for both kinds of transfer. Verdicts are those of
        `rsstl_jax.report.statistics.verdict`.

    Example:
        >>> figures = {"mae_m": [8.5], "p75_m": [10.0], "p95_m": [20.0]}
        >>> result = {"target": "uji", "network": "dnn", "seeds": [0], "knn": figures}
        >>> frame = comparison_frame([{"row": "knn", "result": result}])
        >>> print(render_comparison(frame, "uji").splitlines()[-1])
        | kNN | 1 | 8.50 | 10.00 | 20.00 |  |  |  |
    """
    of_target = frame[frame["target"] == target]
    head = ["method", "seeds", *_FIGURES.values(), "difference, paired", "verdict", "the paper"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    differences, verdicts = _compare(of_target)
    for names, rows in of_target.groupby(["network", "method"], observed=True):
        network, method = map(str, names)
        cells = [f"{network} {method}".strip(), str(len(rows))]
        cells += [mean_and_spread(rows[figure].tolist()) for figure in _FIGURES]
        cells += [found.get((network, method), "") for found in (differences, verdicts)]
        lines.append("| " + " | ".join([*cells, _of_paper(target, network, method)]) + " |")
    return "\n".join(lines)


_Cells = dict[tuple[str, str], str]


def _compare(of_target: pd.DataFrame) -> tuple[_Cells, _Cells]:
    """Differences and verdicts by (network, method), p values adjusted over the whole table."""
    by_seed: dict[tuple[str, str], dict[int, float]] = {}
    for line in of_target.to_dict("records"):
        by_seed.setdefault((line["network"], line["method"]), {})[line["seed"]] = line["mae_m"]
    pairs = {}
    for (network, method), errors_m in by_seed.items():
        reference = by_seed.get((network, _REFERENCE.get(method, "")), {})
        if common := [seed for seed in errors_m if seed in reference]:
            pairs[network, method] = [[e[s] for s in common] for e in (errors_m, reference)]
    found = {names: paired_difference(*pair) for names, pair in pairs.items()}
    adjusted = adjust_p_values([difference.p_value for difference in found.values()])
    differences = {
        names: mean_and_spread([a - b for a, b in zip(*pair, strict=True)])
        for names, pair in pairs.items()
    }
    verdicts = {
        names: verdict(difference, p)
        for (names, difference), p in zip(found.items(), adjusted, strict=True)
    }
    return differences, verdicts


def _of_paper(target: str, network: str, method: str) -> str:
    if method not in _PAPER_STUDENTS or (target, network) not in _PAPER:
        return ""
    return f"{_PAPER[target, network][_PAPER_STUDENTS.index(method)]:.2f}"


def insert_table(document: str, name: str, table: str) -> str:
    """Puts a table in the place that a document keeps for it.

    Args:
        document: Markdown with the lines `<!-- table <name> -->` and `<!-- end of table -->`.
        name: of the table.
        table: what is to stand between them.

    Returns:
        The document; what stood there before is gone.

    Raises:
        ValueError: if the document keeps no such place.

    Example:
        >>> page = "a", "<!-- table t -->", "old", "<!-- end of table -->", "b"
        >>> insert_table(chr(10).join(page), "t", "new").splitlines()[2:5]
        ['', 'new', '']
    """
    begin, end = f"<!-- table {name} -->\n", "<!-- end of table -->"
    head, found, rest = document.partition(begin)
    _, closed, tail = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the document has no place <!-- table {name} --> ... {end}")
    return f"{head}{begin}\n{table}\n\n{end}{tail}"


def plot_methods(path: str | Path, frame: pd.DataFrame, target: str) -> None:
    """Draws every seed's mean error, one line a method.

    Args:
        path: PNG to write.
        frame: from `comparison_frame`.
        target: the dataset.

    Example:
        >>> import tempfile
        >>> figures = {"mae_m": [8.5], "p75_m": [10.0], "p95_m": [20.0]}
        >>> result = {"target": "uji", "network": "dnn", "seeds": [0], "knn": figures}
        >>> frame = comparison_frame([{"row": "knn", "result": result}])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     plot_methods(Path(folder) / "a.png", frame, "uji")
        ...     (Path(folder) / "a.png").exists()
        True
    """
    groups = list(
        frame[frame["target"] == target].groupby(["network", "method"], observed=True)["mae_m"]
    )
    figure = Figure(figsize=(7.2, 1.4 + 0.28 * len(groups)), layout="constrained")
    axes = figure.add_subplot()
    for height, (_, errors_m) in enumerate(groups):
        axes.plot(errors_m, [height] * len(errors_m), "o", color="#2d6fb0", alpha=0.6)
    axes.set_yticks(range(len(groups)), [" ".join(map(str, names)).strip() for names, _ in groups])
    axes.invert_yaxis()
    axes.set(xlabel="mean error (m), one dot a seed", title=f"all methods on {target}")
    axes.grid(alpha=0.3)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=120, format="png")
