"""Training the rows of the paper's tables, and their receipts."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from rsstl_jax.baselines.run_baseline import METHODS, run_baseline
from rsstl_jax.config.schema import flatten
from rsstl_jax.paper.rows import SHARES, SITES, row_config, row_students
from rsstl_jax.pipeline import run_distillation
from rsstl_jax.report.result_table import is_figures
from rsstl_jax.store.files import read_json, write_json
from rsstl_jax.store.recorder import Recorder

__all__ = ["changed_fields", "read_receipts", "run_row"]

# Where data and bundles lie is the machine's business, not the result's.
_LOCAL = ("data_dir", "bundle_dir")
_OF_A_START = ("run", "time", "seconds_before")
# Which seeds and subsets, not under what settings.
_OF_A_ROUND = ("seeds", "data.fraction_seed", *_LOCAL)


def run_row(
    row: str,
    config: ConfigDict,
    workdir: str | Path,
    *,
    tables: Sequence[str] = ("1",),
    label: str = "",
    students: Sequence[str] = (),
) -> dict[str, Any]:
    """Trains a row, or goes on with it, and returns its receipt."""
    folder = Path(workdir)
    if row not in SHARES:
        return _run(row, config, folder, tables, label, students)
    rounds = []
    for seed in config.seeds:
        own = config.copy_and_resolve_references()
        own.seeds, own.data.fraction_seed = (seed,), seed
        rounds.append(_run(row, own, folder / f"round-{seed}", tables, label, students))
    return _merged(rounds, flatten(config))


def _run(
    row: str,
    config: ConfigDict,
    workdir: Path,
    tables: Sequence[str],
    label: str,
    students: Sequence[str],
) -> dict[str, Any]:
    file = workdir / "receipt.json"
    begun = time.perf_counter()
    method = row.removesuffix("-share")
    if method in METHODS:
        result = run_baseline(config, method, workdir)
    else:
        wanted = row_students(row, config, tables, students)
        result = run_distillation(config, workdir, students=wanted)
    seconds = time.perf_counter() - begun
    starts = [r for r in Recorder(workdir).records() if r.get("run") == "start"]
    seconds += starts[-1]["seconds_before"]
    if file.exists():
        # It had finished: this start trained nothing, and its seconds tell nothing.
        old = read_json(file)
        if old["result"] == read_json(workdir / "result.json"):
            return old
        # It was asked for other seeds or students.
        if old["result"]["seeds"] == result["seeds"]:
            result = old["result"] | result
    receipt = {
        "row": row,
        "label": label,
        "result": result,
        "config": _told(flatten(config)),
        "start": {k: v for k, v in starts[0].items() if k not in _OF_A_START},
        "starts": len(starts),
        "seconds": round(seconds, 1),
    }
    write_json(file, receipt)
    return read_json(file)


def _told(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {path: value for path, value in fields.items() if path not in _LOCAL}


def _merged(receipts: Sequence[dict[str, Any]], fields: Mapping[str, Any]) -> dict[str, Any]:
    """One receipt of several rounds: their seeds and figures in a row."""
    first = receipts[0]
    results = [receipt["result"] for receipt in receipts]
    result = first["result"] | {"seeds": [seed for own in results for seed in own["seeds"]]}
    for student, figures in results[0].items():
        if not is_figures(figures):
            continue
        if any(student not in own for own in results):
            # An earlier start asked one of the rounds for more students than this one does.
            del result[student]
            continue
        result[student] = {
            figure: [value for own in results for value in own[student][figure]]
            for figure in figures
            if len(figures[figure]) == 1  # a value of each seed, not of all together
        }
    if "settings" in result:
        result["settings"] = [own["settings"] for own in results]
    seconds = round(sum(receipt["seconds"] for receipt in receipts), 1)
    starts = sum(receipt["starts"] for receipt in receipts)
    told = _told(fields) | {"data.fraction_seed": "the seed"}
    return first | {"result": result, "config": told, "seconds": seconds, "starts": starts}


def changed_fields(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """Under what a row was trained that its recipe, as it is now, and `SITES` do not say."""
    told, result = receipt["config"], receipt["result"]
    own = row_config(
        receipt["row"],
        target=result["target"],
        network=result["network"],
        sites=SITES,
        recipe=result["recipe"],
        seeds=result["seeds"],
        share=told["data.fraction"] if receipt["row"] in SHARES else 1.0,
    )
    # A receipt is JSON, which has no tuples.
    plain = {path: _plain(value) for path, value in flatten(own).items()}
    return {
        path: value
        for path, value in told.items()
        if path in plain and _plain(value) != plain[path] and path not in _OF_A_ROUND
        if not path.startswith("run.")
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def read_receipts(folder: str | Path) -> Iterator[dict[str, Any]]:
    """The receipts that lie in a folder."""
    files = sorted(Path(folder).glob("*.json"))
    if not files:
        raise FileNotFoundError(f"{folder} holds no receipt; experiments/tables.py makes them")
    for file in files:
        receipt = read_json(file)
        yield receipt | {"file": file.name, "changed": changed_fields(receipt)}
