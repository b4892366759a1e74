"""Euclidean norms whose gradient at the zero vector is zero instead of NaN."""

import jax
import jax.numpy as jnp


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
