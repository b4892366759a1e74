"""Training the rows of the paper's tables, and their receipts."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from rsstl_jax.baselines.run_baseline import METHODS, run_baseline
from rsstl_jax.config.retired import drop_retired
from rsstl_jax.config.schema import flatten
from rsstl_jax.paper.rows import SHARES, SOURCES, row_config, row_students
from rsstl_jax.pipeline import run_distillation
from rsstl_jax.report.result_table import current_result, students_of
from rsstl_jax.store.files import read_json, write_json
from rsstl_jax.store.processes import in_first
from rsstl_jax.store.recorder import Recorder

# Where data and bundles lie is the machine's business, not the result's.
_LOCAL = ("data_dir", "bundle_dir")
_START_TIMES = ("run", "time", "seconds_before")
# Which seeds and subsets, not under what settings.
_ROUND_FIELDS = ("seeds", "data.fraction_seed", *_LOCAL)


def run_row(
    row: str,
    config: ConfigDict,
    workdir: str | Path,
    *,
    tables: Sequence[str] = ("1",),
    variant: str = "",
    students: Sequence[str] = (),
) -> dict[str, Any]:
    """Trains a row, or goes on with it, and returns its receipt."""
    folder = Path(workdir)

    def run(config: ConfigDict, workdir: Path) -> dict[str, Any]:
        begun = time.perf_counter()
        method = row.removesuffix("-share")
        if method in METHODS:
            result = run_baseline(config, method, workdir)
        else:
            wanted = row_students(row, config, tables, students)
            result = run_distillation(config, workdir, students=wanted)
        return _receipt(row, config, workdir, variant, result, time.perf_counter() - begun)

    if row not in SHARES:
        return run(config, folder)
    rounds = []
    for seed in config.seeds:
        round_config = config.copy_and_resolve_references()
        round_config.seeds, round_config.data.fraction_seed = (seed,), seed
        rounds.append(run(round_config, folder / f"round-{seed}"))
    return _merge(rounds, flatten(config))


@in_first
def _receipt(
    row: str,
    config: ConfigDict,
    workdir: Path,
    variant: str,
    result: dict[str, Any],
    seconds: float,
) -> dict[str, Any]:
    """Writes the receipt of a row that has been trained; an earlier one may stay."""
    file = workdir / "receipt.json"
    starts = [r for r in Recorder(workdir).records() if r.get("run") == "start"]
    seconds += starts[-1]["seconds_before"]
    if file.exists():
        receipt = read_json(file)
        before = current_result(receipt["result"])
        held = read_json(workdir / "result.json")
        # An earlier version did not write the command.
        if {"command": held["command"], **before} == held:
            # It had finished: this start trained nothing, and its seconds say nothing.
            return receipt | {"result": before}
        if before["seeds"] == result["seeds"]:
            # Other students are asked for: those of before stay.
            students_before = before["students"]
            result = before | result | {"students": students_before | students_of(result)}
    receipt = {
        "row": row,
        "label": variant,  # the key that stored records have
        "result": result,
        "config": _without_local(flatten(config)),
        "start": {k: v for k, v in starts[0].items() if k not in _START_TIMES},
        "starts": len(starts),
        "seconds": round(seconds, 1),
    }
    write_json(file, receipt)
    return read_json(file)


def _without_local(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {path: value for path, value in fields.items() if path not in _LOCAL}


def _merge(receipts: Sequence[dict[str, Any]], fields: Mapping[str, Any]) -> dict[str, Any]:
    """One receipt of several rounds: their seeds and figures one after the other."""
    results = [receipt["result"] for receipt in receipts]
    rounds = [students_of(result) for result in results]
    # An earlier start may have asked one of the rounds for more students than this one does.
    common = [name for name in rounds[0] if all(name in students for students in rounds)]
    result = current_result(results[0]) | {
        "seeds": [seed for one in results for seed in one["seeds"]],
        "students": {name: _joined([students[name] for students in rounds]) for name in common},
    }
    if "settings" in result:
        result["settings"] = [one["settings"] for one in results]
    return receipts[0] | {
        "result": result,
        "config": _without_local(fields) | {"data.fraction_seed": "the seed"},
        "seconds": round(sum(receipt["seconds"] for receipt in receipts), 1),
        "starts": sum(receipt["starts"] for receipt in receipts),
    }


def _joined(rounds: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The figures of one student that have a value of each seed, those of all rounds together."""
    of_a_seed = (
        n for n, values in rounds[0].items() if isinstance(values, list) and len(values) == 1
    )
    return {
        name: [value for figures in rounds for value in figures[name]]
        for name in of_a_seed
        if all(name in figures for figures in rounds)
    }


def changed_fields(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """Under what a row was trained that its recipe, as it is now, and `SOURCES` do not say."""
    fields, result = drop_retired(receipt["config"]), receipt["result"]
    config = row_config(
        receipt["row"],
        target=result["target"],
        network=result["network"],
        sources=SOURCES,
        recipe=result["recipe"],
        seeds=result["seeds"],
        share=fields["data.fraction"] if receipt["row"] in SHARES else 1.0,
    )
    # A receipt is JSON, which has no tuples.
    recipe, trained = (json.loads(json.dumps(of)) for of in (flatten(config), fields))
    return {
        path: value
        for path, value in fields.items()
        if path in recipe and trained[path] != recipe[path] and path not in _ROUND_FIELDS
        if not path.startswith("run.")
    }
