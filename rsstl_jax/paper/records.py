"""Receipts on disk: JSON lines, the settings that they share in the first line of a file."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rsstl_jax.errors import DamagedError
from rsstl_jax.paper.receipts import changed_fields
from rsstl_jax.report.result_table import current_result
from rsstl_jax.store.files import read_json, read_lines, write_lines
from rsstl_jax.store.lock import locked
from rsstl_jax.store.processes import in_first

# Long, and alike in most receipts of a file.
_SHARED = ("config", "start")


@in_first
def add_receipt(file: str | Path, name: str, receipt: Mapping[str, Any]) -> None:
    """Puts a receipt into a file of records; students that one of its name has beside stay."""
    file = Path(file)
    with locked(file.parent, wait=True):
        shared, receipts = _read(file) if file.exists() else (dict(receipt), {})
        receipts[name] = _with_students_of(receipts.get(name), receipt)
        lines = [{"shared": {part: shared[part] for part in _SHARED}}]
        lines += [_pack(name, receipts[name], shared) for name in sorted(receipts)]
        write_lines(file, lines)


def _with_students_of(
    earlier: Mapping[str, Any] | None, receipt: Mapping[str, Any]
) -> dict[str, Any]:
    """The receipt with the further students of an earlier one of the same training."""
    if earlier is None or earlier["config"] != receipt["config"]:
        return dict(receipt)
    result, before = receipt["result"], earlier["result"]
    ours, theirs = result["students"], before["students"]
    if any(ours[name]["mae_m"] != theirs[name]["mae_m"] for name in ours.keys() & theirs.keys()):
        return dict(receipt)
    return dict(receipt) | {"result": before | result | {"students": theirs | ours}}


def has_receipts(folder: str | Path) -> bool:
    """Whether a folder holds receipts, of this version or of 0.1."""
    return any(_files(Path(folder)))


def read_receipts(folder: str | Path) -> Iterator[dict[str, Any]]:
    """The receipts of a folder by name; `changed` has the settings that the recipe does not say."""
    files = _files(Path(folder))
    if not files:
        raise FileNotFoundError(f"{folder} holds no receipts; rsstl tables makes them")
    receipts: dict[str, dict[str, Any]] = {}
    for file in files:
        receipts |= _read(file)[1] if file.suffix == ".jsonl" else {file.stem: read_json(file)}
    for name, receipt in sorted(receipts.items()):
        receipt["result"] = current_result(receipt["result"])
        changed = (f"{path}={value}" for path, value in changed_fields(receipt).items())
        yield receipt | {"file": name, "changed": ", ".join(changed)}


def _files(folder: Path) -> list[Path]:
    """Version 0.1 left a file a receipt; records come after them and hold what is newer."""
    return [*sorted(folder.glob("receipts/*.json")), *sorted(folder.glob("*.jsonl"))]


def _pack(
    name: str, receipt: Mapping[str, Any], shared: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    packed: dict[str, Any] = {"name": name} | dict(receipt)
    # Most of the numbers of a receipt, which `measure` rounds.
    packed["result"] = _renamed(
        receipt["result"], "percentiles_m", "percentiles_mm", lambda m: round(1000 * m)
    )
    for part in _SHARED:
        fields, common = receipt[part], shared[part]
        packed[part] = {k: v for k, v in fields.items() if k not in common or v != common[k]}
        if absent := sorted(common.keys() - fields.keys()):
            packed[f"{part} without"] = absent
    return packed


def _unpack(
    packed: dict[str, Any], shared: Mapping[str, Mapping[str, Any]]
) -> tuple[str, dict[str, Any]]:
    receipt = dict(packed)
    receipt["result"] = _renamed(
        packed["result"], "percentiles_mm", "percentiles_m", lambda mm: mm / 1000
    )
    for part in _SHARED:
        absent = receipt.pop(f"{part} without", ())
        kept = {k: v for k, v in shared[part].items() if k not in absent}
        receipt[part] = kept | receipt[part]
    return receipt.pop("name"), receipt


def _renamed(
    result: dict[str, Any], old: str, new: str, convert: Callable[[Any], float]
) -> dict[str, Any]:
    """A result with one figure of its students under another name and in another unit."""
    students = {name: dict(figures) for name, figures in result["students"].items()}
    for figures in students.values():
        if seeds := figures.pop(old, None):
            figures[new] = [[convert(value) for value in seed] for seed in seeds]
    return result | {"students": students}


def _read(file: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What the receipts of a file share, and {name: receipt}."""
    first, *lines = read_lines(file.read_bytes(), file)
    try:
        shared = {part: first["shared"][part] for part in _SHARED}
        return shared, dict(_unpack(line, shared) for line in lines)
    except (AttributeError, KeyError, TypeError) as error:
        raise DamagedError(f"{file} is not what `rsstl tables` wrote: {error!r}") from error
