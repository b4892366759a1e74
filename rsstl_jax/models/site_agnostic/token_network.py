"""The site-agnostic network: attention over a fingerprint's access points and neighbours."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from rsstl_jax.models.network import Network, normal
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.models.site_agnostic.support import Support
from rsstl_jax.models.site_agnostic.tokens import Tokens, make_tokens
from rsstl_jax.types import Representations


class TokenFramer(nn.Module):
    """Fingerprints as sets of embedded tokens."""

    settings: AgnosticSettings  # sizes

    @nn.compact
    def __call__(
        self, fingerprints: jax.Array, support: Support, *, train: bool = False
    ) -> tuple[jax.Array, Tokens]:
        settings = self.settings
        tokens = make_tokens(fingerprints, support, settings)
        embedded = [
            nn.Dense(settings.width, name=kind)(getattr(tokens, kind))
            for kind in ("query", "access_points", "neighbours")
        ]
        features = nn.gelu(jnp.concatenate(embedded, axis=1))
        return nn.Dense(settings.width, name="mix")(features), tokens


class SetExtractor(nn.Module):
    """Attention blocks over a set of tokens; the first token is the representation."""

    settings: AgnosticSettings  # sizes

    @nn.compact
    def __call__(
        self, features: jax.Array, valid: jax.Array, *, train: bool = False
    ) -> tuple[jax.Array, jax.Array]:
        settings = self.settings
        batch, number = valid.shape
        for _ in range(settings.num_blocks):
            normed = nn.LayerNorm()(features)
            scores = jnp.where(valid[..., None], nn.Dense(settings.num_heads)(normed), -1e9)
            values = nn.Dense(settings.width)(normed).reshape(batch, number, settings.num_heads, -1)
            pooled = jnp.einsum("bth,bthd->bhd", nn.softmax(scores, axis=1), values)
            pooled_and_first = jnp.concatenate([pooled.reshape(batch, -1), normed[:, 0]], axis=-1)
            shared = nn.Dense(settings.feed_width, use_bias=False)(pooled_and_first)
            hidden = nn.gelu(nn.Dense(settings.feed_width)(normed) + shared[:, None])
            features = features + nn.Dense(settings.width)(hidden)
        features = nn.LayerNorm()(features)
        return features[:, 0], features


class TokenRegressor(nn.Module):
    """A position out of the tokens' positions: their convex combination and a small step.

    It is mixed with the retrieved position by the weight `retrieval`, 0 in training.
    """

    width: int  # units of the hidden layers

    @nn.compact
    def __call__(
        self, extract: jax.Array, refined: jax.Array, tokens: Tokens, *, train: bool = False
    ) -> jax.Array:
        query = jnp.broadcast_to(extract[:, None], refined.shape)
        hidden = nn.gelu(nn.Dense(self.width)(jnp.concatenate([refined, query], axis=-1)))
        scores = tokens.inverse_temperature * nn.Dense(1)(hidden)[..., 0]
        weights = nn.softmax(jnp.where(tokens.valid, scores, -1e9), axis=1)
        convex = jnp.einsum("bt,btd->bd", weights, tokens.position)
        step = nn.Dense(2, kernel_init=normal(1e-3))(nn.gelu(nn.Dense(self.width)(extract)))
        position = convex + 0.3 * tokens.scale[:, None] * step
        return (1 - tokens.retrieval) * position + tokens.retrieval * tokens.retrieved


class AgnosticNetwork(Network):
    """A network whose parameters fit every site: what it knows of a site is its `support`."""

    def __call__(
        self, fingerprints: jax.Array, support: Support | None = None, *, train: bool = False
    ) -> Representations:
        if support is None:
            raise ValueError("support is None; make_support computes it from the site's train part")
        features, tokens = self.framer(fingerprints, support, train=train)
        extract, refined = self.extractor(features, tokens.valid, train=train)
        location = self.regressor(extract, refined, tokens, train=train)
        valid = tokens.valid.astype(features.dtype)
        weight = valid / valid.sum(axis=1, keepdims=True)
        return Representations(jnp.einsum("bt,btf->bf", weight, features), extract, location)

    def regress(self, extract: jax.Array) -> jax.Array:
        """Refused: the regressor combines positions of tokens, which the extract does not hold."""
        raise TypeError(
            "the regressor of a site-agnostic network needs the tokens of a fingerprint; "
            "no position can be read off its representation alone"
        )


def make_agnostic(settings: AgnosticSettings) -> AgnosticNetwork:
    """The site-agnostic network of these sizes."""
    return AgnosticNetwork(
        framer=TokenFramer(settings),
        extractor=SetExtractor(settings),
        regressor=TokenRegressor(settings.width),
        frame_width=settings.width,
        extract_width=settings.width,
        extract_activation="linear",
        lipschitz=False,
        uses_support=True,
    )


def make_configured_agnostic(config: ConfigDict) -> AgnosticNetwork:
    """The site-agnostic network as a student of one site."""
    network = make_agnostic(AgnosticSettings.from_config(config))
    return network.clone(learning_rate_factor=config.model.agnostic.learning_rate_factor)
