"""report.html of a run: one file with figures, maps, curves and configuration, without network."""

import html
import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import pandas as pd

from rsstl_jax.config.recipes import DEFAULT_SOURCES, make_config, named_config
from rsstl_jax.config.schema import flatten
from rsstl_jax.errors import ConfigError
from rsstl_jax.report.plots import plan_extent, raw_unit, unit_label
from rsstl_jax.report.result_table import (
    figure_cells,
    filled_columns,
    group_tables,
    mean_and_spread,
    methods_of,
    protocol_cells,
    result_title,
    student_label,
)
from rsstl_jax.report.training_curves import teacher_planes, training_curves
from rsstl_jax.store.files import read_json, write_text
from rsstl_jax.store.recorder import Recorder

_INTERVAL = "mae_interval_over_positions_m"


def write_report(workdir: Path, fields: Mapping[str, Any], *, command: str) -> None:
    """Writes report.html from what a run has left: result.json, predictions.csv, metrics.jsonl."""
    result = read_json(workdir / "result.json")
    table = pd.read_csv(workdir / "predictions.csv")
    unit = raw_unit(result["target"])
    students, planes = _students(result, table), teacher_planes(Recorder(workdir).records())
    note = f"<p>Errors are in the dataset's raw unit: {html.escape(unit)}.</p>" if unit else ""
    results = _resource("results.html.tmpl").substitute(
        unit_note=note,
        figures="".join(map(_html_table, [_figures(result), *group_tables(result)])),
        teachers=_teachers(result.get("teachers", {}), planes),
    )
    data = {
        "unit": unit_label(result["target"]),
        "students": students,
        "map": _map(table, [student["name"] for student in students]),
        "planes": planes,
    }
    title = f"{result['network']} at {result['target']}, recipe {result['recipe']}"
    subtitle = (
        f"{result_title(result)}; {result['num_train']:,} training fingerprints, "
        f"{result['num_evaluated']:,} evaluated"
    )
    labels = {student["name"]: student["label"] for student in students}
    _write_page(workdir, fields, command, title, subtitle, results, data, labels)


def write_agnostic_report(
    workdir: Path,
    fields: Mapping[str, Any],
    *,
    command: str,
    table: Sequence[Mapping[str, str]] = (),
) -> None:
    """Writes report.html of trainings of the site-agnostic network, with a table of errors."""
    title, results = "Site-agnostic network", ""
    if table:
        title = f"Site-agnostic network at {fields['target']}"
        results = f"<section><h2>Errors</h2>{_html_table(table)}</section>"
    subtitle = f"trained on {fields['sources']}, seeds {_shown(fields['seeds'])}"
    _write_page(workdir, fields, command, title, subtitle, results, {}, {})


def _html_table(rows: Sequence[Mapping[str, str]]) -> str:
    head, *lines = [[html.escape(cell) for cell in line] for line in filled_columns(rows)]
    body = "".join(f"<tr><td>{'</td><td>'.join(line)}</td></tr>" for line in lines)
    return (
        f'<div class="wide"><table><tr><th>{"</th><th>".join(head)}</th></tr>{body}</table></div>'
    )


def _write_page(
    workdir: Path,
    fields: Mapping[str, Any],
    command: str,
    title: str,
    subtitle: str,
    results: str,
    data: Mapping[str, Any],
    labels: Mapping[str, str],
) -> None:
    records, changed = Recorder(workdir).records(), _changed(fields)
    curves = training_curves(records, labels)
    page = _resource("report.html.tmpl").substitute(
        title=html.escape(title),
        subtitle=html.escape(subtitle),
        results=results,
        style=_resource("report.css").template,
        script="".join(_resource(name).template for name in ("map.js", "report.js")),
        curves_note="" if curves else "<p>This run trained nothing.</p>",
        command=html.escape(_command(command, fields, changed, workdir)),
        start=_table(_start(records)),
        configuration=_table(
            {name: _shown(value) for name, value in fields.items()}, bold=changed.keys()
        ),
        # No text of a site or student can end the script element.
        data=json.dumps({**data, "curves": curves}, separators=(",", ":")).replace("<", "\\u003c"),
    )
    write_text(workdir / "report.html", page)


def _resource(name: str) -> Template:
    return Template((files("rsstl_jax") / "report/page" / name).read_text(encoding="utf-8"))


def _figures(result: Mapping[str, Any]) -> list[dict[str, str]]:
    """Every method with its figures."""
    rows = []
    for method, figures in methods_of(result).items():
        interval = figures[_INTERVAL]
        row = {
            "student": student_label(method, result["network"]),
            **figure_cells(figures),
            "interval over test positions": "[{:.2f}, {:.2f}]".format(*interval)
            if interval
            else "none: a single position",
            "median (m)": mean_and_spread(figures["median_m"]),
            "fraction below 10 m": mean_and_spread(figures["within_10_m"]),
            **protocol_cells(figures),
        }
        if raw_unit(result["target"]):
            row = {_in_raw_units(column): cell for column, cell in row.items()}
        rows.append(row)
    return rows


def _in_raw_units(column: str) -> str:
    if "ground" in column:
        return column
    return column.replace("(m)", "(raw units)").replace("10 m", "10 raw units")


def _students(result: Mapping[str, Any], table: pd.DataFrame) -> list[dict[str, Any]]:
    """What the pictures need of each student: label, means, interval, quantiles of the errors."""
    quantiles = np.linspace(0, 1, 201)
    return [
        {
            "name": name,
            "label": student_label(name, result["network"]),
            "mean": figures["mae_m"],
            "interval": figures[_INTERVAL] or [],
            "quantiles": np.quantile(table[f"{name}_error_m"], quantiles).round(3).tolist(),
        }
        for name, figures in methods_of(result).items()
    ]


def _map(table: pd.DataFrame, students: Sequence[str]) -> dict[str, Any]:
    """True and predicted positions, in centimetres' precision from the corner of the site."""
    seeds = dict(iter(table.groupby("seed", sort=False)))
    first = next(iter(seeds.values()))
    actual_m = first[["x_m", "y_m"]].to_numpy()
    origin = np.floor(actual_m.min(axis=0))
    extent = np.concatenate(plan_extent(actual_m - origin))
    predicted: dict[str, dict[str, Any]] = {}
    for seed, rows in seeds.items():
        predicted[str(seed)] = {}
        for name in students:
            xs, ys = (rows[[f"{name}_x_m", f"{name}_y_m"]].to_numpy() - origin).T
            shown = {"x": xs, "y": ys, "error": rows[f"{name}_error_m"].to_numpy()}
            if f"{name}_radius_m" in rows:
                shown["radius"] = rows[f"{name}_radius_m"].to_numpy()
            predicted[str(seed)][name] = {key: _numbers(v) for key, v in shown.items()}
    xs, ys = (actual_m - origin).round(2).T.tolist()
    return {
        "origin": origin.tolist(),
        "extent": extent.round(2).tolist(),
        "row": first["row"].tolist(),
        "x": xs,
        "y": ys,
        "floor": first["floor"].tolist() if "floor" in first else None,
        "predicted": predicted,
    }


def _numbers(values: np.ndarray) -> list[float | None]:
    """Centimetres are enough, and JSON has no number for what is not finite."""
    return [round(value, 2) if math.isfinite(value) else None for value in values.tolist()]


def _teachers(reports: Mapping[str, Mapping[str, Any]], planes: Sequence[Mapping[str, Any]]) -> str:
    if not reports:
        return "<p>This run has no surrogate teachers.</p>"
    names = {
        name: re.sub("_m$", " (m)", name).replace("_", " ")
        for own in reports.values()
        for name in own
    }
    rows = [
        {"source": source}
        | {label: _shown(own.get(name, ""), digits=3) for name, label in names.items()}
        for source, own in reports.items()
    ]
    pictured = {plane["source"] for plane in planes}
    absent = ", ".join(source for source in reports if source not in pictured)
    note = (
        '<p class="note">Trained by another run, whose page has their picture: '
        f"{html.escape(absent)}. A teacher bundle holds no source data.</p>"
    )
    return (
        _html_table(rows)
        + (note if absent else "")
        + '<p class="note">Each picture shows representations of the same fingerprints of the '
        "source, real and generated, on the two main axes of both together.</p>"
    )


def _changed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have another value than the recipe's."""
    target = fields["target"]
    sources = DEFAULT_SOURCES.get(target, DEFAULT_SOURCES["table"])
    recipe = flatten(make_config(fields["recipe"], target=target, sources=sources))
    return {name: value for name, value in fields.items() if _shown(value) != _shown(recipe[name])}


def _command(
    command: str, fields: Mapping[str, Any], changed: Mapping[str, Any], workdir: Path
) -> str:
    target, recipe = fields["target"], fields["recipe"]
    words = [f"--config={target}:{recipe}"]
    try:
        named_config(target)
    except ConfigError:  # A name near that of a configuration would be taken for a slip.
        words = [f"--config=table:{recipe}", f"--config.target={target}"]
    words += [f"--config.{name}={_shown(value)}" for name, value in changed.items()]
    words.append(f"--workdir={workdir.name}")
    return " \\\n    ".join([command, *map(shlex.quote, words)])


def _shown(value: Any, *, digits: int | None = None) -> str:
    """A value as the command line reads it, or a float rounded to some digits."""
    if isinstance(value, tuple | list):
        return ",".join(map(_shown, value))
    if isinstance(value, float):
        return f"{value:.{digits}g}" if digits else repr(value).removesuffix(".0")
    return str(value)


def _start(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Versions, commit, device and data of the last start."""
    starts = [record for record in records if record.get("run") == "start"]
    if not starts:
        return {}
    start = starts[-1]
    shown = {"device": start.get("device"), "commit": start.get("commit")}
    shown |= {"Python": start.get("python"), **start.get("versions", {})}
    shown |= {f"SHA-256 of {name}": digest for name, digest in start.get("data", {}).items()}
    return {name: str(value) for name, value in shown.items() if value is not None}


def _table(rows: Mapping[str, str], *, bold: Any = ()) -> str:
    marked = (
        f"<tr><td>{html.escape(name)}</td><td>"
        + (f"<b>{html.escape(value)}</b>" if name in bold else html.escape(value))
        + "</td></tr>"
        for name, value in rows.items()
    )
    return f'<table class="fields">{"".join(marked)}</table>'
