"""bAaT: an anchor-agnostic transformer over tokens [Nguyen et al. 2023], a reconstruction.

The authors' code is not public. 64 tokens of 128 and the class token are quoted from their journal
version by others; the rest is inferred.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from rsstl_jax.models.attention import SelfAttention
from rsstl_jax.models.network import Network, Regressor, normal


class Anchor2Vec(nn.Module):
    """float[B, A] to float[B, 1 + T, D]: a class token, and a dense layer cut into T tokens."""

    num_tokens: int
    width: int

    @nn.compact
    def __call__(self, fingerprints: jax.Array, *, train: bool = False) -> jax.Array:
        batch = fingerprints.shape[0]
        tokens = nn.Dense(self.num_tokens * self.width)(fingerprints)
        tokens = tokens.reshape(batch, self.num_tokens, self.width)
        small = normal(0.02)
        first = self.param("class_token", small, (1, 1, self.width), jnp.float32)
        tokens = jnp.concatenate([jnp.tile(first, (batch, 1, 1)), tokens], axis=1)
        shape = (1, self.num_tokens + 1, self.width)
        positions = self.param("positions", small, shape, jnp.float32)
        return tokens + jnp.broadcast_to(positions, tokens.shape)


class Dropout(nn.Module):
    """As `nn.Dropout`, of 16 random bits a unit: CPUs draw its 32 in twice the time."""

    rate: float
    deterministic: bool

    @nn.compact
    def __call__(self, units: jax.Array) -> jax.Array:
        if self.deterministic or self.rate == 0:
            return units
        pairs = jax.random.bits(self.make_rng("dropout"), ((units.size + 1) // 2,), jnp.uint32)
        bits = jax.lax.bitcast_convert_type(pairs, jnp.uint16).reshape(-1)[: units.size]
        kept = bits.reshape(units.shape) >= round(self.rate * 2**16)
        return jnp.where(kept, units / (1 - self.rate), jnp.zeros_like(units))


class Block(nn.Module):
    """A pre-norm transformer block: self-attention, then a feed-forward layer with GELU.

    All tokens are attended to; `first_only` computes the first of them.
    """

    num_heads: int
    feed_width: int
    dropout: float

    @nn.compact
    def __call__(
        self, tokens: jax.Array, *, first_only: bool = False, train: bool = False
    ) -> jax.Array:
        drop = Dropout(self.dropout, deterministic=not train)
        batch, _, width = tokens.shape
        # In rows to the end: of three axes XLA copies the tokens before its gradients' products.
        rows = tokens.reshape(-1, width)
        # Named as Flax's attention, whose saved parameters it reads.
        attend = SelfAttention(self.num_heads, name="MultiHeadDotProductAttention_0")
        normed = jax.lax.optimization_barrier(nn.LayerNorm()(rows)).reshape(tokens.shape)
        attended = attend(normed, first_only=first_only).reshape(-1, width)
        if first_only:
            rows = tokens.reshape(batch, -1)[:, :width]
        rows = rows + drop(attended)
        hidden = nn.gelu(nn.Dense(self.feed_width)(nn.LayerNorm()(rows)))
        rows = rows + drop(nn.Dense(width)(hidden))
        return rows.reshape(batch, -1, width)


class TokenExtractor(nn.Module):
    """float[B, 1 + T, D] to float[B, D]: blocks and a last norm; the class token is kept."""

    num_blocks: int
    num_heads: int
    feed_width: int
    dropout: float

    @nn.compact
    def __call__(self, tokens: jax.Array, *, train: bool = False) -> jax.Array:
        for number in range(1, self.num_blocks + 1):
            block = Block(self.num_heads, self.feed_width, self.dropout)
            tokens = block(tokens, first_only=number == self.num_blocks, train=train)
        return nn.LayerNorm()(tokens[:, 0])


def make_baat(config: ConfigDict) -> Network:
    """bAaT out of `model.baat`: frame is the mean token, extract the class token."""
    sizes = config.model.baat
    return Network(
        framer=Anchor2Vec(sizes.num_tokens, sizes.token_width),
        extractor=TokenExtractor(
            sizes.num_blocks, sizes.num_heads, sizes.feed_width, sizes.dropout
        ),
        regressor=Regressor(),
        frame_width=sizes.token_width,
        extract_width=sizes.token_width,
        extract_activation="linear",
        lipschitz=False,
        learning_rate_factor=sizes.learning_rate_factor,
    )
