"""Argument checks, norms and means over the whole range of a dtype, random keys, and detours
around XLA.

The norm of a zero vector is zero, and so is its gradient.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import AbstractMesh, NamedSharding, PartitionSpec
from jax.typing import ArrayLike


def seed_key(seed: int) -> jax.Array:
    """The random key of a seed, of the same implementation whatever JAX's default is."""
    # Under `vmap` others draw other numbers than alone: replicas would not be their students.
    return jax.random.key(seed, impl="threefry2x32")


def as_floating(name: str, value: ArrayLike) -> jax.Array:
    """Return `value` as an array of its own floating dtype; all else, and empty arrays, raise."""
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError) as error:
        kind = f"{type(value).__name__} {getattr(value, 'dtype', '')}".strip()
        raise TypeError(f"{name} must hold floating-point numbers, got {kind}.") from error
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{name} must hold floating-point numbers, got dtype {array.dtype}.")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}.")
    # Of constants of a program, XLA makes of the square of x / power one of x, which overflows.
    return lax.optimization_barrier(array)


def check_known(
    name: str, value: ArrayLike, holds: Callable[[np.ndarray], Any], words: str
) -> None:
    """Raise unless real numbers obey a rule; traced ones have no value to check yet."""
    is_traced = isinstance(value, jax.core.Tracer)
    array: Any = value if is_traced else np.asarray(value)
    real = any(jnp.issubdtype(array.dtype, kind) for kind in (np.floating, np.integer))
    if not real or not (is_traced or np.all(holds(array))):
        raise ValueError(f"{name} must be {words}, got {value!r}.")


def check_rank(name: str, array: ArrayLike, rank: int) -> None:
    """Raise unless `array` has exactly `rank` axes."""
    if np.ndim(array) != rank:
        raise ValueError(f"{name} must have {rank} axes, got shape {np.shape(array)}.")


def check_same_shape(name: str, array: jax.Array, other_name: str, other: jax.Array) -> None:
    """Raise unless both arrays have the same shape: broadcasting would hide a missing axis."""
    if array.shape != other.shape:
        raise ValueError(
            f"{name} has shape {array.shape} but {other_name} has shape {other.shape}: "
            "they must be equal."
        )


def common_dtype(*arrays: jax.Array) -> jnp.dtype:
    """The dtype that holds all of the arrays, also where JAX is set to promote none by itself."""
    with jax.numpy_dtype_promotion("standard"):
        return jnp.result_type(*(array.dtype for array in arrays))


def widen(x: jax.Array, *others: jax.Array) -> jax.Array:
    """The array in the dtype to compute in: that of all of the arrays, and at least float32."""
    return x.astype(common_dtype(x, *others, jnp.zeros((), jnp.float32)))


def mean(x: jax.Array) -> jax.Array:
    """Mean of all elements, in at least float32; finite wherever they are."""
    x = widen(x)
    # Shares, so that the sum cannot overflow; a power of two changes no digit.
    _, power = near_one(jnp.asarray(x.size, x.dtype))
    share = 0.5 / power
    return jnp.sum(x * share) / (x.size * share)


def safe_norm(x: jax.Array) -> jax.Array:
    """Euclidean norm of vectors, with gradient zero where the norm is zero; NaN stays NaN."""
    scaled, power = near_one(x, -1)
    norm = power * safe_sqrt(jnp.sum(jnp.square(scaled), axis=-1, keepdims=True))
    return jnp.squeeze(norm, -1).astype(x.dtype)


def safe_sqrt(x: jax.Array) -> jax.Array:
    """Square root, with value and gradient zero for arguments up to zero; NaN stays NaN."""
    positive = ~(x <= 0)
    # The inner where keeps 1/0 out of the derivative of the branch that the outer one drops.
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1)), 0)


def unit_vectors(x: jax.Array) -> jax.Array:
    """Vectors divided by their norm; zero vectors stay zero, with gradient zero."""
    scaled, _ = near_one(x, -1)
    norm = safe_sqrt(jnp.sum(jnp.square(scaled), axis=-1, keepdims=True))
    positive = ~(norm <= 0)
    return jnp.where(positive, scaled / jnp.where(positive, norm, 1), 0).astype(x.dtype)


def near_one(x: jax.Array, axis: int | None = None) -> tuple[jax.Array, jax.Array]:
    """Vectors over a power of two near their largest magnitude, which squares hold; the power."""
    x = widen(x)
    limits = jnp.finfo(x.dtype)
    peak = jnp.max(jnp.abs(lax.stop_gradient(x)), axis=axis, keepdims=True)
    # Without a mantissa a number is a power of two, which changes no digit of what it scales.
    power = lax.reduce_precision(peak, limits.nexp, 0)
    power = jnp.clip(power, limits.tiny, 1 / limits.tiny)
    return x * (1 / power), power


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def spread(x: jax.Array, axis: int, size: int) -> jax.Array:
    """Repeats float[...] along a new axis of this size: float[..., size, ...]."""
    shape = (*x.shape[:axis], size, *x.shape[axis:])
    return jnp.broadcast_to(jnp.expand_dims(x, axis), shape)


@spread.defjvp
def _spread_tangent(
    axis: int, size: int, primals: Any, tangents: Any
) -> tuple[jax.Array, jax.Array]:
    # XLA's own sum over an outer axis goes, on CPUs, to a library whose kernel takes as long as the
    # matrix products around it. The transpose of a concatenation sums slice by slice, in one pass.
    copies = [jnp.expand_dims(tangents[0], axis)] * size
    return spread(*primals, axis, size), lax.concatenate(copies, axis)


def partition_freely(function: Callable[..., Any], arrays: Any, spec: PartitionSpec) -> Any:
    """function(*arrays), left to the compiler to partition over explicit mesh axes; then `spec`."""
    mesh = explicit_mesh(arrays)
    if mesh is None:
        return function(*arrays)
    target = NamedSharding(mesh, spec)
    return jax.sharding.auto_axes(function, axes=mesh.explicit_axes, out_sharding=target)(*arrays)


def explicit_mesh(arrays: Any) -> AbstractMesh | None:
    """The mesh over which one of the arrays is sharded explicitly, if any is."""
    meshes = (jax.typeof(leaf).sharding.mesh for leaf in jax.tree.leaves(arrays))
    return next((mesh for mesh in meshes if mesh.explicit_axes), None)


def top_k(x: jax.Array, number: int) -> tuple[jax.Array, jax.Array]:
    """The largest values along the last axis, and their index (int32); of equal ones the first."""
    # XLA sorts the whole array where it sees that not all of the result is used, which takes eight
    # to eighty times as long; the barrier hides it.
    values, index = lax.optimization_barrier(lax.top_k(x, number))
    return values, index
