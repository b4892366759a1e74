"""What report.html draws of metrics.jsonl: curves of every term, and teachers' representations."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rsstl_jax.store.event_files import NO_LOSSES

MAX_POINTS = 200
"""Epochs that a curve shows of a longer training, evenly spread, with the last."""

_FIRST = ("total", "localization")


def training_curves(
    records: Sequence[Mapping[str, Any]], students: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Groups of panels, a panel a term, a line a run; students are given as {name: label}."""
    groups: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for record in records:
        if "epoch" in record:
            group, _ = _group_and_series(record["run"])
            groups.setdefault(group, {}).setdefault(record["run"], []).append(record)
    return [_panels(title, runs, students) for title, runs in groups.items()]


def _group_and_series(run: str) -> tuple[str, str]:
    """A run's group, and its line's name: a student whatever its seed, or a teacher's source."""
    first, _, last = run.partition("/")
    if first.startswith("teacher-"):
        return f"Teachers: {last}" if last else "Teachers", first.removeprefix("teacher-")
    return "Students" if first.startswith("seed-") else "Other trainings", last or first


def _panels(
    title: str, runs: Mapping[str, list[Mapping[str, Any]]], students: Mapping[str, str]
) -> dict[str, Any]:
    found = {_group_and_series(run)[1] for run in runs}
    # A student has the same colour in every picture.
    colours = {name: index for index, name in enumerate((*students, *sorted(found - {*students})))}
    terms = dict.fromkeys(
        name
        for records in runs.values()
        for record in records
        for name, value in record.items()
        if name not in NO_LOSSES and isinstance(value, int | float)
    )
    # The norms of gradients stand behind the terms.
    order = [*(t for t in _FIRST if t in terms), *(t for t in terms if t not in _FIRST)]
    order.sort(key=lambda term: term.endswith("norm"))
    panels = []
    for term in order:
        lines = []
        for run, records in runs.items():
            own = _thinned([r for r in records if math.isfinite(r.get(term, math.nan))])
            if own:
                colour = colours[_group_and_series(run)[1]]
                line = {"label": run.removeprefix("teacher-"), "colour": colour}
                line["x"] = [record["epoch"] for record in own]
                line["y"] = [float(f"{record[term]:.4g}") for record in own]
                lines.append(line)
        panels.append({"label": term.replace("_", " "), "lines": lines})
    return {
        "title": title,
        "legend": [[students.get(n, n), colour] for n, colour in colours.items() if n in found],
        "terms": panels,
    }


def _thinned(records: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    stride = -(-len(records) // MAX_POINTS)
    return records[:: stride or 1] + (records[-1:] if stride > 1 else [])


def teacher_planes(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The representations of each teacher that this workdir trained, in two dimensions."""
    planes = {record["run"]: record["plane"] for record in records if "plane" in record}
    shown = []
    for run, plane in planes.items():
        source = run.removeprefix("teacher-").partition("/")[0]
        first, second = (f"{100 * fraction:.0f} %" for fraction in plane["variance"])
        shown.append(
            {
                "source": source,
                "title": f"teacher of {source}",
                "xlabel": f"first main axis, {first} of the variance",
                "ylabel": f"second main axis, {second} of the variance",
                "real": plane["real"],
                "generated": plane["generated"],
            }
        )
    return shown
