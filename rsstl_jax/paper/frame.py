"""The figures of many receipts as one table of data, a line a student."""

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import pandas as pd

from rsstl_jax.errors import DataError
from rsstl_jax.report.result_table import FIGURES, is_figures

__all__ = ["TABLE_NAMES", "results_frame", "select_table"]

TABLE_NAMES = ("1", "2", "3", "4", "settings")
"""The paper's tables, and what other settings of teachers and losses change."""

_ALONE, _SCRATCH = "stand-alone", "transfer network, from scratch"
# What a student is called in Table 1, by (row, student), and what it is compared with.
_TABLE_1 = {
    ("students", "standalone"): (_ALONE, ""),
    ("students", "distilled"): ("distilled", _ALONE),
    ("agnostic", "distilled"): ("distilled, site-agnostic teachers", _ALONE),
    ("agnostic", "soft-target"): ("distilled, their places alone", _ALONE),
    ("agnostic", "ensemble"): ("distilled, places of the mean alone", _ALONE),
    ("agnostic", "alignment"): ("distilled, their representations alone", _ALONE),
    ("agnostic", "started"): ("started at a site-agnostic teacher", _ALONE),
    ("agnostic", "agnostic"): ("site-agnostic teachers themselves", _ALONE),
    ("agnostic", "mean"): ("mean of them and a stand-alone student", _ALONE),
    ("noise", "distilled"): ("distilled, control: noise for teachers", _ALONE),
    ("untrained", "distilled"): ("distilled, control: untrained teachers", _ALONE),
    ("scratch", "scratch"): (_SCRATCH, ""),
    ("sequential", "sequential"): ("* sequential transfer", _SCRATCH),
    ("collective", "collective"): ("** collective transfer", _SCRATCH),
    ("knn", "knn"): ("kNN", ""),
    ("centroid", "centroid"): ("power-weighted centroid of access points", ""),
}
_OF_NO_NETWORK = ("knn", "centroid")
_TABLE_2 = {
    "standalone": _ALONE,
    "similarity": "J_Sim",
    "mutual_information": "J_MI",
    "similarity+mutual_information": "J_Sim, J_MI",
    "functional_information": "J_FI",
    "distilled": "all terms",
}


def results_frame(receipts: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One line per target, row, student and seed."""
    lines: dict[tuple[Any, ...], dict[str, Any]] = {}
    for receipt in receipts:
        result, row = receipt["result"], receipt["row"]
        changed = ", ".join(f"{path}={value}" for path, value in receipt.get("changed", {}).items())
        for student, figures in result.items():
            if not is_figures(figures):
                continue
            low, high = figures.get("mae_interval_over_positions_m", (math.nan, math.nan))
            for index, seed in enumerate(result["seeds"][: len(figures["mae_m"])]):
                line = {
                    "target": result["target"],
                    "network": "" if student in _OF_NO_NETWORK else result["network"],
                    "row": row,
                    "student": student,
                    "share": receipt.get("config", {}).get("data.fraction", 1.0),
                    "label": receipt.get("label", ""),
                    "seed": seed,
                }
                key, file = tuple(line.values()), receipt.get("file", "a receipt")
                measured = {name: figures[name][index] for name in (*FIGURES, "within_10_m")}
                # The same training, asked for among other seeds, is the same receipt twice.
                if key in lines and measured.items() <= lines[key].items():
                    continue
                if key in lines:
                    raise DataError(
                        f"{lines[key]['file']} and {file} hold different figures of {student} of "
                        f"seed {seed} ({result['target']}, {row}); keep one of them"
                    )
                positions = {"positions_low_m": low, "positions_high_m": high, "file": file}
                lines[key] = line | measured | positions | {"changed": changed}
    if not lines:
        raise ValueError("receipts holds no figures; at least one receipt is needed")
    return pd.DataFrame(list(lines.values())).drop(columns="file")


def select_table(frame: pd.DataFrame, table: str, target: str) -> pd.DataFrame:
    """The lines of one table of one target, each with its method and what that is compared with."""
    name = {"1": _name_1, "2": _name_2, "3": _name_3, "4": _name_4, "settings": _name_setting}[
        table
    ]
    lines = []
    of_target = frame[frame["target"] == target].to_dict("records")
    otherwise = _trained_otherwise(of_target)
    for line in of_target:
        line["trained_otherwise"] = (line["network"], line["label"]) in otherwise
        if (found := name(line)) is not None:
            order, method, reference = found
            lines.append(line | {"order": order, "method": method, "reference": reference})
    # The stand-alone twins of site-agnostic teachers' students stand where no row of their own
    # was trained.
    own = {_of_seed(line) for line in lines if line["row"] in ("students", "share")}
    twin = lambda line: line["row"].startswith("agnostic") and line["student"] == "standalone"  # noqa: E731
    lines = [line for line in lines if not (twin(line) and _of_seed(line) in own)]
    # Stand-alone and distilled students stand in several tables, and are the subject of the first.
    common = set() if table in ("1", "4") else {("", "standalone"), ("", "distilled")}
    about = {line["network"] for line in lines if (line["label"], line["student"]) not in common}
    lines = [line for line in lines if line["network"] in about]
    if not lines:
        return frame.iloc[:0].assign(method="", reference="")
    selected = pd.DataFrame(lines).sort_values(["network", "order", "seed"], ignore_index=True)
    return selected.drop(columns=["order", "trained_otherwise"])


_Name = tuple[Any, str, str] | None


def _of_seed(line: Mapping[Hashable, Any]) -> tuple[Any, ...]:
    return line["network"], line["method"], line["seed"]


def _name_1(line: Mapping[Hashable, Any]) -> _Name:
    alone = line["student"] == "standalone" and line["row"] == "agnostic"
    key = ("students" if alone else line["row"], line["student"])
    if line["label"] or key not in _TABLE_1:
        return None
    return (list(_TABLE_1).index(key), *_TABLE_1[key])


def _name_2(line: Mapping[Hashable, Any]) -> _Name:
    student = line["student"]
    if line["label"] or line["row"] != "students" or student not in _TABLE_2:
        return None
    alone = student == "standalone"
    return list(_TABLE_2).index(student), _TABLE_2[student], "" if alone else _ALONE


def _name_3(line: Mapping[Hashable, Any]) -> _Name:
    student = line["student"]
    if line["label"] or line["row"] != "students":
        return None
    if student.startswith("from-"):
        sources = student.removeprefix("from-").replace("+", ", ")
        return (1, sources), f"teachers of {sources}", _ALONE
    names = {
        "standalone": ((0, ""), _ALONE, ""),
        "distilled": ((2, ""), "teachers of all sources", _ALONE),
    }
    return names.get(student)


def _name_4(line: Mapping[Hashable, Any]) -> _Name:
    row = line["row"].removesuffix("-share")
    alone = line["student"] == "standalone"
    key = ("students" if row == "share" or alone else row, line["student"])
    if line["label"] or not line["row"].endswith("share") or key not in _TABLE_1:
        return None
    share = f"{100 * line['share']:g} %"
    method, reference = _TABLE_1[key]
    order = (line["share"], list(_TABLE_1).index(key))
    return order, f"{share}, {method}", f"{share}, {reference}" if reference else ""


def _name_setting(line: Mapping[Hashable, Any]) -> _Name:
    row, student, label = line["row"], line["student"], line["label"]
    of_teachers = row == "agnostic" and label and (row, student) in _TABLE_1
    of_row = row == "students" and (label or student in ("standalone", "distilled"))
    twin = row == "agnostic" and label and student == "standalone"
    if not (of_row or of_teachers or twin):
        return None
    # Where a label's stand-alone students are others than the recipe's, they are its reference.
    alone = f"{_ALONE}; {label}" if line["trained_otherwise"] else _ALONE
    if student == "standalone":
        own = not label or line["trained_otherwise"]
        return ((label, 0), alone, _ALONE if label else "") if own else None
    if of_teachers:
        order = list(_TABLE_1).index((row, student))
        return (label, 2 + order), f"{_TABLE_1[row, student][0]}; {label}", alone
    name = _TABLE_2.get(student, student)
    return (label, 1), f"{name}; {label}" if label else name, alone


def _trained_otherwise(lines: Iterable[Mapping[Hashable, Any]]) -> set[tuple[Any, ...]]:
    """(network, label) of which some stand-alone student is not that of the recipe's own row."""
    alone = [
        line
        for line in lines
        if line["row"] in ("students", "agnostic") and line["student"] == "standalone"
    ]
    what = lambda line: (line["network"], line["row"], line["seed"], line["mae_m"])  # noqa: E731
    of_recipe = {what(line) for line in alone if not line["label"]}
    return {
        (line["network"], line["label"])
        for line in alone
        if line["label"] and what(line) not in of_recipe
    }
