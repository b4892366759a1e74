"""How a surrogate teacher is asked: the code it is given, and N of them at once."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from rsstl_jax.models import Generator
from rsstl_jax.types import Batch, Params

__all__ = ["TeacherFn", "draw_codes", "generate", "make_teacher_fn", "place_inputs"]

TeacherFn = Callable[[Params, jax.Array, Batch], tuple[jax.Array, jax.Array]]
"""(stacked params, key, batch) -> (frame [N, B, F], extract [N, B, D]): what a teacher is."""


def draw_codes(
    key: jax.Array, row: jax.Array, *, latent_width: int, noise: str = "fresh"
) -> jax.Array:
    """The noise of a batch, N(0, I).

    Args:
        key: typed key. With "fresh" noise one per step, with "fixed" noise one for all steps.
        row: int[B]. Rows of the fingerprints in their part.
        latent_width: width of the code.
        noise: "fresh" draws anew at every step (Alg. 3, literally); "fixed" gives every
            fingerprint one code for good.

    Returns:
        float[B, latent_width].

    Example:
        >>> draw_codes(jax.random.key(0), jnp.arange(4), latent_width=128).shape
        (4, 128)
    """
    if noise == "fresh":
        return jax.random.normal(key, (row.shape[0], latent_width))
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, row)
    return jax.vmap(lambda k: jax.random.normal(k, (latent_width,)))(keys)


def place_inputs(codes: jax.Array, place: jax.Array, *, conditioning: str) -> jax.Array:
    """A generator's input: the codes, with the place behind them where it is conditioned.

    Args:
        codes: float[B, L]. Noise.
        place: float[B, 2]. Centred place in units of the site's own scale: in phase 1 the
            source's, in phase 2 the target's.
        conditioning: "none" (the paper, literally) or "location".

    Returns:
        float[B, L] or float[B, L + 2].

    Example:
        >>> place_inputs(jnp.ones((4, 128)), jnp.zeros((4, 2)), conditioning="location").shape
        (4, 130)
    """
    return codes if conditioning == "none" else jnp.concatenate([codes, place], axis=-1)


def generate(
    generator: Generator, teachers: Params, codes: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """What N stacked teachers make of one batch of codes, under one vmap.

    Args:
        generator: the module that all teachers share.
        teachers: pytree of float[N, ...]. Their stacked parameters.
        codes: float[B, L]. The same input for each.

    Returns:
        frame float[N, B, F], extract float[N, B, D]; no gradient flows into the teachers.

    Example:
        >>> from rsstl_jax.models import stack_teachers
        >>> generator = Generator(300, 300, "relu")
        >>> keys = jax.random.split(jax.random.key(0))
        >>> teachers = [generator.init(k, jnp.zeros((1, 128)))["params"] for k in keys]
        >>> generate(generator, stack_teachers(teachers), jnp.zeros((4, 128)))[1].shape
        (2, 4, 300)
    """

    def ask(params: Params) -> tuple[jax.Array, jax.Array]:
        return generator.apply({"params": params}, codes)

    return jax.lax.stop_gradient(jax.vmap(ask)(teachers))


def make_teacher_fn(generator: Generator, settings: ConfigDict, *, scale_m: float) -> TeacherFn:
    """The teachers of phase 2 as one function of (stacked parameters, key, batch).

    Args:
        generator: the module that all teachers share.
        settings: the configuration's section `teacher`.
        scale_m: the target's scale, metres.

    Returns:
        TeacherFn. With "fixed" noise it is to be given the same key at every step. With kind
        "noise" a control: N(0, I) in place of frame and extract.

    Example:
        >>> from rsstl_jax import default_config
        >>> ask = make_teacher_fn(Generator(300, 300, "relu"), default_config().teacher,
        ...                       scale_m=1.0)
        >>> callable(ask)
        True
    """

    def ask_generators(params: Params, key: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        codes = draw_codes(key, batch.row, latent_width=settings.latent_width, noise=settings.noise)
        place = batch.centered_m / scale_m
        inputs = place_inputs(codes, place, conditioning=settings.conditioning)
        return generate(generator, params, inputs)

    def draw_noise(params: Params, key: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        shape = (jax.tree.leaves(params)[0].shape[0], batch.row.shape[0])
        frame_key, extract_key = jax.random.split(key)
        frame = jax.random.normal(frame_key, (*shape, generator.frame_width))
        return frame, jax.random.normal(extract_key, (*shape, generator.extract_width))

    return draw_noise if settings.kind == "noise" else ask_generators
