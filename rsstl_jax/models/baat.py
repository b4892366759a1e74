"""bAaT: an anchor-agnostic transformer over tokens [Nguyen et al. 2023], a reconstruction."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from rsstl_jax.models.network import Network, Regressor

__all__ = ["Anchor2Vec", "Block", "TokenExtractor", "make_baat", "token_penalties"]


class Anchor2Vec(nn.Module):
    """A fingerprint as tokens: one dense layer, cut into tokens, with learned positions.

    The first token is a learned class token.

    Args:
        num_tokens: tokens that the access points are spread over.
        width: of a token.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> out, _ = Anchor2Vec(64, 128).init_with_output(jax.random.key(0), jnp.ones((4, 520)))
        >>> out.shape
        (4, 65, 128)
    """

    num_tokens: int
    width: int

    @nn.compact
    def __call__(self, fingerprints: jax.Array, *, train: bool = False) -> jax.Array:
        batch = fingerprints.shape[0]
        tokens = nn.Dense(self.num_tokens * self.width)(fingerprints)
        tokens = tokens.reshape(batch, self.num_tokens, self.width)
        small = nn.initializers.normal(0.02)
        first = self.param("class_token", small, (1, 1, self.width))
        tokens = jnp.concatenate([jnp.tile(first, (batch, 1, 1)), tokens], axis=1)
        positions = self.param("positions", small, (1, self.num_tokens + 1, self.width))
        return tokens + jnp.broadcast_to(positions, tokens.shape)


class Block(nn.Module):
    """A pre-norm transformer block: self-attention, then a feed-forward layer with GELU.

    Args:
        num_heads: attention heads.
        feed_width: units of the feed-forward layer.
        dropout: behind attention and feed-forward layer in training.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> out, _ = Block(8, 512, 0.1).init_with_output(
        ...     jax.random.key(0), jnp.ones((4, 65, 128)))
        >>> out.shape
        (4, 65, 128)
    """

    num_heads: int
    feed_width: int
    dropout: float

    @nn.compact
    def __call__(self, tokens: jax.Array, *, train: bool = False) -> jax.Array:
        drop = nn.Dropout(self.dropout, deterministic=not train)
        attend = nn.MultiHeadDotProductAttention(self.num_heads)
        tokens = tokens + drop(attend(nn.LayerNorm()(tokens)))
        hidden = nn.gelu(nn.Dense(self.feed_width)(nn.LayerNorm()(tokens)))
        return tokens + drop(nn.Dense(tokens.shape[-1])(hidden))


class TokenExtractor(nn.Module):
    """Transformer blocks and a last norm; the class token is the representation.

    Args:
        num_blocks: how many.
        num_heads: attention heads of each.
        feed_width: units of each feed-forward layer.
        dropout: of each block.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> extractor = TokenExtractor(3, 8, 512, 0.1)
        >>> out, _ = extractor.init_with_output(jax.random.key(0), jnp.ones((4, 65, 128)))
        >>> out.shape
        (4, 128)
    """

    num_blocks: int
    num_heads: int
    feed_width: int
    dropout: float

    @nn.compact
    def __call__(self, tokens: jax.Array, *, train: bool = False) -> jax.Array:
        for _ in range(self.num_blocks):
            tokens = Block(self.num_heads, self.feed_width, self.dropout)(tokens, train=train)
        return nn.LayerNorm()(tokens)[:, 0]


def token_penalties(tokens: jax.Array, *, target_deviation: float = 1.0) -> dict[str, jax.Array]:
    """Variance and covariance penalties that keep tokens apart [Bardes et al. 2022, VICReg].

    variance = mean over features of max(0, target - sd over the batch);
    covariance = sum of squared off-diagonal covariances / width; both averaged over tokens.

    Args:
        tokens: float[B, T, D]. Tokens of a batch of at least two.
        target_deviation: standard deviation below which a feature is penalised.

    Returns:
        {"variance": scalar, "covariance": scalar}.

    Raises:
        ValueError: if the batch has fewer than two fingerprints.

    Example:
        >>> import jax
        >>> penalties = token_penalties(jax.random.normal(jax.random.key(0), (64, 4, 8)))
        >>> sorted(penalties)
        ['covariance', 'variance']
    """
    batch, _, width = tokens.shape
    if batch < 2:
        raise ValueError(f"tokens has shape {tokens.shape}; at least two fingerprints are needed")
    centered = tokens - tokens.mean(axis=0, keepdims=True)
    covariance = jnp.einsum("btd,bte->tde", centered, centered) / (batch - 1)
    variances = jnp.diagonal(covariance, axis1=1, axis2=2)
    deviations = jnp.sqrt(variances + 1e-4)
    total = jnp.square(covariance).sum() - jnp.square(variances).sum()
    return {
        "variance": jnp.maximum(0.0, target_deviation - deviations).mean(),
        "covariance": total / (width * tokens.shape[1]),
    }


def make_baat(config: ConfigDict) -> Network:
    """bAaT: Anchor2Vec, three transformer blocks, the class token; a reconstruction.

    The authors' code is not public. 64 tokens of 128, class token, and variance and covariance
    losses on the tokens are quoted from their journal version by others; the rest is inferred.

    Args:
        config: the run's configuration; read here: `model.baat`.

    Returns:
        Network. frame is the mean token, extract the class token, both `token_width` wide.

    Example:
        >>> from rsstl_jax.config.schema import default_config
        >>> make_baat(default_config()).frame_width
        128
    """
    own = config.model.baat
    return Network(
        framer=Anchor2Vec(own.num_tokens, own.token_width),
        extractor=TokenExtractor(own.num_blocks, own.num_heads, own.feed_width, own.dropout),
        regressor=Regressor(),
        frame_width=own.token_width,
        extract_width=own.token_width,
        extract_activation="linear",
        lipschitz=False,
        learning_rate_factor=own.learning_rate_factor,
    )
