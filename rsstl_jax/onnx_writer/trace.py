"""A function of JAX to an ONNX file: traced once, walked equation by equation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from jax.extend.core import ClosedJaxpr, Literal

from rsstl_jax.errors import ConfigError
from rsstl_jax.onnx_writer import axes, elementwise, products, selection
from rsstl_jax.onnx_writer.graph import INPUT, ROWS, Graph, Value, constant, dims_of, signed
from rsstl_jax.onnx_writer.model import need_onnx, serialize

RULES = axes.RULES | products.RULES | selection.RULES
HANDLERS = {
    **axes.HANDLERS,
    **elementwise.HANDLERS,
    **{name: axes.whole(rule) for name, rule in RULES.items()},
}
CALLS = {
    "checkpoint": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "jit": "jaxpr",
    "custom_vmap_call": "call",
    "remat2": "jaxpr",
}
"""Primitives that stand for other equations, and where they hold them."""

PASSED = ("copy", "copy_p", "optimization_barrier", "stop_gradient")
"""Primitives that change no value."""

MAX_UNROLLED = 64
"""Steps of a loop of known length that are written one after another."""

SMALL = 4096
"""Bytes of a constant that is computed now, even if it is larger than what it is computed from."""


def to_onnx(
    function: Callable[[jax.Array], Any],
    num_inputs: int,
    *,
    output_names: Sequence[str],
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """The content of an ONNX file (opset 18) of a function of float32[n, A], dBm, NaN: undetected.

    Its results, in the order of `jax.tree.leaves`, get the output names; n stays unknown.
    """
    # What the function closes over becomes constants, and what depends on them alone is computed
    # now. ONNX leaves open what JAX defines: an index outside its array, a maximum of NaN.
    need_onnx()
    (rows,) = export.symbolic_shape(ROWS)
    closed = jax.make_jaxpr(function)(jax.ShapeDtypeStruct((rows, num_inputs), jnp.float32))
    graph = Graph()
    values = _inline(graph, closed, [Value(INPUT, (ROWS, num_inputs))])
    outputs = []
    avals: list[Any] = closed.out_avals
    for name, value, aval in zip(output_names, values, avals, strict=True):
        shape = dims_of(aval.shape)
        graph.rename(graph.full(value, shape), name)
        outputs.append((name, signed(aval.dtype), shape))
    graph.prune([name for name, _, _ in outputs])
    return serialize(graph, num_inputs, outputs, dict(metadata or {}))


def _inline(graph: Graph, closed: Any, inputs: Sequence[Value]) -> list[Value]:
    """Writes the equations of a program, and of the programs that it calls."""
    jaxpr = closed.jaxpr if isinstance(closed, ClosedJaxpr) else closed
    consts = closed.consts if isinstance(closed, ClosedJaxpr) else ()
    values = dict(zip(jaxpr.constvars, map(constant, consts), strict=True))
    values.update(zip(jaxpr.invars, inputs, strict=True))

    def read(atom: Any) -> Value:
        if isinstance(atom, Literal):
            aval: Any = atom.aval
            return constant(np.asarray(atom.val, aval.dtype))
        return values[atom]

    for eqn in jaxpr.eqns:
        results = _write(graph, eqn, [read(atom) for atom in eqn.invars])
        values.update(zip(eqn.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _write(graph: Graph, eqn: Any, inputs: list[Value]) -> list[Value]:
    """Writes one equation, or computes it where nothing in it depends on the scans."""
    name = eqn.primitive.name
    if name in CALLS:
        return _inline(graph, eqn.params[CALLS[name]], inputs)
    if name in PASSED:
        return inputs
    if name == "scan":
        return _unroll(graph, eqn, inputs)
    if _is_foldable(eqn, inputs):
        return _fold(eqn, inputs)
    if name not in HANDLERS:
        types = [", ".join(str(atom.aval) for atom in side) for side in (eqn.invars, eqn.outvars)]
        raise ConfigError(
            f"no rule writes JAX's primitive {name!r} as ONNX ({' -> '.join(types)}); compute it "
            "before, or express it by other operations"
        )
    return HANDLERS[name](graph, eqn, inputs)


def _unroll(graph: Graph, eqn: Any, inputs: list[Value]) -> list[Value]:
    """A loop of known length over what it carries, as its steps one after another."""
    length, body = eqn.params["length"], eqn.params["jaxpr"]
    # What is carried keeps its shape in the body; an array that is gone through loses an axis.
    inner, outer = [*body.jaxpr.invars, *body.jaxpr.outvars], [*eqn.invars, *eqn.outvars]
    carries = [a.aval.shape for a in inner] == [a.aval.shape for a in outer]
    kept = len(inputs) - len(eqn.outvars)
    if not (isinstance(length, int) and length <= MAX_UNROLLED and carries):
        raise ConfigError(
            f"a scan of {length} steps cannot be written as ONNX, "
            f"which takes up to {MAX_UNROLLED} steps over what is carried alone; use vmap or top_k"
        )
    carried = inputs[kept:]
    for _ in range(length):
        carried = _inline(graph, body, [*inputs[:kept], *carried])
    return carried


def _is_foldable(eqn: Any, inputs: list[Value]) -> bool:
    """Whether an equation is computed now: no large constant may become a larger one."""
    name = eqn.primitive.name
    known = [value.array for value in inputs if value.array is not None]
    if name in ("broadcast_in_dim", "iota") or not known or len(known) < len(inputs):
        return False
    if name in elementwise.HANDLERS:
        return True
    sizes = [size for out in eqn.outvars for size in out.aval.shape]
    if not all(isinstance(size, int) for size in sizes):
        return False
    given = 0 if name == "transpose" else sum(array.nbytes for array in known)
    return sum(out.aval.size * out.aval.dtype.itemsize for out in eqn.outvars) <= max(given, SMALL)


def _fold(eqn: Any, inputs: list[Value]) -> list[Value]:
    avals = [atom.aval for atom in eqn.invars]
    arrays = [np.asarray(v.array, aval.dtype) for v, aval in zip(inputs, avals, strict=True)]
    if eqn.primitive.name in elementwise.HANDLERS:
        arrays = list(np.broadcast_arrays(*arrays))
    else:
        arrays = [np.broadcast_to(a, aval.shape) for a, aval in zip(arrays, avals, strict=True)]
    results = eqn.primitive.bind(*map(jnp.asarray, arrays), **eqn.params)
    return [constant(array) for array in jax.tree.leaves(results)]
