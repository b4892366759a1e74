"""Weighted sum of named loss terms."""

from collections.abc import Mapping, Sequence
from typing import overload

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rsstl_jax._numerics import (
    as_floating,
    check_known,
    check_rank,
    common_dtype,
    near_one,
    widen,
)


@overload
def normalize_weights(weights: Mapping[str, ArrayLike]) -> dict[str, jax.Array]: ...
@overload
def normalize_weights(weights: ArrayLike) -> jax.Array: ...
def normalize_weights(
    weights: Mapping[str, ArrayLike] | ArrayLike,
) -> dict[str, jax.Array] | jax.Array:
    """Loss weights divided by their sum: lambda_t / sum_k lambda_k (the paper's Eq. 12).

    Args:
        weights: mapping from names to float[], or float[T]. non-negative, not all zero; plain
            integers will do, and traced scalars (then a sweep over weights compiles once).

    Returns:
        mapping of the same names to float[], or float[T]. in [0, 1], with sum 1.

    Raises:
        ValueError: weights that are not traced include a negative or infinite one or sum to zero
            in the dtype of the result. A traced sum of zero gives NaN.

    Example:
        >>> weights = normalize_weights({"mae": 3.0, "sim": 0.5, "mi": 0.5, "fi": 0.5})
        >>> print({name: f"{weight:.3f}" for name, weight in weights.items()})
        {'mae': '0.667', 'sim': '0.111', 'mi': '0.111', 'fi': '0.111'}
    """
    if isinstance(weights, Mapping):
        for name, weight in weights.items():
            check_rank(f"weights[{name!r}]", weight, 0)
        values = list(weights.values())
        _check_known_weights(values, weights)
        return dict(zip(weights, _shares(values), strict=True))
    array = weights if isinstance(weights, jax.Array) else np.asarray(weights)
    check_rank("weights", array, 1)
    _check_known_weights([array], weights)
    return _shares([array])[0]


def combine(
    terms: Mapping[str, tuple[ArrayLike, ArrayLike]],
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Weighted sum of named loss values, and the values by name.

    J_overall = sum_t lambda_t J_t (the paper's Eq. 12).

    Differs: weights are taken as they come; `normalize_weights` makes the paper's.

    Args:
        terms: mapping from names to (weight float[], value float[]). Weights may be Python numbers
            or traced; a value is a term already reduced to a scalar.

    Returns:
        total float[]. the weighted sum; parts, dict of float[] by name, the *unweighted* values,
        to be logged one by one.

    Raises:
        TypeError: `terms` is no mapping to pairs. This and other messages name the term.

    Notes:
        A weight of zero does not hide a NaN: leave the term out to switch it off.

    Example:
        >>> total, parts = combine({"mae": (0.75, jnp.array(8.0)), "sim": (0.25, jnp.array(2.0))})
        >>> print(f"{total:.2f}", {name: f"{value:.2f}" for name, value in parts.items()})
        6.50 {'mae': '8.00', 'sim': '2.00'}
    """
    if not isinstance(terms, Mapping):
        raise TypeError(f"terms must be a mapping from names, got {type(terms).__name__}.")
    if not terms:
        raise ValueError("terms must not be empty.")
    for name, term in terms.items():
        if not isinstance(term, Sequence) or len(term) != 2:
            raise TypeError(f"term {name!r} must be a pair (weight, value), got {term!r}.")
    parts = {}
    for name, (weight, value) in terms.items():
        parts[name] = as_floating(f"value of {name!r}", value)
        check_rank(f"value of {name!r}", parts[name], 0)
        check_rank(f"weight of {name!r}", weight, 0)
        check_known(f"weight of {name!r}", weight, np.ones_like, "a real number")
    values = list(parts.values())
    weighted = []
    for (weight, _), value in zip(terms.values(), values, strict=True):
        wide = widen(value, *values)
        weighted.append(jnp.asarray(weight, wide.dtype) * wide)
    return jnp.sum(jnp.stack(weighted)).astype(common_dtype(*values)), parts


def _shares(weights: Sequence[ArrayLike]) -> jax.Array:
    """The stacked weights over the sum of them all, in the dtype that they have together."""
    dtype, wide = _wide_dtype(weights)
    # Near one, so that the sum of the largest numbers cannot overflow.
    scaled, _ = near_one(jnp.stack([jnp.asarray(weight, wide) for weight in weights]))
    return (scaled / jnp.sum(scaled)).astype(dtype)


def _wide_dtype(weights: Sequence[ArrayLike]) -> tuple[jnp.dtype, jnp.dtype]:
    """The dtype that weights have together, and the one that they are divided in."""
    with jax.numpy_dtype_promotion("standard"):
        dtype = jnp.result_type(float, *weights)
        return dtype, jnp.promote_types(dtype, jnp.float32)


def _check_known_weights(leaves: Sequence[ArrayLike], shown: object) -> None:
    """Raise for weights known before tracing that no division by their sum can normalise."""
    if sum(np.size(leaf) for leaf in leaves) == 0:
        raise ValueError("weights must not be empty.")
    for leaf in leaves:
        check_known("weights", leaf, np.ones_like, "made of real numbers")
    # In the dtype that they are divided in, which may hold neither the largest nor the smallest.
    dtype = _wide_dtype(leaves)[1]
    with np.errstate(over="ignore"):
        known = [np.asarray(x).astype(dtype) for x in leaves if not isinstance(x, jax.core.Tracer)]
    possible = all(np.all((x >= 0) & np.isfinite(x)) for x in known)
    # What lies below the smallest normal number counts as zero on many devices.
    positive = any(np.any(x >= float(jnp.finfo(dtype).tiny)) for x in known)
    if not possible or (len(known) == len(leaves) and not positive):
        raise ValueError(f"weights must be non-negative and not all zero, and finite, got {shown}.")
