"""The devices of a run: replicas on the rows of a mesh, a batch over the devices of a row.

A row runs the program that one device runs, on its own: the bits of a replica do not depend on how
many rows there are. Within a row XLA partitions that program over the rows of a batch (SPMD), so
that a term that compares the fingerprints of a batch is that of the whole batch.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from rsstl_jax.config.rules import MESH_AXES, read_mesh
from rsstl_jax.engine.radio_map import RadioMap
from rsstl_jax.errors import ConfigError
from rsstl_jax.store.processes import exchange
from rsstl_jax.types import Batch

Block = TypeVar("Block")
Piece = TypeVar("Piece")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Padded:
    """Arrays whose first axis was padded until the devices of a row divide it."""

    arrays: Any
    count: int = field(metadata={"static": True})


def make_mesh(text: str, name: str = "run.mesh") -> Mesh | None:
    """The devices of a text, as the axes replica and data; None: the default device."""
    sizes = read_mesh(text) or {}
    shape = tuple(sizes.get(axis, 1) for axis in MESH_AXES)
    devices, number = jax.devices(), math.prod(shape)
    if number > len(devices):
        raise ConfigError(
            f"{name} is {text!r}, which is {number} devices; JAX finds {len(devices)} "
            f"({devices[0].platform}): take axes whose product is at most {len(devices)}"
        )
    idle = {d.process_index for d in devices} - {d.process_index for d in devices[:number]}
    if text and idle:
        raise ConfigError(
            f"{name} is {text!r}, which leaves process {min(idle)} without a device; of "
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


def processes_of(row: Mesh | None) -> list[int]:
    """The numbers of the processes that have a device of a row."""
    return [0] if row is None else sorted({device.process_index for device in row.devices.flat})


def has_device(row: Mesh | None) -> bool:
    """Whether this process has a device of a row."""
    return jax.process_index() in processes_of(row)


def is_partitioned(row: Mesh | None) -> bool:
    """Whether XLA partitions the program of a row; that of a single device is the same on all."""
    return row is not None and row.size > 1


def on_row(row: Mesh | None) -> AbstractContextManager[Any]:
    """Where the program of a row is compiled and run: a partitioned one finds its devices there."""
    return jax.set_mesh(row) if is_partitioned(row) else nullcontext()


def replicate(tree: Any, row: Mesh | None) -> Any:
    """Arrays as every device of a row has them."""
    if row is None:
        return tree
    if not is_partitioned(row):
        return jax.device_put(tree, row.devices.item())
    return put(tree, NamedSharding(row, PartitionSpec()))


def shard(tree: Any, row: Mesh | None) -> Any:
    """Arrays of one first axis, which the devices of a row share; `unpad` undoes the padding."""
    if row is None or row.size == 1:
        return replicate(tree, row)
    count = jax.tree.leaves(tree)[0].shape[0]

    def pad(leaf: jax.Array) -> jax.Array:
        return jnp.pad(leaf, [(0, -count % row.size), *[(0, 0)] * (leaf.ndim - 1)])

    sharding = NamedSharding(row, PartitionSpec("data"))
    return _Padded(put(jax.tree.map(pad, tree), sharding), count)


def put(tree: Any, sharding: NamedSharding) -> Any:
    """Arrays with a sharding; where it spans processes each of them holds the whole arrays."""
    if sharding.is_fully_addressable:
        return jax.device_put(tree, sharding)

    # device_put would send them around to compare them, and NaN is not equal to NaN.
    def put_leaf(leaf: jax.Array) -> jax.Array:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = put_leaf(jax.random.key_data(leaf))
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
        return jax.make_array_from_callback(leaf.shape, sharding, np.asarray(leaf).__getitem__)

    return jax.tree.map(put_leaf, tree)


def shard_context(context: Any, row: Mesh | None) -> Any:
    """A context on a row: fingerprints and radio maps are shared out, all else is replicated."""
    place = lambda part: (shard if _is_rows(part) else replicate)(part, row)  # noqa: E731
    return jax.tree.map(place, context, is_leaf=_is_rows)


def _is_rows(part: Any) -> bool:
    return isinstance(part, Batch | RadioMap)


def unpad(tree: Any) -> Any:
    """What `shard` was given, inside a compiled program."""
    is_padded = lambda part: isinstance(part, _Padded)  # noqa: E731

    def cut(part: Any) -> Any:
        if not is_padded(part):
            return part
        return constrain(jax.tree.map(lambda leaf: leaf[: part.count], part.arrays))

    return jax.tree.map(cut, tree, is_leaf=is_padded)


def constrain(tree: Any) -> Any:
    """Arrays whose first axis the devices of a row share, inside a partitioned program."""
    return jax.lax.with_sharding_constraint(tree, PartitionSpec("data"))


def in_turns(
    function: Callable[[Block, jax.Device], Piece],
    blocks: Sequence[Block],
    devices: Sequence[jax.Device],
) -> list[Piece]:
    """What a function makes of each block on the device whose turn it is; all processes get all."""
    turns = list(zip(blocks, cycle(devices), strict=False))
    own = [turn for turn in turns if turn[1].process_index == jax.process_index()]
    with ThreadPoolExecutor(len(devices)) as threads:
        pieces = list(threads.map(lambda turn: function(*turn), own))
    of_processes = [iter(of_one) for of_one in exchange(pieces)]
    return [next(of_processes[device.process_index]) for _, device in turns]
