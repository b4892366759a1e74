"""Primitives that act on every element by itself; their inputs broadcast."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jax import lax

from rsstl_jax.errors import ConfigError
from rsstl_jax.onnx_writer.graph import Dims, Graph, Value, signed

_OF_ONE_NAME = "abs add ceil cos div erf exp floor log max min mul neg pow sign sin sqrt sub tanh"
SAME = {
    **{name: name.capitalize() for name in _OF_ONE_NAME.split()},
    **dict.fromkeys(("eq", "eq_to"), "Equal"),
    **dict.fromkeys(("le", "le_to"), "LessOrEqual"),
    **dict.fromkeys(("lt", "lt_to"), "Less"),
    "ge": "GreaterOrEqual",
    "gt": "Greater",
    "logistic": "Sigmoid",
    "reduce_precision": "Identity",
}
"""Primitives that ONNX has one operator for."""

BITWISE = {"and": "And", "or": "Or", "xor": "Xor", "not": "Not"}

Rule = Callable[[Graph, Any, list[str]], str]


def _joint_shape(shapes: list[Dims]) -> Dims:
    """What these shapes broadcast to; scalars have no axes."""
    longest = max(shapes, key=len)
    whole = [shape for shape in shapes if len(shape) == len(longest)]
    return tuple(next((s for s in sizes if s != 1), 1) for sizes in zip(*whole, strict=True))


def elementwise(rule: Rule) -> Callable[[Graph, Any, list[Value]], list[Value]]:
    """A handler out of a rule that gets the names of the inputs."""

    def handle(graph: Graph, eqn: Any, inputs: list[Value]) -> list[Value]:
        name = rule(graph, eqn, [graph.name(value) for value in inputs])
        return [Value(name, _joint_shape([value.shape for value in inputs]))]

    return handle


def _bitwise(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    is_bool = eqn.invars[0].aval.dtype == bool
    return graph.add(("" if is_bool else "Bitwise") + BITWISE[eqn.primitive.name], *inputs)


def _scalar(graph: Graph, eqn: Any, number: float) -> str:
    return graph.store(np.array(number, signed(eqn.invars[0].aval.dtype)))


def _power_of_integer(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    # As XLA does, by repeated squaring: Pow is many times slower.
    power, (square,), product = abs(eqn.params["y"]), inputs, ""
    while power:
        if power % 2:
            product = graph.add("Mul", product, square) if product else square
        power //= 2
        if power:
            square = graph.add("Mul", square, square)
    if not product:
        return graph.add("Pow", inputs[0], _scalar(graph, eqn, 0))
    return graph.add("Reciprocal", product) if eqn.params["y"] < 0 else product


def _select(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    if eqn.invars[0].aval.dtype != bool:
        raise ConfigError(
            "cannot write a select among more than two cases as ONNX: nest two wheres"
        )
    which, if_false, if_true = inputs
    return graph.add("Where", which, if_true, if_false)


def _round(graph: Graph, eqn: Any, inputs: list[str]) -> str:
    if eqn.params["rounding_method"] == lax.RoundingMethod.TO_NEAREST_EVEN:
        return graph.add("Round", *inputs)
    raised = graph.add("Add", graph.add("Abs", *inputs), _scalar(graph, eqn, 0.5))
    return graph.add("Mul", graph.add("Sign", *inputs), graph.add("Floor", raised))


RULES: dict[str, Rule] = {
    **dict.fromkeys(SAME, lambda g, e, x: g.add(SAME[e.primitive.name], *x)),
    **dict.fromkeys(BITWISE, _bitwise),
    "clamp": lambda g, e, x: g.add("Min", g.add("Max", x[1], x[0]), x[2]),
    "convert_element_type": lambda g, e, x: g.cast(x[0], e.params["new_dtype"]),
    "erfc": lambda g, e, x: g.add("Sub", _scalar(g, e, 1), g.add("Erf", x[0])),
    "exp2": lambda g, e, x: g.add("Pow", _scalar(g, e, 2), x[0]),
    "expm1": lambda g, e, x: g.add("Sub", g.add("Exp", x[0]), _scalar(g, e, 1)),
    "integer_pow": _power_of_integer,
    "is_finite": lambda g, e, x: g.add("Not", g.add("Or", g.add("IsNaN", *x), g.add("IsInf", *x))),
    "log1p": lambda g, e, x: g.add("Log", g.add("Add", x[0], _scalar(g, e, 1))),
    "ne": lambda g, e, x: g.add("Not", g.add("Equal", *x)),
    "rem": lambda g, e, x: g.add("Mod", *x, fmod=1),
    "round": _round,
    "rsqrt": lambda g, e, x: g.add("Reciprocal", g.add("Sqrt", x[0])),
    "select_n": _select,
    "square": lambda g, e, x: g.add("Mul", x[0], x[0]),
}
HANDLERS = {name: elementwise(rule) for name, rule in RULES.items()}
