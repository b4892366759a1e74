"""Which students share a state: those trained at once; a resumed run keeps its groups."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jax.sharding import Mesh

from rsstl_jax.engine.loop import Step
from rsstl_jax.engine.mesh import mesh_rows
from rsstl_jax.engine.replicas import replicas_that_fit
from rsstl_jax.errors import ConfigError
from rsstl_jax.store.recorder import Recorder

Group = tuple[tuple[str, ...], str]
"""(names of trainings, their mode: "vmap", "loop", or "" for one that is alone)."""

MODES = ("vmap", "loop")
"""Trainings of one state: those of a device as one program, or one after the other."""


def replica_groups(
    step: Step,
    starts: Mapping[str, Any],
    waiting: Sequence[str],
    data: Any,
    *,
    batch_size: int,
    context_axes: Any,
    mode: str,
    recorder: Recorder,
    mesh: Mesh | None = None,
) -> Iterator[Group]:
    """The groups to train: first those that an earlier start has begun, then new ones."""
    left = list(waiting)
    for group in _begun_groups(starts, left, recorder):
        left = [name for name in left if name not in group[0]]
        yield group
    size = 1
    if mode == "vmap" and len(left) > 1:
        size = replicas_that_fit(
            step,
            [starts[name] for name in left],
            data,
            batch_size=batch_size,
            context_axes=context_axes,
            mesh=mesh,
        )
    size *= len(mesh_rows(mesh))
    groups = [tuple(left[i : i + size]) for i in range(0, len(left), size)]
    # All of them before the first is trained: a run that goes on is the run that was begun.
    for names in groups:
        if len(names) > 1:
            recorder.log({"run": group_name(names), "mode": mode, "replicas": names})
    for names in groups:
        yield names, mode if len(names) > 1 else ""


def _begun_groups(
    starts: Mapping[str, Any], left: Sequence[str], recorder: Recorder
) -> Iterator[Group]:
    records = recorder.records()
    grouped: set[str] = set()
    for record in records:
        names = tuple(record.get("replicas", ()))
        grouped |= set(names)
        if any(name in left for name in names) and all(name in starts for name in names):
            if record["mode"] not in MODES:
                raise ConfigError(
                    f"{recorder.workdir} was begun with run.replicas={record['mode']}, which is no "
                    "more; choose another --workdir or remove the folder"
                )
            yield names, record["mode"]
    # A training that was begun alone goes on alone: its last state is its own.
    begun = {record.get("run") for record in records if "epoch" in record}
    for name in left:
        if name in begun - grouped:
            yield (name,), ""


def group_name(names: Sequence[str]) -> str:
    """What the state that a group's trainings share is called."""
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return f"replicas-{digest[:12]}"
