"""Training on many devices: replicas on the rows of a mesh, a batch over the devices of a row.

A row runs the program that one device runs, on its own: the bits of a replica do not depend on how
many rows there are. Within a row XLA partitions that program over the rows of a batch (SPMD), so
that a term that compares the fingerprints of a batch is that of the whole batch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from rsstl_jax.config.rules import MESH_AXES, read_mesh
from rsstl_jax.engine.radio_map import RadioMap
from rsstl_jax.errors import ConfigError
from rsstl_jax.store.processes import exchange
from rsstl_jax.types import Batch


class Replication(NamedTuple):
    """Several trainings of one step, with a leading axis in their state and key."""

    names: tuple[str, ...]  # of the trainings, in the order of the leading axis
    context_axes: Any = None  # as `jax.vmap` takes them: 0 where a replica has its own
    vmapped: bool = True  # those of a device as one program, or one after the other


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Padded:
    """Arrays whose first axis was padded until the devices of a row divide it."""

    arrays: Any
    count: int = field(metadata={"static": True})


def make_mesh(text: str) -> Mesh | None:
    """The devices that run.mesh names, as the axes replica and data; None: the default device."""
    sizes = read_mesh(text) or {}
    shape = tuple(sizes.get(axis, 1) for axis in MESH_AXES)
    devices, number = jax.devices(), math.prod(shape)
    if number > len(devices):
        raise ConfigError(
            f"run.mesh is {text!r}, which is {number} devices; JAX finds {len(devices)} "
            f"({devices[0].platform}): take axes whose product is at most {len(devices)}"
        )
    idle = {d.process_index for d in devices} - {d.process_index for d in devices[:number]}
    if text and idle:
        raise ConfigError(
            f"run.mesh is {text!r}, which leaves process {min(idle)} without a device; of "
            f"{len(devices)} devices each of {jax.process_count()} processes must have a part"
        )
    if number == 1:
        return None
    axis_types = (AxisType.Auto,) * len(shape)
    return jax.make_mesh(shape, MESH_AXES, axis_types=axis_types, devices=devices[:number])


def mesh_rows(mesh: Mesh | None) -> list[Mesh | None]:
    """The devices of each row of a mesh, as a mesh of its own; [None] without a mesh."""
    if mesh is None:
        return [None]
    return [Mesh(row, ("data",), axis_types=(AxisType.Auto,)) for row in mesh.devices]


def partition(row: Mesh | None) -> Mesh | None:
    """The row, if its program is partitioned; that of a single device is the same on all."""
    return row if row is not None and row.size > 1 else None


def replicate(tree: Any, row: Mesh | None) -> Any:
    """Arrays as every device of a row has them."""
    if row is None:
        return tree
    if partition(row) is None:
        return jax.device_put(tree, row.devices.item())
    return _put(tree, NamedSharding(row, PartitionSpec()))


def shard(tree: Any, row: Mesh | None) -> Any:
    """Arrays of one first axis, which the devices of a row share; `unpad` undoes the padding."""
    if row is None or row.size == 1:
        return replicate(tree, row)
    count = jax.tree.leaves(tree)[0].shape[0]

    def pad(leaf: jax.Array) -> jax.Array:
        return jnp.pad(leaf, [(0, -count % row.size), *[(0, 0)] * (leaf.ndim - 1)])

    sharding = NamedSharding(row, PartitionSpec("data"))
    return _Padded(_put(jax.tree.map(pad, tree), sharding), count)


def _put(tree: Any, sharding: NamedSharding) -> Any:
    """Arrays with a sharding; where it spans processes each of them holds the whole arrays."""
    if sharding.is_fully_addressable:
        return jax.device_put(tree, sharding)

    # device_put would send them around to compare them, and NaN is not equal to NaN.
    def put(leaf: jax.Array) -> jax.Array:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.wrap_key_data(put(jax.random.key_data(leaf)))
        return jax.make_array_from_callback(leaf.shape, sharding, np.asarray(leaf).__getitem__)

    return jax.tree.map(put, tree)


def shard_context(context: Any, row: Mesh | None) -> Any:
    """A context on a row: fingerprints and radio maps are shared out, all else is replicated."""
    place = lambda part: (shard if _is_rows(part) else replicate)(part, row)  # noqa: E731
    return jax.tree.map(place, context, is_leaf=_is_rows)


def _is_rows(part: Any) -> bool:
    return isinstance(part, Batch | RadioMap)


def unpad(tree: Any, row: Mesh | None) -> Any:
    """What `shard` was given, inside a compiled program."""
    is_padded = lambda part: isinstance(part, _Padded)  # noqa: E731

    def cut(part: Any) -> Any:
        if not is_padded(part):
            return part
        return constrain(jax.tree.map(lambda leaf: leaf[: part.count], part.arrays), row)

    return jax.tree.map(cut, tree, is_leaf=is_padded)


def constrain(tree: Any, row: Mesh | None) -> Any:
    """Arrays whose first axis the devices of a row share, inside a compiled program."""
    if row is None:
        return tree
    return jax.lax.with_sharding_constraint(tree, NamedSharding(row, PartitionSpec("data")))


class _Piece(NamedTuple):
    """What one call of a program trains."""

    program: Callable[..., Any]
    row: Mesh | None
    index: Any  # of its replicas on the leading axis; None: of no or of all replicas
    data: Any
    context: Any

    def begin(self, state: Any, key: jax.Array) -> Any:
        """Starts the program; JAX does not wait for its end."""
        state, key = replicate(_take((state, key), self.index), self.row)
        return self.program(state, self.data, key, self.context)


def spread(
    make_program: Callable[..., Callable[..., Any]],
    mesh: Mesh | None,
    data: Any,
    context: Any,
    replication: Replication | None,
) -> Callable[[Any, jax.Array], Any]:
    """run(state, key): programs of `make_epochs`, with the replicas dealt to the rows of a mesh."""
    axes: Any = None if replication is None else replication.context_axes
    vmapped = replication is not None and replication.vmapped
    options = {"vmapped": True, "context_axes": axes} if vmapped else {}
    dealt = _deal(mesh_rows(mesh), replication)
    pieces = []
    for row, indices in dealt:
        # A process has the programs of its own devices.
        if has_device(row):
            program = make_program(row=partition(row), **options)
            placed, on_row = shard(data, row), shard_context(context, row)
            for index in indices:
                pieces.append(_Piece(program, row, index, placed, _take_own(axes, on_row, index)))
    row, (first, *_) = dealt[0]
    if first is None and len(_processes(row)) == jax.process_count():
        return pieces[0].begin
    join = np.concatenate if vmapped else np.stack

    def run(state: Any, key: jax.Array) -> Any:
        begun = [(piece, piece.begin(state, key)) for piece in pieces]
        own = [jax.device_get(result) for piece, result in begun if _sends(piece.row)]
        # In the order of the leading axis: that of the rows is the order of the processes.
        results = [result for sent in exchange(own) for result in sent]
        return results[0] if first is None else jax.tree.map(lambda *leaves: join(leaves), *results)

    return run


def _processes(row: Mesh | None) -> list[int]:
    """The numbers of the processes that have a device of a row."""
    return [0] if row is None else sorted({device.process_index for device in row.devices.flat})


def has_device(row: Mesh | None) -> bool:
    """Whether this process has a device of a row."""
    return jax.process_index() in _processes(row)


def _sends(row: Mesh | None) -> bool:
    """Whether this process tells the others what the program of a row gave."""
    return _processes(row)[0] == jax.process_index()


def _deal(
    rows: list[Mesh | None], replication: Replication | None
) -> list[tuple[Mesh | None, list[Any]]]:
    """Each row with the indices that its programs have of the leading axis."""
    if replication is None or (replication.vmapped and len(rows) == 1):
        return [(rows[0], [None])]
    shares = np.array_split(np.arange(len(replication.names)), len(rows))
    dealt = [(row, share.tolist()) for row, share in zip(rows, shares, strict=True) if len(share)]
    if not replication.vmapped:
        return dealt
    return [(row, [slice(share[0], share[-1] + 1)]) for row, share in dealt]


def _take(tree: Any, index: Any) -> Any:
    return tree if index is None else jax.tree.map(lambda leaf: leaf[index], tree)


def _take_own(axes: Any, context: Any, index: Any) -> Any:
    """The context of some replicas: of what each has of its own, theirs."""
    take = lambda axis, part: part if axis is None else _take(part, index)  # noqa: E731
    return jax.tree.map(take, axes, context, is_leaf=lambda axis: axis is None)


def gather(tree: Any) -> Any:
    """Arrays of any devices as arrays of the default device."""
    return jax.tree.map(jnp.asarray, jax.device_get(tree))
