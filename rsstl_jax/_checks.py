"""Argument checks shared by the spectral and the loss functions: they run at trace time only."""

import jax
import jax.numpy as jnp
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
