"""Runs the rows of the result tables, and keeps a receipt of each."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from rsstl_jax.baselines import run_baseline
from rsstl_jax.config import ConfigError, flatten
from rsstl_jax.files import read_json, write_json
from rsstl_jax.overrides import override
from rsstl_jax.pipeline import STUDENTS, run_distillation
from rsstl_jax.recipes import make_config
from rsstl_jax.train import Recorder

__all__ = ["ROWS", "read_receipts", "row_config", "row_name", "run_row"]

# What a row trains: the students themselves, the controls of the alignment, the rivals.
_CONTROLS = ("noise", "untrained")
_RIVALS = ("sequential", "collective", "scratch", "knn")
ROWS = ("students", *_CONTROLS, *_RIVALS)

# Where data and bundles lie is the machine's business, not the result's.
_LOCAL = ("data_dir", "bundle_dir")


def row_name(row: str, network: str) -> str:
    """What a row's workdir and receipt are called.

    Args:
        row: one of `ROWS`.
        network: the row's network; kNN has none.

    Returns:
        "dnn", "dnn-noise", "dnn-sequential", "knn".

    Example:
        >>> row_name("students", "dnn"), row_name("knn", "dnn")
        ('dnn', 'knn')
    """
    if row == "knn":
        return row
    return network if row == "students" else f"{network}-{row}"


def row_config(
    row: str,
    *,
    target: str,
    network: str,
    sites: Sequence[str],
    recipe: str = "tuned",
    seeds: Sequence[int] = (0,),
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
    override(config, overrides or {})
    return config


def run_row(row: str, config: ConfigDict, workdir: str | Path) -> dict[str, Any]:
    """Trains a row, or goes on with it, and returns its receipt.

    A control trains its distilled students alone: their stand-alone twins are those of the row
    "students" of the same seeds.

    Args:
        row: one of `ROWS`.
        config: from `row_config`.
        workdir: the row's own folder; a row that has finished is read from it.

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
    file = Path(workdir) / "receipt.json"
    begun = time.perf_counter()
    if row in _RIVALS:
        result = run_baseline(config, row, workdir)
    else:
        result = run_distillation(
            config, workdir, students=("distilled",) if row in _CONTROLS else STUDENTS
        )
    seconds = time.perf_counter() - begun
    content = {path: value for path, value in flatten(config).items() if path not in _LOCAL}
    starts = [r for r in Recorder(workdir).records() if r.get("run") == "start"]
    if file.exists():
        # It had finished: this start trained nothing, and its seconds tell nothing.
        old = read_json(file)
        if old["result"] == read_json(Path(workdir) / "result.json"):
            return old
    receipt = {
        "row": row,
        "result": result,
        "config": content,
        "start": {key: value for key, value in starts[0].items() if key != "run"},
        "starts": len(starts),
        "seconds": round(seconds, 1),
    }
    write_json(file, receipt)
    return read_json(file)


def read_receipts(folder: str | Path) -> Iterator[dict[str, Any]]:
    """The receipts that lie in a folder.

    Args:
        folder: where `experiments/tables.py` keeps them, one file a row.

    Yields:
        One receipt at a time, by file name.

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
        yield read_json(file)
