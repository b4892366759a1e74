"""How good a surrogate teacher is: numbers that go on its card."""

import jax
import jax.numpy as jnp

from rsstl_jax._numerics import unit_vectors

__all__ = ["teacher_quality"]

_SAMPLE = 2000
_COLLAPSED = 0.05


def teacher_quality(
    real: jax.Array, generated: jax.Array, decoded_error_m: jax.Array
) -> dict[str, float | bool]:
    """Compares generated representations with the real ones they stand in for."""
    if real.shape != generated.shape:
        raise ValueError(f"generated has shape {generated.shape}; real has {real.shape}")
    tiny = jnp.finfo(real.dtype).tiny
    mean_s, mean_g = real.mean(0), generated.mean(0)
    cov_s = jnp.cov(real, rowvar=False).reshape(real.shape[1], -1)
    cov_g = jnp.cov(generated, rowvar=False).reshape(real.shape[1], -1)
    variance_ratio = jnp.trace(cov_g) / jnp.maximum(jnp.trace(cov_s), tiny)
    cosines = unit_vectors(generated[:_SAMPLE]) @ unit_vectors(real[:_SAMPLE]).T
    return {
        "mean_distance": float(
            jnp.linalg.norm(mean_g - mean_s) / jnp.maximum(jnp.linalg.norm(mean_s), tiny)
        ),
        "covariance_distance": float(
            jnp.linalg.norm(cov_g - cov_s) / jnp.maximum(jnp.linalg.norm(cov_s), tiny)
        ),
        "variance_ratio": float(variance_ratio),
        "collapsed": bool(variance_ratio < _COLLAPSED),
        "pair_cosine": float(jnp.diagonal(cosines).mean()),
        "nearest_cosine": float(cosines.max(axis=1).mean()),
        "decoded_error_m": float(decoded_error_m.mean()),
    }
