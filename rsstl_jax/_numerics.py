"""Argument checks, norms whose gradient at zero is zero, and detours around slow XLA on CPUs."""

from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike


def as_floating(name: str, value: ArrayLike) -> jax.Array:
    """Return `value` as an array of its own floating dtype; integers and empty arrays raise."""
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{name} must hold floating-point numbers, got dtype {array.dtype}.")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}.")
    return array


def check_rank(name: str, array: jax.Array, rank: int) -> None:
    """Raise unless `array` has exactly `rank` axes."""
    if array.ndim != rank:
        raise ValueError(f"{name} must have {rank} axes, got shape {array.shape}.")


def check_same_shape(name: str, array: jax.Array, other_name: str, other: jax.Array) -> None:
    """Raise unless both arrays have the same shape: broadcasting would hide a missing axis."""
    if array.shape != other.shape:
        raise ValueError(
            f"{name} has shape {array.shape} but {other_name} has shape {other.shape}: "
            "they must be equal."
        )


def safe_norm(x: jax.Array, axis: int = -1, *, keepdims: bool = False) -> jax.Array:
    """Euclidean norm along `axis`, with gradient zero where the norm is zero; NaN stays NaN."""
    # The squares of 300 and more overflow in half precision.
    wide = x.astype(jnp.float32) if x.dtype == jnp.float16 else x
    squares = jnp.sum(jnp.square(wide), axis=axis, keepdims=keepdims)
    return safe_sqrt(squares).astype(x.dtype)


def safe_sqrt(x: jax.Array) -> jax.Array:
    """Square root, with value and gradient zero for arguments up to zero; NaN stays NaN."""
    positive = ~(x <= 0)
    # The inner where keeps 1/0 out of the derivative of the branch that the outer one drops.
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1)), 0)


def unit_vectors(x: jax.Array, axis: int = -1) -> jax.Array:
    """Vectors along `axis` divided by their norm; zero vectors stay zero, with gradient zero."""
    norm = safe_norm(x, axis, keepdims=True)
    positive = ~(norm <= 0)
    return jnp.where(positive, x / jnp.where(positive, norm, 1), 0)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def spread(x: jax.Array, axis: int, size: int) -> jax.Array:
    """Repeats float[...] along a new axis of this size: float[..., size, ...]."""
    shape = (*x.shape[:axis], size, *x.shape[axis:])
    return jnp.broadcast_to(jnp.expand_dims(x, axis), shape)


def _forward(x: jax.Array, axis: int, size: int) -> tuple[jax.Array, None]:
    return spread(x, axis, size), None


def _backward(axis: int, size: int, saved: None, cotangent: jax.Array) -> tuple[jax.Array]:
    # XLA's own sum over an outer axis goes, on CPUs, to a library whose kernel takes as long as the
    # matrix products around it; summed slice by slice it is one pass.
    slices = [lax.index_in_dim(cotangent, i, axis, keepdims=False) for i in range(size)]
    return (reduce(jnp.add, slices),)


spread.defvjp(_forward, _backward)


def top_k(x: jax.Array, number: int) -> tuple[jax.Array, jax.Array]:
    """The largest values along the last axis, and their index (int32); of equal ones the first."""
    # XLA sorts the whole array where it sees that not all of the result is used, which takes eight
    # to eighty times as long; the barrier hides it.
    values, index = lax.optimization_barrier(lax.top_k(x, number))
    return values, index
