"""How a surrogate teacher is asked: the code it is given, and N of them at once."""

import jax
import jax.numpy as jnp

from rsstl_jax.models import Generator
from rsstl_jax.types import Params

__all__ = ["draw_codes", "generate", "place_inputs"]


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
