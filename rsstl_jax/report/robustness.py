"""How the errors of locators grow as their test fingerprints are corrupted, as records."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rsstl_jax.data import Fingerprints
from rsstl_jax.engine.input_order import in_order_of
from rsstl_jax.engine.locator import Locator
from rsstl_jax.errors import ConfigError, DamagedError, DataError
from rsstl_jax.metrics import error_m
from rsstl_jax.report.corruption import AXES, corrupt
from rsstl_jax.report.predicted import predict
from rsstl_jax.store.files import differences, read_lines, write_lines

SAME_M = 0.01  # by which an error may differ between machines


def start_record(part: Fingerprints, *, num_draws: int, seed: int) -> dict[str, Any]:
    """What all records of a file share; raises DataError where a corruption leaves no reading."""
    silent: dict[str, list[float]] = {}
    for name, axis in AXES.items():
        silent[name] = fractions = []
        for strength in axis.strengths:
            drawn = [p.rss_dbm for p in _corrupted(part, name, strength, num_draws, seed)]
            # Scans without a reading are not measured.
            without = np.mean([np.isnan(rss_dbm).all(axis=1) for rss_dbm in drawn])
            fractions.append(round(float(without), 4))
        if max(fractions) == 1:
            raise DataError(
                f"{part.dataset} {part.part}: the corruption {name!r} leaves no scan a reading; "
                "there are too few access points to measure robustness"
            )
    return {
        "dataset": part.dataset,
        "part": part.part,
        "digest": part.digest(),
        "num_fingerprints": len(part),
        "num_draws": num_draws,
        "seed": seed,
        "strengths": {name: [str(s) for s in axis.strengths] for name, axis in AXES.items()},
        "silent": silent,
        "versions": {name: version(name) for name in ("jax", "numpy")},
    }


def measure_locator(
    locator: Locator, part: Fingerprints, *, num_draws: int, seed: int
) -> dict[str, dict[str, list[float]]]:
    """{axis: {figure: its value at each strength, the mean over draws}}."""
    unchanged = _figures(locator, part)
    measured: dict[str, dict[str, list[float]]] = {}
    for name, axis in AXES.items():
        each = []
        for strength in axis.strengths:
            if strength == axis.none:
                each.append(unchanged)
                continue
            drawn = [
                _figures(locator, one) for one in _corrupted(part, name, strength, num_draws, seed)
            ]
            each.append({f: float(np.mean([one[f] for one in drawn])) for f in unchanged})
        measured[name] = {
            figure: [round(figures[figure], 4) for figures in each] for figure in unchanged
        }
    return measured


def check_unchanged(
    file: str | Path, record: "Record", locator: Locator, part: Fingerprints
) -> None:
    """Refuses a record of a locator that has been trained or fitted anew since."""
    # Where nothing is lost nothing is corrupted.
    held_m, now_m = float(record.axes["lost"]["mae_m"][0]), _figures(locator, part)["mae_m"]
    if abs(held_m - now_m) > SAME_M:
        raise ConfigError(
            f"{file} holds {record.name} with a mean error of {held_m:.3f} m, which is {now_m:.3f} "
            "m now: its data or its training have changed; give it another name, or name another "
            "--output"
        )


def _corrupted(
    part: Fingerprints, axis: str, strength: float, num_draws: int, seed: int
) -> Iterator[Fingerprints]:
    for draw in range(num_draws if AXES[axis].random else 1):
        yield corrupt(part, axis, strength, draw=draw, seed=seed)


def _figures(locator: Locator, part: Fingerprints) -> dict[str, float]:
    """The figures of the scans that have a reading."""
    part = part.take(np.flatnonzero(~np.isnan(part.rss_dbm).all(axis=1)))
    predicted = predict(locator, in_order_of(locator, part))
    errors_m = error_m(predicted.position_m, part.position_m)
    figures = {"mae_m": float(errors_m.mean())}
    if part.floor is not None and predicted.floor is not None:
        hit = predicted.floor == part.floor
        if part.building is not None:
            hit &= predicted.building == part.building
        figures["floor_hit"] = float(hit.mean())
    if predicted.radius_m is not None:
        figures["within_radius"] = float((errors_m <= predicted.radius_m).mean())
        figures["radius_m"] = float(predicted.radius_m.mean())
    return figures


class Record(NamedTuple):
    """What was measured of one locator, or of its training with one seed."""

    name: str
    seed: int | None
    axes: Mapping[str, Mapping[str, Sequence[float]]]  # {axis: {figure: one value a strength}}


def read_records(file: str | Path) -> tuple[dict[str, Any], list[Record]]:
    """What the records of a file share, and the records in the order they were measured."""
    shared, *lines = read_lines(Path(file).read_bytes(), file)
    if any({*line} != {*Record._fields} or {*line["axes"]} != {*AXES} for line in lines):
        raise DamagedError(f"{file} is not what `rsstl robustness` wrote")
    return shared, [Record(**line) for line in lines]


def write_records(file: str | Path, shared: Mapping[str, Any], records: Sequence[Record]) -> None:
    """Writes a file of records, the line that all share first."""
    write_lines(file, [shared, *(record._asdict() for record in records)])


def check_shared(file: str | Path, held: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuses to mix records that were measured under other corruptions or on other data."""
    changed = differences({**held, "versions": {}}, {**wanted, "versions": {}})
    if changed:
        raise ConfigError(f"{file} holds other measurements: {'; '.join(changed)}; name another")
