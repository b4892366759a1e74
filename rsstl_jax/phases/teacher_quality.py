"""How good a surrogate teacher is: numbers that go on its card."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rsstl_jax._numerics import seed_key, unit_vectors
from rsstl_jax.engine.site_job import SiteJob
from rsstl_jax.models.generator import Generator
from rsstl_jax.phases.expert_training import SourceBatch
from rsstl_jax.phases.generators import draw_inputs
from rsstl_jax.types import Params

_SAMPLE = 2000  # rows whose cosines are compared
_COLLAPSED = 0.05  # ratio of variances
_SHOWN = 300  # rows in the picture of a teacher


def measure_teacher(
    job: SiteJob, network_params: Params, real: SourceBatch, generator: Generator, params: Params
) -> tuple[dict[str, float | bool], dict[str, Any]]:
    """(quality of a trained generator on its source's train part, what a picture shows of it)."""
    settings = job.config.teacher

    @jax.jit
    def decode(real: SourceBatch) -> tuple[jax.Array, jax.Array]:
        position = real.centered_m / job.site_network.preprocessor.scale_m
        inputs = draw_inputs(settings, seed_key(settings.seed), real.row, position)
        generated = generator.apply({"params": params}, inputs)[1]
        return generated, job.site_network.regress(network_params, generated)

    generated, decoded_m = decode(real)
    error_m = jnp.linalg.norm(decoded_m - real.centered_m, axis=1)
    plane = main_plane(np.asarray(real.extract), np.asarray(generated))
    return teacher_quality(real.extract, generated, error_m), plane


def main_plane(real: np.ndarray, generated: np.ndarray) -> dict[str, Any]:
    """Some rows of both, float[n, D], on the two main axes of both together."""
    rows = np.linspace(0, len(real) - 1, min(_SHOWN, len(real))).astype(int)
    both = np.concatenate([real[rows], generated[rows]]).astype(np.float64)
    centred = both - both.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    # A plane needs two axes; a representation of one unit, or one row, has fewer.
    axes = np.pad(axes[:2], ((0, max(0, 2 - len(axes))), (0, 0)))
    # Each axis points to where its largest entry is positive, whatever the linear algebra says.
    axes *= np.sign(axes[[0, 1], np.abs(axes).argmax(axis=1)])[:, None]
    variance = np.pad(sizes**2, (0, 2))[:2] / max(
        float((sizes**2).sum()), float(np.finfo(float).tiny)
    )
    shown_real, shown_generated = np.split((centred @ axes.T).round(4), 2)
    return {
        "variance": variance.round(4).tolist(),
        "real": shown_real.tolist(),
        "generated": shown_generated.tolist(),
    }


def teacher_quality(
    real: jax.Array, generated: jax.Array, decoded_error_m: jax.Array
) -> dict[str, float | bool]:
    """Compares generated representations float[n, D] with the real ones of the same rows."""
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
