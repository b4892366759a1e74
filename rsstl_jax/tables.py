"""The rows of the paper's tables and their rivals: what each trains, and its receipt."""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from rsstl_jax.baselines import run_baseline
from rsstl_jax.config import ConfigError, flatten, name_list
from rsstl_jax.files import read_json, write_json
from rsstl_jax.overrides import override
from rsstl_jax.pipeline import run_distillation
from rsstl_jax.recipes import make_config
from rsstl_jax.train import STUDENTS, TERMS, Recorder, Variant

__all__ = ["ROWS", "TABLES", "read_receipts", "row_config", "row_name", "row_students", "run_row"]

TABLES = ("1", "2", "3", "4")
"""Of the paper: all methods, single terms, single sources, a share of the target."""

# What a row trains: the students themselves, on a share of the target, the controls of the
# alignment, the rivals.
_SHARE = "share"
_CONTROLS = ("noise", "untrained")
_RIVALS = ("sequential", "collective", "scratch", "knn")
ROWS = ("students", _SHARE, *_CONTROLS, *_RIVALS)

# Table 2 of the paper: which terms each of its rows has, beside none and all.
_ABLATIONS = (TERMS[:1], TERMS[1:2], TERMS[:2], TERMS[2:])

# Where data and bundles lie is the machine's business, not the result's.
_LOCAL = ("data_dir", "bundle_dir")


def row_name(row: str, network: str, *, share: float = 1.0, label: str = "") -> str:
    """What a row's workdir and receipt are called.

    Args:
        row: one of `ROWS`.
        network: the row's network; kNN has none.
        share: of the target's train part.
        label: what sets it apart from the recipe's own row.

    Returns:
        "dnn", "dnn-noise", "dnn-share-10", "knn", "dnn-literal".

    Example:
        >>> row_name("students", "dnn"), row_name("knn", "dnn"), row_name("share", "dnn", share=0.1)
        ('dnn', 'knn', 'dnn-share-10')
    """
    name = network.replace(":", ".")
    if row == "knn":
        name = row
    elif row == _SHARE:
        name += f"-share-{100 * share:g}"
    elif row != "students":
        name += f"-{row}"
    return f"{name}-{label}" if label else name


def row_config(
    row: str,
    *,
    target: str,
    network: str,
    sites: Sequence[str],
    recipe: str = "tuned",
    seeds: Sequence[int] = (0,),
    share: float = 1.0,
    overrides: Mapping[str, Any] | None = None,
) -> ConfigDict:
    """The configuration under which a row is trained.

    Args:
        row: one of `ROWS`.
        target: dataset of the students.
        network: their architecture.
        sites: datasets that the sources are taken from: all of them but the target.
        recipe: as of `make_config`.
        seeds: one student is trained for each.
        share: of the target's train part, for the row "share".
        overrides: {dotted field: value} set on top.

    Returns:
        ConfigDict.

    Raises:
        ConfigError: if there is no such row or field.

    Example:
        >>> config = row_config("noise", target="uji", network="dnn", sites=("uji", "tampere"))
        >>> config.sources, config.teacher.kind
        ('tampere', 'noise')
    """
    if row not in ROWS:
        raise ConfigError(f"row is {row!r}; it must be one of {', '.join(ROWS)}")
    sources = ",".join(site for site in sites if site != target)
    config = make_config(recipe, target=target, sources=sources)
    config.network, config.seeds = network, tuple(seeds)
    if row in _CONTROLS:
        config.teacher.kind = row
    if row == _SHARE:
        config.data.fraction = share
    override(config, overrides or {})
    return config


def row_students(
    row: str, config: ConfigDict, tables: Sequence[str] = ("1",)
) -> dict[str, Variant]:
    """The students that a row trains for every seed, for the tables asked for.

    A control trains its distilled students alone: their stand-alone twins are those of the row
    "students" of the same seeds.

    Args:
        row: one of `ROWS`, no rival.
        config: from `row_config`; read here: `sources`.
        tables: of `TABLES`.

    Returns:
        {name: Variant}.

    Raises:
        ConfigError: if there is no such table.

    Example:
        >>> config = row_config("students", target="uji", network="dnn", sites=("tampere", "tut7"))
        >>> list(row_students("students", config, ("1", "3")))
        ['standalone', 'distilled', 'from-tampere', 'from-tut7']
    """
    if unknown := set(tables) - set(TABLES):
        raise ConfigError(f"table is {min(unknown)!r}; it must be one of {', '.join(TABLES)}")
    if row in _CONTROLS:
        return {"distilled": STUDENTS["distilled"]}
    students = dict(STUDENTS)
    if row == _SHARE:
        return students
    if "2" in tables:
        for terms in _ABLATIONS:
            absent = {term: 0.0 for term in TERMS if term not in terms}
            students["+".join(terms)] = Variant(absent)
    if "3" in tables:
        sources = name_list(config.sources)
        for count in range(1, len(sources)):
            for some in combinations(sources, count):
                students["from-" + "+".join(some)] = Variant(sources=some)
    return students


def run_row(
    row: str,
    config: ConfigDict,
    workdir: str | Path,
    *,
    tables: Sequence[str] = ("1",),
    label: str = "",
) -> dict[str, Any]:
    """Trains a row, or goes on with it, and returns its receipt.

    The row "share" has a share of its own for every seed, drawn with that seed; each is trained
    in a folder of its own.

    Args:
        row: one of `ROWS`.
        config: from `row_config`.
        workdir: the row's own folder; a row that has finished is read from it.
        tables: of `TABLES`, those that the row is trained for.
        label: what sets it apart from the recipe's own row.

    Returns:
        The receipt: `result` as result.json has it, the `config`, the `start` record (versions,
        commit, device, data fingerprints), how many `starts` it took, and the `seconds` of the
        start that finished.

    Raises:
        ConfigError: if the configuration cannot be run, or the folder holds another one's run.
        DataError: if a dataset cannot be read.
        DivergedError: if a training stops being finite.

    Example:
        >>> import tempfile
        >>> config = row_config("scratch", target="synthetic-office", network="dnn",
        ...                     sites=("synthetic-mall",), recipe="smoke")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     receipt = run_row("scratch", config, folder)
        >>> len(receipt["result"]["scratch"]["mae_m"]), receipt["starts"]
        (1, 1)
    """
    folder = Path(workdir)
    if row != _SHARE:
        return _run(row, config, folder, tables, label)
    rounds = []
    for seed in config.seeds:
        own = config.copy_and_resolve_references()
        own.seeds, own.data.fraction_seed = (seed,), seed
        rounds.append(_run(row, own, folder / f"round-{seed}", tables, label))
    return _merged(rounds, flatten(config))


def _run(
    row: str, config: ConfigDict, workdir: Path, tables: Sequence[str], label: str
) -> dict[str, Any]:
    file = workdir / "receipt.json"
    begun = time.perf_counter()
    if row in _RIVALS:
        result = run_baseline(config, row, workdir)
    else:
        result = run_distillation(config, workdir, students=row_students(row, config, tables))
    seconds = time.perf_counter() - begun
    starts = [r for r in Recorder(workdir).records() if r.get("run") == "start"]
    if file.exists():
        # It had finished: this start trained nothing, and its seconds tell nothing.
        old = read_json(file)
        if old["result"] == read_json(workdir / "result.json"):
            return old
    receipt = {
        "row": row,
        "label": label,
        "result": result,
        "config": _told(flatten(config)),
        "start": {key: value for key, value in starts[0].items() if key != "run"},
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
    for student in STUDENTS:
        figures = results[0][student]
        result[student] = {
            figure: [value for own in results for value in own[student][figure]]
            for figure in figures
            if figure != "mae_interval_over_positions_m"  # of one round, not of all
        }
    seconds = round(sum(receipt["seconds"] for receipt in receipts), 1)
    starts = sum(receipt["starts"] for receipt in receipts)
    told = _told(fields) | {"data.fraction_seed": "the seed"}
    return first | {"result": result, "config": told, "seconds": seconds, "starts": starts}


def read_receipts(folder: str | Path) -> Iterator[dict[str, Any]]:
    """The receipts that lie in a folder.

    Args:
        folder: where `experiments/tables.py` keeps them, one file a row.

    Yields:
        One receipt at a time, by file name, with the name under `file`.

    Raises:
        FileNotFoundError: if there is none.

    Example:
        >>> next(read_receipts("/nowhere"))
        Traceback (most recent call last):
        ...
        FileNotFoundError: /nowhere holds no receipt; experiments/tables.py makes them
    """
    files = sorted(Path(folder).glob("*.json"))
    if not files:
        raise FileNotFoundError(f"{folder} holds no receipt; experiments/tables.py makes them")
    for file in files:
        yield read_json(file) | {"file": file.name}
