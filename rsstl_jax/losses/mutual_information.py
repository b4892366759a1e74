"""Jensen-Shannon bound of the mutual information between two representations."""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from rsstl_jax._numerics import (
    as_floating,
    check_same_shape,
    common_dtype,
    mean,
    partition_freely,
    widen,
)


def mutual_information_bound(joint_scores: ArrayLike, product_scores: ArrayLike) -> jax.Array:
    """Jensen-Shannon lower bound of the dependence between two representations.

    E_joint[-log(1 + exp(-Psi))] - E_product[log(1 + exp(Psi))]: one teacher's summand
    of the paper's Eq. 4, in softplus form.

    Differs: one teacher; the sum over teachers is the caller's, by `jax.vmap`. Eq. 4 is a bound to
    *maximise* while Eq. 12 adds it to a loss: add `mutual_information_loss`, its negative.

    Args:
        joint_scores: float[...]. estimator's scores Psi(Z_G, Z_S) of true pairs, any range.
        product_scores: float[...]. scores of shuffled pairs (`product_pairs`), of equal shape.

    Returns:
        float[]. <= 0. At Psi = 0 it is -2 ln 2; at the optimal estimator, the log density ratio,
        it is 2 JSD - 2 ln 2, with JSD in [0, ln 2] the Jensen-Shannon divergence in nats.

    Notes:
        The gradient of each score lies in [-1/B, 1/B]; value and gradient are finite for every
        finite score. A value below the lowest number of the dtype is given as that number.

    Example:
        >>> print(f"{mutual_information_bound(jnp.zeros(8), jnp.zeros(8)):.4f}")
        -1.3863

    Reference:
        Hjelm et al., Learning Deep Representations by Mutual Information Estimation and
        Maximization, ICLR 2019, its Eq. 4.
    """
    joint_scores = as_floating("joint_scores", joint_scores)
    product_scores = as_floating("product_scores", product_scores)
    check_same_shape("joint_scores", joint_scores, "product_scores", product_scores)
    joint = mean(-jax.nn.softplus(-widen(joint_scores, product_scores)))
    half = joint / 2 - mean(jax.nn.softplus(widen(product_scores, joint_scores))) / 2
    dtype = common_dtype(joint_scores, product_scores)
    largest = float(jnp.finfo(dtype).max)
    # Each mean is a number of the dtype; their difference may exceed the largest one by this.
    excess = jnp.clip(-largest - half - half, 0, largest)
    return (half + lax.stop_gradient(excess) + half).astype(dtype)


def mutual_information_loss(joint_scores: ArrayLike, product_scores: ArrayLike) -> jax.Array:
    """Negative of `mutual_information_bound`: J_MI of one teacher, the term to minimise.

    Differs: the sign of the paper's Eq. 4, so that minimising Eq. 12 maximises the bound, by
    estimator and student together.

    Args:
        joint_scores: float[...]. estimator's scores Psi(Z_G, Z_S) of true pairs, any range.
        product_scores: float[...]. scores of shuffled pairs (`product_pairs`), of equal shape.

    Returns:
        float[]. >= 0; 2 ln 2 where the estimator cannot tell the pairs apart.

    Example:
        >>> print(f"{mutual_information_loss(jnp.full(8, 5.0), jnp.full(8, -5.0)):.4f}")
        0.0134
    """
    return -mutual_information_bound(joint_scores, product_scores)


def product_pairs(x: ArrayLike) -> jax.Array:
    """Batch rolled by one sample: partners for pairs of the product of marginals.

    concat(x[1:], x[:1]) along the batch (the paper's Algorithm 3, line 13), for a loop of one's
    own: runs take `Estimator.score_pairs`, which does the same inside its first layer.

    Args:
        x: float[B, ...]. representations, or anything computed from each sample alone.

    Returns:
        float[B, ...]. sample k + 1 at index k, and the first one last.

    Notes:
        Inside `jax.shard_map` each device rolls the samples that it has. With B = 1 every pair is
        a true one, and the bound is useless.

    Example:
        >>> print(product_pairs(jnp.array([[0.0], [1.0], [2.0]])).ravel())
        [1. 2. 0.]
    """
    x = as_floating("x", x)
    if x.ndim == 0:
        raise ValueError("x must have a batch axis, got shape ().")
    rolled = lambda x: jnp.concatenate([x[1:], x[:1]])  # noqa: E731
    return partition_freely(rolled, (x,), jax.typeof(x).sharding.spec)
