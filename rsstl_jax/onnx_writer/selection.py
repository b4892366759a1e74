"""Primitives that look up, sort or rank."""

from typing import Any

import numpy as np
from jax import lax

from rsstl_jax.errors import ConfigError
from rsstl_jax.onnx_writer.axes import Rule, shape_of
from rsstl_jax.onnx_writer.graph import Graph, dims_of


def _top_k(graph: Graph, eqn: Any, inputs: list[str]) -> list[str]:
    axis = eqn.params.get("axis", -1)
    values, index = _ranked(graph, inputs[0], eqn.params["k"], axis, largest=1)
    return [values, graph.cast(index, eqn.outvars[1].aval.dtype)]


def _ranked(graph: Graph, name: str, number: int, axis: int, *, largest: int) -> list[str]:
    """Values and indices (int64), of equal values the first one first, as in JAX."""
    size = graph.ints([number])
    return graph.add_many("TopK", name, size, num_outputs=2, axis=axis, largest=largest)


def _sort(graph: Graph, eqn: Any, inputs: list[str]) -> list[str]:
    axis = eqn.params["dimension"]
    size = shape_of(eqn.invars[0])[axis]
    if eqn.params["num_keys"] != 1:
        raise ConfigError("ONNX has no sort by more than one key")
    if isinstance(size, str):
        raise ConfigError("a sort over the rows of a batch cannot be written as ONNX")
    key, *others = inputs
    first, order = _ranked(graph, key, size, axis, largest=0)
    return [first, *(graph.add("GatherElements", name, order, axis=axis) for name in others)]


def _extreme(kind: str) -> Rule:
    """The rule of the index of the largest or the smallest value."""

    def rule(graph: Graph, eqn: Any, inputs: list[str]) -> str:
        (axis,) = eqn.params["axes"]
        index = graph.add(kind, inputs[0], axis=axis, keepdims=0)
        return graph.cast(index, eqn.outvars[0].aval.dtype)

    return rule


def _gather(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    """Rows, or single elements, of the operand: all axes that are not indexed are kept whole."""
    (shape, index_shape), (operand, index) = map(shape_of, eqn.invars), inputs
    if len(index_shape) == 1 and index in graph.constants:
        return _block(graph, eqn, operand, graph.constants[index])
    numbers, taken = eqn.params["dimension_numbers"], dims_of(eqn.params["slice_sizes"])
    paired, rank = list(numbers.operand_batching_dims), len(index_shape) - 1
    # The index of an axis that is taken whole can be 0 alone.
    used = [i for i, axis in enumerate(numbers.start_index_map) if taken[axis] == 1]
    indexed = [numbers.start_index_map[i] for i in used]
    kept = [axis for axis in range(len(shape)) if axis not in paired + indexed]
    if any(taken[axis] != shape[axis] for axis in kept):
        raise ConfigError(f"ONNX has no gather of blocks of shape {taken} from {shape}")
    if len(used) < len(numbers.start_index_map):
        index = graph.add("Gather", index, graph.ints(used), axis=rank)
    index = graph.cast(index, np.int64)
    if eqn.params["mode"] == lax.GatherScatterMode.CLIP:
        index = graph.add("Max", index, graph.ints([0]))
        index = graph.add("Min", index, graph.ints([shape[axis] - 1 for axis in indexed]))
    # To the front in both: the axes that are paired. Then what is indexed, then what is kept.
    operand = graph.transpose(operand, paired + indexed + kept)
    ours = list(numbers.start_indices_batching_dims)
    order = ours + [axis for axis in range(rank) if axis not in ours]
    index = graph.transpose(index, [*order, rank])
    if len(indexed) == 1 and not paired:
        name = graph.add("Gather", operand, graph.add("Squeeze", index, graph.ints([rank])))
    else:
        name = graph.add("GatherND", operand, index, batch_dims=len(paired))
    return _placed(graph, eqn, name, order, kept)


def _block(graph: Graph, eqn: Any, operand: str, index: np.ndarray) -> str:
    """One block of the operand, whose place is known now."""
    numbers, shape = eqn.params["dimension_numbers"], shape_of(eqn.invars[0])
    cuts = []
    for axis, start in zip(numbers.start_index_map, index, strict=True):
        size, taken = shape[axis], eqn.params["slice_sizes"][axis]
        if isinstance(size, str):
            raise ConfigError("one scan of a batch cannot be picked in ONNX")
        if eqn.params["mode"] == lax.GatherScatterMode.CLIP:
            start = min(max(start, 0), size - taken)
        if not 0 <= start <= size - taken:
            raise ConfigError(f"index {start} is outside an axis of size {size}")
        cuts.append((start, start + taken, axis))
    starts, stops, axes = zip(*cuts, strict=True)
    name = graph.add("Slice", operand, *map(graph.ints, (starts, stops, axes)))
    if numbers.collapsed_slice_dims:
        name = graph.add("Squeeze", name, graph.ints(numbers.collapsed_slice_dims))
    return name


def _placed(graph: Graph, eqn: Any, name: str, order: list[int], kept: list[int]) -> str:
    """What was gathered, float[axes of the index, kept axes], with its axes where JAX has them."""
    numbers = eqn.params["dimension_numbers"]
    gone = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    left = [axis for axis in range(len(shape_of(eqn.invars[0]))) if axis not in gone]
    offset = dict(zip(numbers.offset_dims, left, strict=True))
    indices = iter(range(len(order)))
    # For every axis of the result where it is now; None for one of size 1.
    sources: list[int | None] = []
    for axis in range(len(eqn.outvars[0].aval.shape)):
        if axis not in offset:
            sources.append(order.index(next(indices)))
        elif offset[axis] in kept:
            sources.append(len(order) + kept.index(offset[axis]))
        else:
            sources.append(None)
    name = graph.transpose(name, [source for source in sources if source is not None])
    new = [axis for axis, source in enumerate(sources) if source is None]
    return graph.add("Unsqueeze", name, graph.ints(new)) if new else name


RULES: dict[str, Rule] = {
    "argmax": _extreme("ArgMax"),
    "argmin": _extreme("ArgMin"),
    "gather": _gather,
    "sort": _sort,
    "top_k": _top_k,
}
