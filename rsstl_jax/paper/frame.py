"""The figures of many receipts as one table of data, a line a student and seed."""

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import pandas as pd

from rsstl_jax.baselines.run_baseline import UNTRAINED
from rsstl_jax.errors import DataError
from rsstl_jax.report.result_table import FIGURES, PROTOCOLS, students_of

_BASELINE, _SCRATCH = "baseline student", "transfer network, trained from scratch"
# By (row, student): the row of Table 1, and the one it is compared with.
_TABLE_1 = {
    ("students", "standalone"): (_BASELINE, ""),
    ("students", "distilled"): ("distilled, surrogate teachers", _BASELINE),
    ("agnostic", "distilled"): ("distilled, site-agnostic teachers", _BASELINE),
    ("agnostic", "soft-target"): ("pseudo-labelled by site-agnostic teachers", _BASELINE),
    ("agnostic", "ensemble"): (
        "pseudo-labelled by the mean of teachers and baseline student",
        _BASELINE,
    ),
    ("agnostic", "alignment"): ("aligned to site-agnostic teachers", _BASELINE),
    ("agnostic", "started"): ("initialised from a site-agnostic teacher", _BASELINE),
    ("agnostic", "agnostic"): ("site-agnostic teachers themselves", _BASELINE),
    ("agnostic", "mean"): ("mean of site-agnostic teachers and baseline student", _BASELINE),
    ("noise", "distilled"): ("control: noise in place of teachers", _BASELINE),
    ("untrained", "distilled"): ("control: untrained teachers", _BASELINE),
    ("scratch", "scratch"): (_SCRATCH, ""),
    ("sequential", "sequential"): ("sequential transfer", _SCRATCH),
    ("collective", "collective"): ("collective transfer", _SCRATCH),
    ("knn", "knn"): ("kNN", ""),
    ("centroid", "centroid"): ("power-weighted centroid of access points", ""),
}
VARIANT_ROWS = ("students", "share", "agnostic")
"""The rows whose variants a table shows."""
_ORDER = {names: position for position, names in enumerate(_TABLE_1)}
_TABLE_2 = {
    "standalone": _BASELINE,
    "similarity": "J_Sim",
    "mutual_information": "J_MI",
    "similarity+mutual_information": "J_Sim, J_MI",
    "functional_information": "J_FI",
    "distilled": "all terms",
}


_Entry = tuple[Any, str, str]
"""Where a student stands in a table, and what it is called and compared with there."""

_Line = Mapping[Hashable, Any]


def results_frame(receipts: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One line per target, row, student and seed."""
    lines: dict[tuple[Any, ...], dict[str, Any]] = {}
    for line in (line for receipt in receipts for line in _receipt_lines(receipt)):
        key = tuple(line[name] for name in _KEY)
        known = lines.get(key, line)
        # One training may be in two receipts, which were asked for different seeds.
        if any(known[name] != line[name] for name in _MEASURED):
            raise DataError(
                f"{known['file']} and {line['file']} hold different figures of {line['student']} "
                f"of seed {line['seed']} ({line['target']}, {line['row']}); keep one of them"
            )
        # One of them may be older, and lack figures.
        lines[key] = line | known
    if not lines:
        raise ValueError("receipts holds no figures; at least one receipt is needed")
    return pd.DataFrame(list(lines.values())).drop(columns="file")


_KEY = ("target", "network", "row", "student", "share", "variant", "seed")
_MEASURED = (*FIGURES, "within_10_m")
# What not every receipt has.
_OPTIONAL = (*PROTOCOLS, "percentiles_m")


def _receipt_lines(receipt: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    result = receipt["result"]
    for student, figures in students_of(result).items():
        low, high = figures.get("mae_interval_over_positions_m") or (math.nan, math.nan)
        for index, seed in enumerate(result["seeds"][: len(figures["mae_m"])]):
            yield {
                "target": result["target"],
                "network": "" if student in UNTRAINED else result["network"],
                "row": receipt["row"],
                "student": student,
                "share": receipt.get("config", {}).get("data.fraction", 1.0),
                "variant": receipt.get("label", ""),
                "seed": seed,
                **{name: figures[name][index] for name in _MEASURED},
                **{name: figures[name][index] for name in _OPTIONAL if name in figures},
                "part": result["part"],
                "positions_low_m": low,
                "positions_high_m": high,
                "file": receipt.get("file", "a receipt"),
                "changed": receipt.get("changed", ""),
            }


def select_table(frame: pd.DataFrame, table: str, target: str) -> pd.DataFrame:
    """The lines of one table of one target, each with its method and what that is compared with."""
    # Table 4 alone has fractions of the training set.
    of_table = frame["row"].str.endswith("share") == (table == "4")
    at_target = frame[(frame["target"] == target) & of_table].to_dict("records")
    with_baseline = _variants_with_baseline(at_target)
    lines = []
    for line in at_target:
        line["variant_has_baseline"] = (line["network"], line["variant"]) in with_baseline
        if entry := TABLES[table](line):
            of_network = f"{line['network']}: " if line["network"] else ""
            order, method, reference = entry
            line |= {"order": order, "method": of_network + method}
            lines.append(line | {"reference": reference and of_network + reference})
    # Baseline students of site-agnostic rows stand in only where no row of their own was trained.
    own = ("students", "share")
    trained = {(line["method"], line["seed"]) for line in lines if line["row"] in own}
    lines = [
        line
        for line in lines
        if not (_is_agnostic_baseline(line) and (line["method"], line["seed"]) in trained)
    ]
    # Baseline and distilled students stand in several tables, and are the subject of the first.
    common = set() if table in ("1", "4") else {("", "standalone"), ("", "distilled")}
    about = {line["network"] for line in lines if (line["variant"], line["student"]) not in common}
    lines = [line for line in lines if line["network"] in about]
    if not lines:
        return frame.iloc[:0].assign(method="", reference="")
    selected = pd.DataFrame(lines).sort_values(["network", "order", "seed"], ignore_index=True)
    return selected.drop(columns=["order", "variant_has_baseline"])


def protocol_frame(frame: pd.DataFrame, target: str) -> pd.DataFrame:
    """The lines of tables 1 and 4 with any figure of `PROTOCOLS`, and their columns."""
    tables = [select_table(frame, table, target) for table in ("1", "4")]
    selected = pd.concat(tables, ignore_index=True)
    figures = selected[[name for name in PROTOCOLS if name in selected]].dropna(how="all")
    figures = figures.dropna(axis="columns", how="all")
    names = selected.loc[figures.index, ["network", "method", "seed"]]
    return pd.concat([names, figures], axis="columns")


def _is_agnostic_baseline(line: _Line) -> bool:
    return line["row"].startswith("agnostic") and line["student"] == "standalone"


def _table_of_methods(line: _Line) -> _Entry | None:
    """An entry of Table 1, or of Table 4, which has the same methods on fractions."""
    row, student, variant = line["row"].removesuffix("-share"), line["student"], line["variant"]
    of_students = row == "share" or (row, student) == ("agnostic", "standalone")
    names = ("students" if of_students else row, student)
    if (variant and row != "share") or names not in _TABLE_1:
        return None
    order, (method, reference) = _ORDER[names], _TABLE_1[names]
    if not line["row"].endswith("share"):
        return order, method, reference
    fraction = f"{100 * line['share']:g} %{f'; {variant}' if variant else ''}"
    reference = f"{reference}, {fraction}" if reference else ""
    return (line["share"], variant, order), f"{method}, {fraction}", reference


def _table_2(line: _Line) -> _Entry | None:
    student = line["student"]
    if line["variant"] or line["row"] != "students" or student not in _TABLE_2:
        return None
    reference = "" if student == "standalone" else _BASELINE
    return list(_TABLE_2).index(student), _TABLE_2[student], reference


def _table_3(line: _Line) -> _Entry | None:
    student = line["student"]
    if line["variant"] or line["row"] != "students":
        return None
    if student.startswith("from-"):
        sources = student.removeprefix("from-").replace("+", ", ")
        return (1, sources), f"teachers of {sources}", _BASELINE
    ends: dict[str, _Entry] = {
        "standalone": ((0, ""), _BASELINE, ""),
        "distilled": ((2, ""), "teachers of all sources", _BASELINE),
    }
    return ends.get(student)


def _table_settings(line: _Line) -> _Entry | None:
    row, student, variant = line["row"], line["student"], line["variant"]
    if row not in ("students", "agnostic") or (row == "agnostic" and not variant):
        return None
    # Where a variant's baseline students are others than the recipe's, they are its reference.
    baseline = f"{_BASELINE}; {variant}" if line["variant_has_baseline"] else _BASELINE
    if student == "standalone":
        if variant and not line["variant_has_baseline"]:
            return None
        return (variant, 0), baseline, _BASELINE if variant else ""
    if (row, student) in _TABLE_1 and row == "agnostic":
        order = 2 + _ORDER[row, student]
        return (variant, order), f"{_TABLE_1[row, student][0]}; {variant}", baseline
    if row == "agnostic" or not (variant or student == "distilled"):
        return None
    method = str(_TABLE_2.get(student, student))
    return (variant, 1), f"{method}; {variant}" if variant else method, baseline


TABLES = {
    "1": _table_of_methods,
    "2": _table_2,
    "3": _table_3,
    "4": _table_of_methods,
    "settings": _table_settings,
}
"""The paper's tables, and what other settings of teachers and losses change."""


def _variants_with_baseline(lines: Iterable[_Line]) -> set[tuple[str, str]]:
    """(network, variant) with a baseline student that is not that of the recipe itself."""
    baselines = [
        line
        for line in lines
        if line["row"] in ("students", "agnostic") and line["student"] == "standalone"
    ]
    trained = lambda line: (line["network"], line["row"], line["seed"], line["mae_m"])  # noqa: E731
    of_recipe = {trained(line) for line in baselines if not line["variant"]}
    return {
        (line["network"], line["variant"])
        for line in baselines
        if line["variant"] and trained(line) not in of_recipe
    }
