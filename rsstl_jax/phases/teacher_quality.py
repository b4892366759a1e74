"""How good a surrogate teacher is: numbers that go on its card."""

import jax
import jax.numpy as jnp

from rsstl_jax._numerics import unit_vectors
from rsstl_jax.engine.site_job import SiteJob
from rsstl_jax.models import Generator
from rsstl_jax.phases.expert_training import SourceBatch
from rsstl_jax.phases.generators import draw_codes, generator_inputs
from rsstl_jax.types import Params

_SAMPLE = 2000  # rows whose cosines are compared
_COLLAPSED = 0.05  # ratio of variances


def measure_teacher(
    job: SiteJob, network_params: Params, real: SourceBatch, generator: Generator, params: Params
) -> dict[str, float | bool]:
    """The quality of a trained generator on its source's train part."""
    settings = job.config.teacher

    @jax.jit
    def decode(real: SourceBatch) -> tuple[jax.Array, jax.Array]:
        codes = draw_codes(
            jax.random.key(settings.seed), real.row, latent_width=settings.latent_width
        )
        position = real.centered_m / job.localizer.preprocessor.scale_m
        inputs = generator_inputs(codes, position, conditioning=settings.conditioning)
        generated = generator.apply({"params": params}, inputs)[1]
        return generated, job.localizer.regress(network_params, generated)

    generated, decoded_m = decode(real)
    error_m = jnp.linalg.norm(decoded_m - real.centered_m, axis=1)
    return teacher_quality(real.extract, generated, error_m)


def teacher_quality(
    real: jax.Array, generated: jax.Array, decoded_error_m: jax.Array
) -> dict[str, float | bool]:
    """Compares generated representations float[n, D] with the real ones of the same rows."""
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
