"""Augmentation: two scans of one position differ, and so do the fingerprints of two epochs."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rsstl_jax._numerics import check_known
from rsstl_jax.data.preprocess import check_levels
from rsstl_jax.data.site import MAX_DBM

LEVELS = 2**16


def augment_rss(
    key: jax.Array,
    rss_dbm: ArrayLike,
    *,
    access_point_dropout: ArrayLike = 0.0,
    gain_offset_db: ArrayLike = 0.0,
    reading_noise_db: ArrayLike = 0.0,
    undetected_dbm: ArrayLike = math.nan,
) -> jax.Array:
    """min(x + g + e, 0 dBm), or undetected; g is drawn for each fingerprint, e for each reading."""
    is_rate = lambda x: (x >= 0) & (x <= 1)  # noqa: E731
    check_known("access_point_dropout", access_point_dropout, is_rate, "a probability")
    spreads = {"gain_offset_db": gain_offset_db, "reading_noise_db": reading_noise_db}
    for name, spread_db in spreads.items():
        check_known(name, spread_db, lambda x: (x >= 0) & np.isfinite(x), "at least 0 dB")
    rss_dbm = jnp.asarray(rss_dbm)
    check_levels(rss_dbm)
    shape, dtype = rss_dbm.shape, rss_dbm.dtype
    gain_key, reading_key = jax.random.split(key)
    changed = rss_dbm
    if not _is_zero(gain_offset_db):
        offset = jax.random.normal(gain_key, (*shape[:-1], 1), dtype)
        changed = changed + jnp.asarray(gain_offset_db, dtype) * offset
    if _is_zero(reading_noise_db) and _is_zero(access_point_dropout):
        return jnp.minimum(changed, MAX_DBM)
    # Drawing bits is nearly all of the cost, so one word serves noise and dropout.
    words = jax.random.bits(reading_key, shape, jnp.uint32)
    if not _is_zero(reading_noise_db):
        noise = _normal(words >> 16).astype(dtype)
        changed = changed + jnp.asarray(reading_noise_db, dtype) * noise
    if not _is_zero(access_point_dropout):
        uniform = (words & 0xFFFF).astype(jnp.float32) / LEVELS
        changed = jnp.where(uniform < access_point_dropout, undetected_dbm, changed)
    return jnp.minimum(changed, MAX_DBM)


def _is_zero(rate: ArrayLike) -> bool:
    return isinstance(rate, int | float) and rate == 0


def _normal(level: jax.Array) -> jax.Array:
    """Standard normal numbers from 0...LEVELS-1, equally likely; they end at 4.3."""
    middle = (2 * level.astype(jnp.float32) + 1) / LEVELS - 1
    return math.sqrt(2) * jax.lax.erf_inv(middle)
