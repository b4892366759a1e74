"""The site-agnostic network: attention over a fingerprint's access points and neighbours."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from rsstl_jax.models.network import Network
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.models.site_agnostic.support import Support
from rsstl_jax.models.site_agnostic.tokens import Tokens, make_tokens
from rsstl_jax.types import Representations

__all__ = [
    "AgnosticNetwork",
    "SetExtractor",
    "TokenFramer",
    "TokenRegressor",
    "make_agnostic",
    "make_configured_agnostic",
]


class TokenFramer(nn.Module):
    """Fingerprints as sets of embedded tokens.

    Args:
        settings: sizes.

    Example:
        >>> from rsstl_jax.models import make_support
        >>> support = make_support(jnp.eye(3), jnp.ones((3, 2)), jnp.arange(3))
        >>> framer = TokenFramer(AgnosticSettings())
        >>> (features, tokens), _ = jax.jit(framer.init_with_output)(
        ...     jax.random.key(0), jnp.eye(3), support)
        >>> features.shape  # the query, three access points, three neighbours
        (3, 7, 48)
    """

    settings: AgnosticSettings

    @nn.compact
    def __call__(
        self, fingerprints: jax.Array, support: Support, *, train: bool = False
    ) -> tuple[jax.Array, Tokens]:
        settings = self.settings
        tokens = make_tokens(
            fingerprints,
            support,
            num_access_points=settings.num_access_points,
            num_neighbours=settings.num_neighbours,
        )
        embedded = [
            nn.Dense(settings.width, name=kind)(getattr(tokens, kind))
            for kind in ("query", "access_points", "neighbours")
        ]
        features = nn.gelu(jnp.concatenate(embedded, axis=1))
        return nn.Dense(settings.width, name="mix")(features), tokens


class SetExtractor(nn.Module):
    """Attention blocks over a set of tokens; the first token is the representation.

        a_h = softmax over t of s_h(z_t),  c = concat over heads of sum_t a_ht V_h z_t,
        z_t <- z_t + W gelu(U z_t + U' [c, z_0])

    Every block pools the set by attention and adds what it pooled to each token. The cost grows
    with the number of tokens, not with its square: on a CPU a third of self-attention's.

    Args:
        settings: sizes.

    Example:
        >>> features, valid = jnp.ones((4, 7, 48)), jnp.ones((4, 7), bool)
        >>> extractor = SetExtractor(AgnosticSettings(num_blocks=1))
        >>> (extract, refined), _ = jax.jit(extractor.init_with_output)(
        ...     jax.random.key(0), features, valid)
        >>> extract.shape, refined.shape
        ((4, 48), (4, 7, 48))
    """

    settings: AgnosticSettings

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

        y = sum_t w_t p_t + 0.3 l * step(z),  w = softmax over t of score(z_t, z) / T

    p_t are the tokens' positions, l the local unit of length, z the representation and T the
    site's temperature. The first term moves, turns and grows with the plan whatever the weights.

    Args:
        width: units of the hidden layers.

    Example:
        >>> tokens = Tokens(*[None] * 3, jnp.ones((4, 7, 2)), jnp.ones((4, 7), bool), jnp.ones(4),
        ...                 jnp.ones(()))
        >>> position, _ = jax.jit(TokenRegressor(8).init_with_output)(
        ...     jax.random.key(0), jnp.ones((4, 48)), jnp.ones((4, 7, 48)), tokens)
        >>> bool(jnp.abs(position - 1).max() < 0.1)  # where all tokens lie
        True
    """

    width: int

    @nn.compact
    def __call__(
        self, extract: jax.Array, refined: jax.Array, tokens: Tokens, *, train: bool = False
    ) -> jax.Array:
        query = jnp.broadcast_to(extract[:, None], refined.shape)
        hidden = nn.gelu(nn.Dense(self.width)(jnp.concatenate([refined, query], axis=-1)))
        scores = tokens.inverse_temperature * nn.Dense(1)(hidden)[..., 0]
        weights = nn.softmax(jnp.where(tokens.valid, scores, -1e9), axis=1)
        convex = jnp.einsum("bt,btd->bd", weights, tokens.position)
        small = nn.initializers.normal(1e-3)
        step = nn.Dense(2, kernel_init=small)(nn.gelu(nn.Dense(self.width)(extract)))
        return convex + 0.3 * tokens.scale[:, None] * step


class AgnosticNetwork(Network):
    """A network whose parameters fit every site: what it knows of a site is its `support`.

    It departs from the contract of `Network` because tokens have positions: the framer gives
    (features, tokens), the extractor (extract, refined tokens), and the regressor takes all of
    these. Frame, extract and location are what they are elsewhere; frame is the mean over the
    valid tokens. No position can be read off the extract alone, so that the network is no source
    of surrogate teachers.

    Args:
        framer: TokenFramer.
        extractor: SetExtractor.
        regressor: TokenRegressor.
        frame_width: width of a token's embedding.
        extract_width: the same.
        extract_activation: "linear".
        decoder: none.
        lipschitz: False, behind attention.
        learning_rate_factor: for a training at one site; episodes of several have a rate of
            their settings.
        uses_support: True.

    Example:
        >>> from rsstl_jax.models import make_support
        >>> support = make_support(jnp.eye(3), jnp.ones((3, 2)), jnp.arange(3))
        >>> network = make_agnostic(AgnosticSettings(num_blocks=1))
        >>> params = jax.jit(network.init)(jax.random.key(0), jnp.eye(3), support)
        >>> jax.jit(network.apply)(params, jnp.eye(3), support).extract.shape
        (3, 48)
    """

    def __call__(
        self, fingerprints: jax.Array, support: Support | None = None, *, train: bool = False
    ) -> Representations:
        """All three representations of a batch.

        Args:
            fingerprints: float[B, A]. Fingerprints in the linear encoding.
            support: of the site, with the same access points.
            train: changes nothing here: there is no dropout.

        Returns:
            Representations; the location in the unit of the support's positions.

        Raises:
            ValueError: if there is no support.
        """
        if support is None:
            raise ValueError("support is None; make_support computes it from the site's train part")
        features, tokens = self.framer(fingerprints, support, train=train)
        extract, refined = self.extractor(features, tokens.valid, train=train)
        location = self.regressor(extract, refined, tokens, train=train)
        weight = tokens.valid / tokens.valid.sum(axis=1, keepdims=True)
        return Representations(jnp.einsum("bt,btf->bf", weight, features), extract, location)

    def regress(self, extract: jax.Array) -> jax.Array:
        """Refused: the regressor combines positions of tokens, which the extract does not hold.

        Args:
            extract: float[B, D].

        Raises:
            TypeError: always.
        """
        raise TypeError(
            "the regressor of a site-agnostic network needs the tokens of a fingerprint; "
            "no position can be read off its representation alone"
        )


def make_agnostic(
    settings: AgnosticSettings, *, learning_rate_factor: float = 1.0
) -> AgnosticNetwork:
    """The site-agnostic network of these sizes.

    Args:
        settings: sizes.
        learning_rate_factor: what a site's learning rate is multiplied by.

    Returns:
        AgnosticNetwork. frame is the mean token, extract the first, both `width` wide.

    Example:
        >>> make_agnostic(AgnosticSettings(width=64)).extract_width
        64
    """
    return AgnosticNetwork(
        framer=TokenFramer(settings),
        extractor=SetExtractor(settings),
        regressor=TokenRegressor(settings.width),
        frame_width=settings.width,
        extract_width=settings.width,
        extract_activation="linear",
        lipschitz=False,
        learning_rate_factor=learning_rate_factor,
        uses_support=True,
    )


def make_configured_agnostic(config: ConfigDict) -> AgnosticNetwork:
    """The site-agnostic network as a student of one site.

    Args:
        config: the run's configuration; read here: `model.agnostic`.

    Returns:
        AgnosticNetwork.

    Example:
        >>> from rsstl_jax.config.schema import default_config
        >>> make_configured_agnostic(default_config()).uses_support
        True
    """
    return make_agnostic(
        AgnosticSettings.from_config(config),
        learning_rate_factor=config.model.agnostic.learning_rate_factor,
    )
