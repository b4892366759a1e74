"""One array for several readers, with a gradient that is cheap on CPUs."""

from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax

__all__ = ["spread"]


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
