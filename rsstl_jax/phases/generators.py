"""Surrogate teachers in use: the noise codes they are given, and N of them under one vmap."""

from functools import partial

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from rsstl_jax.models.generator import Generator
from rsstl_jax.types import Batch, Params, TeacherFn


def draw_inputs(
    settings: ConfigDict, key: jax.Array, row: jax.Array, position: jax.Array, noise: str = "fresh"
) -> jax.Array:
    """A generator's input: noise, N(0, I), and behind it the position where it is conditioned."""
    width = settings.latent_width
    if noise == "fresh":
        codes = jax.random.normal(key, (row.shape[0], width), jnp.float32)
    else:
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, row)
        codes = jax.vmap(lambda k: jax.random.normal(k, (width,), jnp.float32))(keys)
    return codes if settings.conditioning == "none" else jnp.concatenate([codes, position], axis=-1)


def input_width(settings: ConfigDict) -> int:
    """Of a generator: the noise, and the position where it is conditioned on it."""
    return settings.latent_width + (2 if settings.conditioning == "location" else 0)


def make_teacher_fn(generator: Generator, settings: ConfigDict, *, scale_m: float) -> TeacherFn:
    """The teachers of phase 2 as one function of (stacked parameters, key, batch)."""

    def generate(params: Params, key: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        position = batch.centered_m / scale_m
        inputs = draw_inputs(settings, key, batch.row, position, settings.noise)
        return jax.vmap(lambda one: generator.apply({"params": one}, inputs))(params)

    def draw_noise(params: Params, key: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        shape = (jax.tree.leaves(params)[0].shape[0], batch.row.shape[0])
        frame_key, extract_key = jax.random.split(key)
        draw = partial(jax.random.normal, dtype=jnp.float32)
        frame = draw(frame_key, (*shape, generator.frame_width))
        return frame, draw(extract_key, (*shape, generator.extract_width))

    return draw_noise if settings.kind == "noise" else generate
