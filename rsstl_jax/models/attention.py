"""Self-attention with the parameters of Flax's, in products that are fast on CPUs."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn


class SelfAttention(nn.Module):
    """float[B, T, D] to float[B, T or 1, D]: as `nn.MultiHeadDotProductAttention` of the tokens."""

    num_heads: int

    @nn.compact
    def __call__(self, tokens: jax.Array, *, first_only: bool = False) -> jax.Array:
        batch, number, width = tokens.shape
        heads = (self.num_heads, width // self.num_heads)
        projections = [_Affine((width,), heads, name=name)() for name in ("query", "key", "value")]
        out_kernel, out_bias = _Affine(heads, (width,), name="out")()
        if first_only:
            mixed = _attend_from_first(tokens, *projections)
        else:
            # Query, key and value are one product.
            kernels, biases = zip(*projections, strict=True)
            kernel = jnp.stack(kernels, axis=1).reshape(width, 3 * width)
            # The bias is added to whole tokens: of single heads its gradient is a slow sum.
            made = tokens.reshape(-1, width) @ kernel + jnp.stack(biases).reshape(1, -1)
            parts = jnp.split(made, 3, axis=-1)
            query, key, value = (part.reshape(batch, number, *heads) for part in parts)
            key, value = (array.transpose(0, 2, 3, 1) for array in (key, value))
            mixed = _attend(query.transpose(0, 2, 1, 3) / math.sqrt(heads[1]), key, value)
            mixed = mixed.transpose(0, 2, 1, 3)
        out = mixed.reshape(-1, width) @ out_kernel.reshape(width, width) + out_bias[None]
        return out.reshape(batch, -1, width)


class _Affine(nn.Module):
    """Kernel and bias as `nn.DenseGeneral` initialises them."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @nn.compact
    def __call__(self) -> tuple[jax.Array, jax.Array]:
        def init(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
            flat = (math.prod(self.inputs), math.prod(self.outputs))
            return nn.initializers.lecun_normal()(key, flat, jnp.float32).reshape(shape)

        kernel = self.param("kernel", init, (*self.inputs, *self.outputs))
        bias = self.param("bias", nn.initializers.zeros, self.outputs, jnp.float32)
        return kernel, bias


@jax.custom_vjp
def _attend(query: jax.Array, key: jax.Array, value: jax.Array) -> jax.Array:
    """Softmax of float[B, H, T, D] with float[B, H, D, T], times float[B, H, D, T] transposed."""
    return _forward(query, key, value)[0]


def _forward(query: jax.Array, key: jax.Array, value: jax.Array) -> tuple[jax.Array, Any]:
    weights = nn.softmax(query @ key)
    mixed = jnp.einsum("bhqk,bhdk->bhqd", weights, value)
    return mixed, (query, key, value, weights, mixed)


# The gradients that JAX derives are the same sums, in orders of axes that XLA multiplies slower.
def _backward(saved: Any, gradient: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    query, key, value, weights, mixed = saved
    of_value = gradient.swapaxes(-1, -2) @ weights
    mean = (gradient * mixed).sum(axis=-1, keepdims=True)
    of_scores = weights * (gradient @ value - mean)
    of_query = jnp.einsum("bhqk,bhdk->bhqd", of_scores, key)
    return of_query, query.swapaxes(-1, -2) @ of_scores, of_value


_attend.defvjp(_forward, _backward)


def _attend_from_first(tokens: jax.Array, query: Any, key: Any, value: Any) -> jax.Array:
    """float[B, H, D] of the first token, which asks alone: no key or value is computed.

    Its query is carried back through the keys' kernel, the mean of tokens on through the values'.
    """
    kernel, bias = query
    asked = jnp.einsum("bw,whd->bhd", tokens[:, 0], kernel) + bias[None]
    # The keys' bias moves all its scores alike, which has no effect.
    asked = jnp.einsum("bhd,whd->bhw", asked, key[0]) / math.sqrt(bias.shape[-1])
    weights = nn.softmax(jnp.einsum("bhw,bkw->bhk", asked, tokens))
    kernel, bias = value
    pooled = jnp.einsum("bhk,bkw->bhw", weights, tokens)
    return jnp.einsum("bhw,whd->bhd", pooled, kernel) + bias[None]
