"""Self-attention against Flax's own."""

import chex
import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from rsstl_jax.models.attention import SelfAttention


@pytest.fixture(scope="module")
def tokens():
    return jax.random.normal(jax.random.key(0), (3, 7, 12))


def test_first_parameters_are_the_bits_of_flax(tokens):
    key = jax.random.key(1)
    ours, theirs = (module.init(key, tokens) for module in (SelfAttention(4), flax(4)))
    chex.assert_trees_all_equal(ours, theirs)


@pytest.mark.parametrize("first_only", [False, True])
def test_values_and_gradients_are_those_of_flax(tokens, first_only):
    params = flax(4).init(jax.random.key(1), tokens)
    # Biases that are not zero.
    params = jax.tree.map(
        lambda leaf: leaf + 0.1 * jnp.cos(jnp.arange(leaf.size) * 1.0).reshape(leaf.shape), params
    )
    with jax.enable_x64(True):
        doubled = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), (params, tokens))

        def of_ours(params, tokens):
            return SelfAttention(4).apply(params, tokens, first_only=first_only)

        def of_flax(params, tokens):
            return flax(4).apply(params, tokens[:, :1] if first_only else tokens, tokens)

        def value_and_gradients(function):
            def scalar(*arguments):
                values = function(*arguments)
                return jnp.sin(values).sum(), values

            return jax.jit(jax.grad(scalar, argnums=(0, 1), has_aux=True))(*doubled)

        chex.assert_trees_all_close(
            value_and_gradients(of_ours), value_and_gradients(of_flax), rtol=1e-10, atol=1e-12
        )


def flax(num_heads):
    return nn.MultiHeadDotProductAttention(num_heads)
