"""Primitives that multiply matrices or slide windows."""

import math
from typing import Any

from rsstl_jax.errors import ConfigError
from rsstl_jax.onnx_writer.axes import Rule, shape_of
from rsstl_jax.onnx_writer.graph import Dims, Graph


def _flat(sizes: list[int | str]) -> int | str:
    """The size of axes joined into one; "*" where it is unknown."""
    known = [size for size in sizes if isinstance(size, int)]
    return math.prod(known) if len(known) == len(sizes) else "*".join(map(str, sizes))


def _dot_general(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    left, right = inputs
    (left_sum, right_sum), (left_batch, right_batch) = eqn.params["dimension_numbers"]
    left_shape, right_shape = map(shape_of, eqn.invars)
    left_free = _others(left_shape, left_sum, left_batch)
    right_free = _others(right_shape, right_sum, right_batch)
    batch = tuple(left_shape[axis] for axis in left_batch)
    left = graph.transpose(left, [*left_batch, *left_free, *left_sum])
    right = graph.transpose(right, [*right_batch, *right_sum, *right_free])
    summed = _flat([left_shape[axis] for axis in left_sum])
    rows, columns = [left_shape[a] for a in left_free], [right_shape[a] for a in right_free]
    old_left = (*batch, *rows, *(left_shape[a] for a in left_sum))
    old_right = (*batch, *(right_shape[a] for a in right_sum), *columns)
    # MatMul itself takes any number of axes on the left of a matrix.
    joined = rows if not batch and rows else [_flat(rows)]
    left = graph.reshape(left, old_left, (*batch, *joined, summed))
    right = graph.reshape(right, old_right, (*batch, summed, _flat(columns)))
    name = graph.add("MatMul", left, right)
    return graph.reshape(name, (*batch, *joined, _flat(columns)), shape_of(eqn.outvars[0]))


def _others(shape: Dims, *groups: tuple[int, ...]) -> list[int]:
    taken = {axis for group in groups for axis in group}
    return [axis for axis in range(len(shape)) if axis not in taken]


def _convolution(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    params, numbers = eqn.params, eqn.params["dimension_numbers"]
    if any(factor != 1 for factor in params["lhs_dilation"]) or params["batch_group_count"] != 1:
        raise ConfigError(
            "only convolutions with neither lhs_dilation nor batch groups are written"
        )
    name = graph.add(
        "Conv",
        graph.transpose(inputs[0], list(numbers.lhs_spec)),
        graph.transpose(inputs[1], list(numbers.rhs_spec)),
        strides=list(params["window_strides"]),
        pads=[side for sides in zip(*params["padding"], strict=True) for side in sides],
        dilations=list(params["rhs_dilation"]),
        group=params["feature_group_count"],
    )
    back = sorted(range(len(numbers.out_spec)), key=lambda axis: numbers.out_spec[axis])
    return graph.transpose(name, back)


def _max_pool(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    """The maximum over windows of the axes between the first (rows) and the last (channels)."""
    params = eqn.params
    dilated = {*params["base_dilation"], *params["window_dilation"]} != {1}
    window, rank = params["window_dimensions"], len(params["window_dimensions"])
    if dilated or window[0] != 1 or window[-1] != 1:
        raise ConfigError("only the maximum over undilated windows of the inner axes is written")
    pooled = graph.add(
        "MaxPool",
        graph.transpose(inputs[0], [0, rank - 1, *range(1, rank - 1)]),
        kernel_shape=list(window[1:-1]),
        strides=list(params["window_strides"][1:-1]),
        pads=[side for sides in zip(*params["padding"][1:-1], strict=True) for side in sides],
    )
    return graph.transpose(pooled, [0, *range(2, rank), 1])


RULES: dict[str, Rule] = {
    "conv_general_dilated": _convolution,
    "dot_general": _dot_general,
    "reduce_window_max": _max_pool,
}
