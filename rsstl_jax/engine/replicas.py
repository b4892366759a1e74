"""Many trainings of one step: how they are stacked, and how the rows of a mesh share them.

With several rows the states stay on their rows between the calls of a program: each leaf is one
array, whose leading axis of replicas is sharded over the rows.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from rsstl_jax.engine.mesh import (
    has_device,
    is_partitioned,
    mesh_rows,
    on_row,
    processes_of,
    replicate,
    shard,
    shard_context,
)
from rsstl_jax.store.processes import exchange


class Replication(NamedTuple):
    """Several trainings of one step, with a leading axis in their state and key."""

    names: tuple[str, ...]  # of the trainings, in the order of the leading axis
    context_axes: Any = None  # as `jax.vmap` takes them: 0 where a replica has its own
    vmapped: bool = True  # those of a device as one program, or one after the other


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


def unstack(tree: Any, index: Any) -> Any:
    """One of the pytrees that `stack` was given, or several still stacked; None: all of them."""
    return tree if index is None else jax.tree.map(lambda leaf: leaf[index], tree)


@dataclass(frozen=True)
class ReplicaSharding:
    """How the rows of a mesh share the states of replicas: the first row has the first ones."""

    mesh: Mesh
    count: int  # of the replicas

    def put(self, state: Any) -> Any:
        """A stacked state, which every process has, as arrays that the rows share."""
        shares = _shares(len(self.mesh.devices), self.count)
        state = jax.device_get(state)
        return self.join({row: unstack(state, share) for row, share in enumerate(shares)})

    def join(self, parts: Mapping[int, Any]) -> Any:
        """The shared arrays, of the parts of this process's rows."""
        named = NamedSharding(self.mesh, PartitionSpec("replica"))

        def join_leaf(*leaves: np.ndarray[Any, Any]) -> jax.Array:
            size, *shape = leaves[0].shape
            part_of = dict(zip(parts, leaves, strict=True))
            find = lambda index: part_of[(index[0].start or 0) // size]  # noqa: E731
            shape = (size * len(self.mesh.devices), *shape)
            return jax.make_array_from_callback(shape, named, find)

        return jax.tree.map(join_leaf, *parts.values())

    def part(self, state: Any, row: int) -> Any:
        """What a row of this process has of the shared arrays, on the host."""

        def find(leaf: jax.Array) -> np.ndarray[Any, Any]:
            start = row * len(leaf) // len(self.mesh.devices)
            shards = leaf.addressable_shards
            return np.asarray(next(s.data for s in shards if (s.index[0].start or 0) == start))

        return jax.tree.map(find, state)

    def gather(self, state: Any) -> Any:
        """The stacked state in every process, as arrays of the default device."""
        rows = enumerate(mesh_rows(self.mesh))
        own = [self.part(state, number) for number, row in rows if _sends(row)]
        stacked = _join(np.concatenate, [part for sent in exchange(own) for part in sent])
        return jax.tree.map(lambda leaf: jnp.asarray(leaf[: self.count]), stacked)


def replica_sharding(mesh: Mesh | None, replication: Replication | None) -> ReplicaSharding | None:
    """How states lie on a mesh; None: they are whole in every process."""
    if mesh is None or len(mesh.devices) == 1 or replication is None:
        return None
    return ReplicaSharding(mesh, len(replication.names))


class _Piece(NamedTuple):
    """What one call of a program trains."""

    program: Callable[..., Any]
    row: Mesh | None
    number: int  # of the row
    index: Any  # of its replicas on the leading axis; None: of no or of all replicas
    within: Any  # the same, among the replicas of the row
    data: Any
    context: Any

    def begin(self, state: Any, key: jax.Array) -> Any:
        """Starts the program; JAX does not wait for its end."""
        state, key = replicate((state, unstack(key, self.index)), self.row)
        with on_row(self.row):
            return self.program(state, self.data, key, self.context)


def spread(
    make_program: Callable[..., Callable[..., Any]],
    mesh: Mesh | None,
    data: Any,
    context: Any,
    replication: Replication | None,
    sharding: ReplicaSharding | None = None,
) -> Callable[[Any, jax.Array], Any]:
    """run(state, key): programs of `make_epochs` on the rows of a mesh; all processes get metrics.

    A sharded state stays so; without a sharding every process gives it whole and gets it whole.
    """
    rows = mesh_rows(mesh)[: 1 if replication is None else None]
    axes: Any = None if replication is None else replication.context_axes
    vmapped = replication is not None and replication.vmapped
    options = {"vmapped": True, "context_axes": axes} if vmapped else {}
    count = 1 if replication is None else len(replication.names)
    single = replication is None or (vmapped and len(rows) == 1)
    pieces = []
    for number, (row, share) in enumerate(zip(rows, _shares(len(rows), count), strict=True)):
        # A process has the programs of its own devices.
        if not has_device(row):
            continue
        program = make_program(partitioned=is_partitioned(row), **options)
        placed, on_devices = shard(data, row), shard_context(context, row)
        indices: list[tuple[Any, Any]] = [(None, None)]
        if not single:
            one_by_one = [(index, within) for within, index in enumerate(share)]
            indices = [(share, slice(None))] if vmapped else one_by_one
        for index, within in indices:
            own = _take_own(axes, on_devices, index)
            pieces.append(_Piece(program, row, number, index, within, placed, own))
    if single and len(processes_of(rows[0])) == jax.process_count():
        return pieces[0].begin
    join = partial(_join, np.concatenate if vmapped else np.stack)

    def take(piece: _Piece, state: Any) -> Any:
        if sharding is None:
            return unstack(state, piece.index)
        return unstack(sharding.part(state, piece.number), piece.within)

    def run(state: Any, key: jax.Array) -> Any:
        begun = [piece.begin(take(piece, state), key) for piece in pieces]
        ended = [*zip(pieces, jax.device_get(begun), strict=True)]
        told = [
            result if sharding is None else tuple(result[1:])
            for piece, result in ended
            if _sends(piece.row)
        ]
        results = [result for sent in exchange(told) for result in sent]
        if single:
            return results[0]
        joined = jax.tree.map(lambda leaf: leaf[:count], join(results))
        if sharding is None:
            return joined
        states: dict[int, list[Any]] = {}
        for piece, (new, *_) in ended:
            states.setdefault(piece.number, []).append(new)
        return sharding.join({number: join(new) for number, new in states.items()}), *joined

    return run


def _shares(num_rows: int, count: int) -> np.ndarray[Any, Any]:
    """The replicas of each row; rows that have too few are padded with the last replica."""
    size = math.ceil(count / num_rows)
    return np.arange(num_rows * size).clip(max=count - 1).reshape(num_rows, size)


def _sends(row: Mesh | None) -> bool:
    """Whether this process tells the others what the program of a row gave."""
    return processes_of(row)[0] == jax.process_index()


def _join(join: Callable[..., Any], trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: join(leaves), *trees)


def _take_own(axes: Any, context: Any, index: Any) -> Any:
    """The context of some replicas: of what each has of its own, theirs."""
    take = lambda axis, part: part if axis is None else unstack(part, index)  # noqa: E731
    return jax.tree.map(take, axes, context, is_leaf=lambda axis: axis is None)
