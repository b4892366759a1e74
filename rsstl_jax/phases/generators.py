"""Surrogate teachers in use: the noise codes they are given, and N of them under one vmap."""

from functools import partial

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from rsstl_jax.models.generator import Generator
from rsstl_jax.types import Batch, Params, TeacherFn


def draw_codes(
    key: jax.Array, row: jax.Array, *, latent_width: int, noise: str = "fresh"
) -> jax.Array:
    """The noise of a batch, N(0, I)."""
    if noise == "fresh":
        return jax.random.normal(key, (row.shape[0], latent_width), jnp.float32)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, row)
    return jax.vmap(lambda k: jax.random.normal(k, (latent_width,), jnp.float32))(keys)


def generator_inputs(codes: jax.Array, position: jax.Array, *, conditioning: str) -> jax.Array:
    """A generator's input: codes, and behind them the position where it is conditioned."""
    return codes if conditioning == "none" else jnp.concatenate([codes, position], axis=-1)


def make_teacher_fn(generator: Generator, settings: ConfigDict, *, scale_m: float) -> TeacherFn:
    """The teachers of phase 2 as one function of (stacked parameters, key, batch)."""

    def generate(params: Params, key: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        codes = draw_codes(key, batch.row, latent_width=settings.latent_width, noise=settings.noise)
        position = batch.centered_m / scale_m
        inputs = generator_inputs(codes, position, conditioning=settings.conditioning)
        return jax.vmap(lambda one: generator.apply({"params": one}, inputs))(params)

    def draw_noise(params: Params, key: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        shape = (jax.tree.leaves(params)[0].shape[0], batch.row.shape[0])
        frame_key, extract_key = jax.random.split(key)
        draw = partial(jax.random.normal, dtype=jnp.float32)
        frame = draw(frame_key, (*shape, generator.frame_width))
        return frame, draw(extract_key, (*shape, generator.extract_width))

    return draw_noise if settings.kind == "noise" else generate
