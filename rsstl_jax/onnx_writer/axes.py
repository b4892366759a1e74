"""Primitives that move, join, cut or reduce whole axes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rsstl_jax.errors import ConfigError
from rsstl_jax.onnx_writer.graph import ROWS, Dims, Graph, Value, constant, dims_of

Handler = Callable[[Graph, Any, list[Value]], list[Value]]
Rule = Callable[[Graph, Any, list[str]], str | list[str]]
"""Writes an equation whose inputs and outputs, given by name, have their whole shapes."""


def shape_of(atom: Any) -> Dims:
    """The shape that JAX gives a variable or a literal."""
    return dims_of(atom.aval.shape)


def whole(rule: Rule) -> Handler:
    """The handler of a rule: each input is repeated to its whole shape."""

    def handle(graph: Graph, eqn: Any, inputs: list[Value]) -> list[Value]:
        pairs = zip(inputs, eqn.invars, strict=True)
        names = rule(graph, eqn, [graph.full(value, shape_of(atom)) for value, atom in pairs])
        outputs = zip([names] if isinstance(names, str) else names, eqn.outvars, strict=True)
        return [Value(name, shape_of(out)) for name, out in outputs]

    return handle


def _broadcast(graph: Graph, eqn: Any, inputs: list[Value]) -> list[Value]:
    value, axes = inputs[0], eqn.params["broadcast_dimensions"]
    rank = len(eqn.params["shape"])
    sizes = dict(zip(axes, value.shape, strict=True))
    shape = tuple(sizes.get(axis, 1) for axis in range(rank))
    if value.array is not None:
        return [constant(value.array.reshape(shape))]
    new = [axis for axis in range(rank) if axis not in sizes]
    name = graph.add("Unsqueeze", value.name, graph.ints(new)) if new else value.name
    return [Value(name, shape)]


def _squeeze(graph: Graph, eqn: Any, inputs: list[Value]) -> list[Value]:
    axes = eqn.params["dimensions"]
    shape = tuple(size for axis, size in enumerate(inputs[0].shape) if axis not in axes)
    return [Value(graph.add("Squeeze", graph.name(inputs[0]), graph.ints(axes)), shape)]


def _transpose(graph: Graph, eqn: Any, inputs: list[Value]) -> list[Value]:
    order = list(eqn.params["permutation"])
    shape = tuple(inputs[0].shape[axis] for axis in order)
    return [Value(graph.transpose(graph.name(inputs[0]), order), shape)]


def _iota(graph: Graph, eqn: Any, inputs: list[Value]) -> list[Value]:
    shape, axis, dtype = (eqn.params[key] for key in ("shape", "dimension", "dtype"))
    size, alone = dims_of(shape)[axis], [1] * len(shape)
    alone[axis] = -1
    if isinstance(size, int):
        return [constant(np.arange(size, dtype=np.dtype(dtype)).reshape(alone))]
    rows = graph.add("Squeeze", graph.sizes([size]))
    numbers = graph.add("Range", graph.store(np.int64(0)), rows, graph.store(np.int64(1)))
    name = graph.add("Reshape", graph.cast(numbers, dtype), graph.ints(alone))
    return [Value(name, tuple(size if i == axis else 1 for i in range(len(shape))))]


def _split(graph: Graph, eqn: Any, inputs: list[str]) -> list[str]:
    sizes, axis = eqn.params["sizes"], eqn.params["axis"]
    return graph.add_many("Split", inputs[0], graph.ints(sizes), num_outputs=len(sizes), axis=axis)


def _unstack(graph: Graph, eqn: Any, inputs: list[str]) -> list[str]:
    axis, number = eqn.params["axis"], len(eqn.outvars)
    sizes = graph.ints([1] * number)
    layers = graph.add_many("Split", inputs[0], sizes, num_outputs=number, axis=axis)
    return [graph.add("Squeeze", layer, graph.ints([axis])) for layer in layers]


def _stack(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    axis = eqn.params["axis"]
    layers = [graph.add("Unsqueeze", name, graph.ints([axis])) for name in inputs]
    return graph.add("Concat", *layers, axis=axis)


def _tile(graph: Graph, eqn: Any, inputs: list[Value]) -> list[Value]:
    """Repeats whole arrays; an axis of size 1 stays one, for it broadcasts."""
    value, repeats = inputs[0], dims_of(eqn.params["reps"])
    counts = [1 if size == 1 else count for size, count in zip(value.shape, repeats, strict=True)]
    if all(count == 1 for count in counts):
        return [value]
    whole = shape_of(eqn.outvars[0])
    pairs = zip(value.shape, whole, strict=True)
    shape = tuple(1 if size == 1 else repeated for size, repeated in pairs)
    return [Value(graph.add("Tile", graph.name(value), graph.sizes(counts)), shape)]


def _slice(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    sizes = shape_of(eqn.invars[0])
    limits = dims_of(eqn.params["limit_indices"])
    strides = eqn.params["strides"] or [1] * len(sizes)
    cuts = zip(eqn.params["start_indices"], limits, strides, strict=True)
    cut = {i: c for i, c in enumerate(cuts) if c != (0, sizes[i], 1)}
    if not cut:
        return inputs[0]
    starts, stops, steps = zip(*cut.values(), strict=True)
    return graph.add("Slice", inputs[0], *map(graph.ints, (starts, stops, list(cut), steps)))


def _dynamic_slice(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    """A slice whose starts are computed; as in JAX they are clipped to what fits."""
    sizes, taken = shape_of(eqn.invars[0]), dims_of(eqn.params["slice_sizes"])
    name = inputs[0]
    for axis, (size, number) in enumerate(zip(sizes, taken, strict=True)):
        if size != number:
            start = graph.add("Unsqueeze", graph.cast(inputs[1 + axis], np.int64), graph.ints([0]))
            start = graph.add("Max", start, graph.ints([0]))
            last = graph.add("Sub", graph.sizes([size]), graph.ints([number]))
            start = graph.add("Min", start, last)
            stop = graph.add("Add", start, graph.ints([number]))
            name = graph.add("Slice", name, start, stop, graph.ints([axis]))
    return name


def _reverse(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    axes = eqn.params["dimensions"]
    first = [np.iinfo(np.int64).min] * len(axes)
    back = [-1] * len(axes)
    return graph.add("Slice", inputs[0], *map(graph.ints, (back, first, axes, back)))


def _pad(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    before, after, between = zip(*eqn.params["padding_config"], strict=True)
    if any(between):
        raise ConfigError("ONNX has no padding between elements")
    return graph.add("Pad", inputs[0], graph.ints(before + after), inputs[1])


def _reduce(kind: str) -> Rule:
    """The rule of a reduction over some axes."""

    def rule(graph: Graph, eqn: Any, inputs: list[str]) -> str:
        axes = graph.ints(eqn.params["axes"])
        if eqn.invars[0].aval.dtype != bool:
            return graph.add(kind, inputs[0], axes, keepdims=0)
        # ONNX reduces no truth values.
        number = graph.add(kind, graph.cast(inputs[0], np.int32), axes, keepdims=0)
        return graph.cast(number, bool)

    return rule


def _cumsum(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    axis = graph.store(np.int64(eqn.params["axis"]))
    return graph.add("CumSum", inputs[0], axis, reverse=int(eqn.params["reverse"]))


def _number_of_rows(graph: Graph, eqn: Any, inputs: list[Value]) -> list[Value]:
    if str(eqn.params["dim"]) != ROWS:
        raise ConfigError(f"ONNX has no value for the size {eqn.params['dim']}")
    rows = graph.add("Squeeze", graph.sizes([ROWS]))
    return [Value(graph.cast(rows, eqn.outvars[0].aval.dtype), ())]


RULES: dict[str, Rule] = {
    "concatenate": lambda g, e, x: g.add("Concat", *x, axis=e.params["dimension"]),
    "cumsum": _cumsum,
    "dynamic_slice": _dynamic_slice,
    "pad": _pad,
    "reduce_and": _reduce("ReduceMin"),
    "reduce_max": _reduce("ReduceMax"),
    "reduce_min": _reduce("ReduceMin"),
    "reduce_or": _reduce("ReduceMax"),
    "reduce_prod": _reduce("ReduceProd"),
    "reduce_sum": _reduce("ReduceSum"),
    "reshape": lambda g, e, x: g.reshape(x[0], shape_of(e.invars[0]), shape_of(e.outvars[0])),
    "rev": _reverse,
    "slice": _slice,
    "split": _split,
    "stack": _stack,
    "unstack": _unstack,
}
HANDLERS: dict[str, Handler] = {
    "broadcast_in_dim": _broadcast,
    "dim_as_value": _number_of_rows,
    "iota": _iota,
    "squeeze": _squeeze,
    "tile": _tile,
    "transpose": _transpose,
}
