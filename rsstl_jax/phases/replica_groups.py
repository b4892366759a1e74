"""Which students share a state: those trained at once; a resumed run keeps its groups."""

import hashlib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax

from rsstl_jax.engine.loop import Step, make_epochs
from rsstl_jax.engine.mesh import (
    has_device,
    is_partitioned,
    mesh_rows,
    on_row,
    replicate,
    shard,
    shard_context,
)
from rsstl_jax.engine.replicas import stack
from rsstl_jax.engine.site_job import SiteJob
from rsstl_jax.errors import ConfigError
from rsstl_jax.store.processes import exchange
from rsstl_jax.store.recorder import Recorder

Group = tuple[tuple[str, ...], str]
"""(names of trainings, their mode: "vmap", "loop", or "" for one that is alone)."""

MODES = ("vmap", "loop")
"""Trainings of one state: those of a device as one program, or one after the other."""


def replica_groups(
    job: SiteJob,
    step: Step,
    starts: Mapping[str, Any],
    waiting: Sequence[str],
    context_axes: Any,
    recorder: Recorder,
) -> Iterator[Group]:
    """The groups to train: first those that an earlier start has begun, then new ones."""
    left, mode = list(waiting), job.config.run.replicas
    for group in _begun_groups(starts, left, recorder):
        left = [name for name in left if name not in group[0]]
        yield group
    size = 1
    if mode == "vmap" and len(left) > 1:
        size = replicas_that_fit(job, step, [starts[name] for name in left], context_axes)
    size *= len(mesh_rows(job.mesh))
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


def replicas_that_fit(
    job: SiteJob, step: Step, starts: Sequence[Callable[[], Any]], context_axes: Any
) -> int:
    """How many of these trainings a device, or a row of a mesh, may hold under `vmap`."""
    mesh, rows = job.mesh, mesh_rows(job.mesh)
    own_row = next(row for row in rows if has_device(row))
    one_step = shard(jax.tree.map(lambda leaf: leaf[: job.batch_size], job.data), own_row)
    # The first row has as many as any.
    begun = [start() for start in starts[: math.ceil(len(starts) / len(rows))]]
    program: Any = make_epochs(
        step,
        batch_size=job.batch_size,
        num_epochs=1,
        vmapped=True,
        context_axes=context_axes,
        partitioned=is_partitioned(own_row),
    )
    usable = usable_bytes()
    if mesh is not None and mesh.devices.flat[0].platform == "cpu":
        usable //= mesh.size  # they share one memory
    size = len(begun)
    while size > 1:
        state, key, context = stack(begun[:size], (0, 0, context_axes))
        state, key = replicate((state, key), own_row)
        context = shard_context(context, own_row)
        with on_row(own_row):
            compiled = program.lower(state, one_step, key, context).compile()
        if _bytes_of(compiled) <= usable:
            break
        size = (size + 1) // 2
    return min(exchange(size))


def _bytes_of(compiled: Any) -> int:
    """What a compiled program holds while it runs; results do not take its arguments' place."""
    memory = compiled.memory_analysis()
    return memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes


def usable_bytes() -> int:
    """Half of what the first device's allocator has left, or on a CPU half of the memory."""
    stats = jax.local_devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return (stats["bytes_limit"] - stats["bytes_in_use"]) // 2
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
