"""Leaving out, inside one compiled program, what a traced weight of 0 makes superfluous."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp


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
        otherwise = lambda: jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)  # noqa: E731
    return jax.lax.cond(jnp.asarray(weight) > 0, compute, otherwise)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def gated(
    term: Callable[[Any, Any], jax.Array], weight: jax.Array, trained: Any, fixed: Any
) -> jax.Array:
    """term(trained, fixed), or an uncomputed 0 where its weight is not above 0."""
    # The gradient, of `trained` alone, is taken inside the branch: nothing of its making crosses.
    return if_positive(weight, lambda: term(trained, fixed))


def _forward(
    term: Callable[[Any, Any], jax.Array], weight: jax.Array, trained: Any, fixed: Any
) -> tuple[jax.Array, Any]:
    value, grads = if_positive(weight, lambda: jax.value_and_grad(term)(trained, fixed))
    return value, (grads, jax.tree.map(jnp.zeros_like, (weight, fixed)))


def _backward(
    term: Callable[[Any, Any], jax.Array], saved: Any, cotangent: jax.Array
) -> tuple[jax.Array, Any, Any]:
    grads, (weight, fixed) = saved
    return weight, jax.tree.map(lambda leaf: cotangent * leaf, grads), fixed


gated.defvjp(_forward, _backward)
