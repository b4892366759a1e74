"""Localisation error."""

import jax
from jax.typing import ArrayLike

from rsstl_jax._numerics import (
    as_floating,
    check_rank,
    check_same_shape,
    common_dtype,
    safe_norm,
    widen,
)


def localization_loss(predicted: ArrayLike, actual: ArrayLike) -> jax.Array:
    """Distance between predicted and actual locations, per sample.

    |Y_k - Yhat_k|_2: one summand of J_MAE (the paper's Eq. 2).

    Differs: unreduced; the caller takes Eq. 2's mean over the batch. Phase 1 computes only the
    second of Eq. 2's two terms: the first, of the frozen network, has no gradient.

    Args:
        predicted: float[B, K]. locations predicted by a regressor, metres; K = 2 in the paper.
        actual: float[B, K]. true locations, metres, in the same frame.

    Returns:
        float[B]. Euclidean errors, metres, >= 0. The gradient is zero (not NaN) at zero error.

    Example:
        >>> import jax.numpy as jnp
        >>> errors_m = localization_loss(jnp.array([[3.0, 4.0], [1.0, 1.0]]), jnp.ones((2, 2)))
        >>> print([f"{error:.3f}" for error in errors_m])
        ['3.606', '0.000']
    """
    predicted = as_floating("predicted", predicted)
    actual = as_floating("actual", actual)
    check_same_shape("predicted", predicted, "actual", actual)
    check_rank("predicted", predicted, 2)
    error = safe_norm(widen(predicted, actual) - widen(actual, predicted))
    return error.astype(common_dtype(predicted, actual))
