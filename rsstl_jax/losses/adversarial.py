"""Wasserstein adversarial terms with gradient penalty (WGAN-GP)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rsstl_jax._numerics import (
    as_floating,
    check_same_shape,
    common_dtype,
    mean,
    safe_norm,
    widen,
)


def critic_loss(real_scores: ArrayLike, generated_scores: ArrayLike) -> jax.Array:
    """Critic's Wasserstein loss, without its gradient penalty.

    E[C(generated)] - E[C(real)] (Gulrajani et al. 2017, Eq. 3, first two terms; the paper's
    section 3.1 names the method and prints no equation).

    Args:
        real_scores: float[...]. critic's scores of real samples, any range.
        generated_scores: float[...]. scores of generated samples, of equal shape.

    Returns:
        float[]. any sign; its negative estimates the Wasserstein distance, in units of the scores.

    Notes:
        Add `gradient_penalty` times 10, and step the critic five times for each step of the
        generator.

    Example:
        >>> print(f"{critic_loss(jnp.array([2.0, 4.0]), jnp.array([1.0, 1.0])):.1f}")
        -2.0

    Reference:
        Gulrajani et al., Improved Training of Wasserstein GANs, NeurIPS 2017.
    """
    real_scores = as_floating("real_scores", real_scores)
    generated_scores = as_floating("generated_scores", generated_scores)
    check_same_shape("real_scores", real_scores, "generated_scores", generated_scores)
    generated_mean = mean(widen(generated_scores, real_scores))
    loss = generated_mean - mean(widen(real_scores, generated_scores))
    return loss.astype(common_dtype(real_scores, generated_scores))


def generator_loss(generated_scores: ArrayLike) -> jax.Array:
    """Generator's Wasserstein loss, -E[C(generated)] (Gulrajani et al. 2017, Algorithm 1, line 12).

    Args:
        generated_scores: float[...]. critic's scores of generated samples, any range.

    Returns:
        float[]. any sign, in units of the scores; says nothing about the generator's quality.

    Example:
        >>> print(f"{generator_loss(jnp.array([1.0, 2.0])):.1f}")
        -1.5
    """
    generated_scores = as_floating("generated_scores", generated_scores)
    return -mean(generated_scores).astype(generated_scores.dtype)


def gradient_penalty(
    critic_fn: Callable[[jax.Array], jax.Array],
    real: ArrayLike,
    generated: ArrayLike,
    key: jax.Array,
) -> jax.Array:
    """Penalty on critics whose slope between real and generated samples is not one.

    mean((|grad C(xhat)| - 1)^2) at xhat = e x_real + (1 - e) x_generated, with one e ~ U[0, 1] a
    sample (Gulrajani et al. 2017, Eq. 3, last term).

    Args:
        critic_fn: maps float[B, ...] to scores float[B] or float[B, 1], each sample by itself:
            batch statistics inside would mix the gradients of samples.
        real: float[B, ...]. real samples.
        generated: float[B, ...]. generated samples, of equal shape.
        key: random key of the B interpolation weights.

    Returns:
        float[]. >= 0, unweighted: the usual weight of 10 is the caller's.

    Notes:
        Differentiable in what `critic_fn` closes over, which takes second derivatives of the
        critic; where its slope is zero the penalty is 1 and the gradient zero. The critic's matrix
        products run at the highest precision here, whatever the accelerator's default.

    Example:
        >>> slope, x = jnp.array([3.0, 4.0]), jnp.ones((8, 2))
        >>> print(f"{gradient_penalty(lambda x: x @ slope, x, -x, jax.random.key(0)):.1f}")
        16.0
    """
    real = as_floating("real", real)
    generated = as_floating("generated", generated)
    check_same_shape("real", real, "generated", generated)
    if real.ndim == 0:
        raise ValueError("real must have a batch axis, got shape ().")
    batch = real.shape[0]

    def total_score(x: jax.Array) -> jax.Array:
        scores = critic_fn(x)
        if not isinstance(scores, jax.Array) or not jnp.issubdtype(scores.dtype, jnp.floating):
            found = getattr(scores, "dtype", type(scores).__name__)
            raise TypeError(f"critic_fn must return floating-point scores, got {found}.")
        if scores.shape not in ((batch,), (batch, 1)):
            raise ValueError(
                f"critic_fn must return shape {(batch,)} or {(batch, 1)}, got {scores.shape}."
            )
        return jnp.sum(scores)

    dtype = common_dtype(real, generated)
    weights = jax.random.uniform(key, (batch,) + (1,) * (real.ndim - 1), real.dtype).astype(dtype)
    real, generated = real.astype(dtype), generated.astype(dtype)
    interpolated = weights * real + (1 - weights) * generated
    with jax.default_matmul_precision("highest"):
        slopes = jax.grad(total_score)(interpolated)
    norms = safe_norm(widen(slopes).reshape(batch, -1))
    return mean(jnp.square(norms - 1)).astype(slopes.dtype)
