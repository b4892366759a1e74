"""Many trainings of one step as few programs: how they are stacked, and how many fit."""

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from rsstl_jax.engine.loop import Step, make_epochs
from rsstl_jax.engine.mesh import has_device, mesh_rows, partition, replicate, shard, shard_context
from rsstl_jax.store.processes import exchange

Start = tuple[Any, jax.Array, Any]
"""(state, key, context) of one training, or of several with a leading axis."""


def stack(trees: Sequence[Any], axes: Any = 0) -> Any:
    """One pytree out of several with a leading axis; where `axes` has None, the first one's."""

    def stack_part(axis: int | None, *parts: Any) -> Any:
        if axis is None:
            return parts[0]
        return _stack(*(jax.tree.map(jnp.asarray, part) for part in parts))

    return jax.tree.map(stack_part, axes, *trees, is_leaf=lambda axis: axis is None)


@jax.jit
def _stack(*trees: Any) -> Any:
    """In one program: leaf by leaf, every shape of a parameter compiles one of its own."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def unstack(tree: Any, index: int) -> Any:
    """One of the pytrees that `stack` was given."""
    return jax.tree.map(lambda leaf: leaf[index], tree)


def replicas_that_fit(
    step: Step,
    starts: Sequence[Callable[[], Start]],
    data: Any,
    *,
    batch_size: int,
    context_axes: Any,
    mesh: Mesh | None = None,
) -> int:
    """How many of these trainings a device, or a row of a mesh, may hold under `vmap`."""
    rows = mesh_rows(mesh)
    own_row = next(row for row in rows if has_device(row))
    one_step = shard(jax.tree.map(lambda leaf: leaf[:batch_size], data), own_row)
    # The first row has as many as any.
    begun = [start() for start in starts[: math.ceil(len(starts) / len(rows))]]
    run = make_epochs(
        step,
        batch_size=batch_size,
        num_epochs=1,
        vmapped=True,
        context_axes=context_axes,
        row=partition(own_row),
    )
    size = len(begun)
    while size > 1:
        states, keys, contexts = zip(*begun[:size], strict=True)
        program: Any = run
        context = shard_context(stack(contexts, context_axes), own_row)
        state, key = replicate((stack(states), stack(keys)), own_row)
        compiled = program.lower(state, one_step, key, context).compile()
        if _bytes_of(compiled) <= usable_bytes() // (1 if mesh is None else _sharing(mesh)):
            break
        size = (size + 1) // 2
    return min(exchange(size))


def _bytes_of(compiled: Any) -> int:
    """What a compiled program holds while it runs; results do not take its arguments' place."""
    memory = compiled.memory_analysis()
    return memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes


def _sharing(mesh: Mesh) -> int:
    """How many of its devices share one memory: those of a host's CPU do."""
    return mesh.size if mesh.devices.flat[0].platform == "cpu" else 1


def usable_bytes() -> int:
    """Half of what the first device's allocator has left, or on a CPU half of the memory."""
    stats = jax.local_devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return (stats["bytes_limit"] - stats["bytes_in_use"]) // 2
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
