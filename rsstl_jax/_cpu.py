"""What XLA makes slow on CPUs, put so that it is not; the values are the same everywhere."""

from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax

__all__ = ["spread", "top_k"]


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def spread(x: jax.Array, axis: int, size: int) -> jax.Array:
    """Repeats an array along a new axis; for the few teachers, or kinds of pairs, of a step.

    The gradient is summed slice by slice, in one pass. XLA's own sum over an outer axis goes, on
    CPUs, to a library whose kernel takes as long as the matrix products around it.

    Args:
        x: float[...].
        axis: where the new axis is put, >= 0.
        size: its length.

    Returns:
        float[..., size, ...].

    Example:
        >>> jax.grad(lambda x: (spread(x, 0, 3) ** 2).sum())(jnp.array([1.0, 2.0])).tolist()
        [6.0, 12.0]
    """
    shape = (*x.shape[:axis], size, *x.shape[axis:])
    return jnp.broadcast_to(jnp.expand_dims(x, axis), shape)


def _forward(x: jax.Array, axis: int, size: int) -> tuple[jax.Array, None]:
    return spread(x, axis, size), None


def _backward(axis: int, size: int, saved: None, cotangent: jax.Array) -> tuple[jax.Array]:
    slices = [lax.index_in_dim(cotangent, i, axis, keepdims=False) for i in range(size)]
    return (reduce(jnp.add, slices),)


spread.defvjp(_forward, _backward)


def top_k(x: jax.Array, number: int) -> tuple[jax.Array, jax.Array]:
    """The largest values along the last axis, and where they stand; of equal ones the first.

    XLA sorts the whole array where it sees that not all of the result is used, which takes eight to
    eighty times as long; so it is not shown.

    Args:
        x: float[..., D]. Integers are sorted as a whole.
        number: how many, at most D.

    Returns:
        values float[..., number], the largest first; index int32[..., number].

    Example:
        >>> values, index = top_k(jnp.array([1.0, 3.0, 3.0]), 2)
        >>> values.tolist(), index.tolist()
        ([3.0, 3.0], [1, 2])
    """
    values, index = lax.optimization_barrier(lax.top_k(x, number))
    return values, index
