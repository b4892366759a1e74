"""Leaving out, inside one compiled program, what a traced weight of 0 makes superfluous."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from rsstl_jax._numerics import widen


def if_positive(
    weight: jax.Array | float,
    compute: Callable[[], Any],
    otherwise: Callable[[], Any] | None = None,
) -> Any:
    """What `compute` returns where a traced weight is above 0, else `otherwise`, else zeros.

    Only the branch that is needed is computed; under `vmap` both are.
    """
    if otherwise is None:
        shapes = jax.eval_shape(compute)
        otherwise = lambda: jax.tree.map(jnp.zeros_like, shapes)  # noqa: E731
    return jax.lax.cond(jnp.asarray(weight) > 0, compute, otherwise)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def gated(
    term: Callable[[Any, Any], jax.Array], weight: jax.Array, inputs: Any, constants: Any
) -> jax.Array:
    """term(inputs, constants), or an uncomputed 0 where its weight is not above 0.

    It has a derivative in `inputs` alone; `weight` only switches.
    """
    return if_positive(weight, lambda: term(inputs, constants))


@gated.defjvp
def _gated_tangent(
    term: Callable[[Any, Any], jax.Array], primals: Any, tangents: Any
) -> tuple[jax.Array, jax.Array]:
    weight, inputs, constants = primals
    # Each device of a shard_map has a gradient of its own; the sum over devices comes after.
    axes = frozenset().union(*map(_varying_axes, jax.tree.leaves((inputs, constants))))
    inputs = jax.tree.map(
        lambda leaf: jax.lax.pcast(leaf, tuple(axes - _varying_axes(leaf)), to="varying"), inputs
    )
    # The gradient is taken inside the branch: nothing of its making crosses.
    value, grads = if_positive(weight, lambda: jax.value_and_grad(term)(inputs, constants))
    products = jax.tree.map(lambda g, t: jnp.sum(widen(g) * widen(t)), grads, tangents[1])
    summands = jax.tree.leaves(products)
    total = jax.tree.reduce(jnp.add, [widen(summand, *summands) for summand in summands])
    return value, total.astype(value.dtype)


def _varying_axes(leaf: jax.Array) -> frozenset[str]:
    return jax.typeof(leaf).manual_axis_type.varying
