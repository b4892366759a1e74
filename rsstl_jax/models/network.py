"""The contract of a specialised network: framer, extractor, regressor."""

from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn

from rsstl_jax.types import Representations

__all__ = ["ACTIVATIONS", "Network", "Regressor"]

ACTIVATIONS = {"relu": nn.relu, "elu": nn.elu, "linear": lambda x: x}
"""What an extractor may end in; a generator ends in the same, so that their supports match."""


class Network(nn.Module):
    """A specialised network S = {F, E, R} out of its three parts (paper, Sec. 3.1).

    Z^F = F(X), Z^E = E(Z^F), Y = R(Z^E). A part is any module called as `part(x, train=...)`;
    the framer may return a feature map of any rank, of which `frame` is the average over the
    axes between the first and the last.

    Args:
        framer: module. Encoded fingerprints float[B, A] -> feature map float[B, ..., F].
        extractor: module. The feature map -> float[B, D].
        regressor: module. float[B, D] -> float[B, 2], in units of the site's scale.
        frame_width: F. Must not depend on the number of access points A.
        extract_width: D. Must not depend on A, or teachers of several sites cannot be stacked.
        extract_activation: what the extractor ends in, a key of `ACTIVATIONS`.
        decoder: module(frame, A) -> float[B, A]. If given, the framer is first trained as an
            auto-encoder with it; the decoder is no part of the network's parameters.
        lipschitz: False where J_FI makes no sense, as behind dot-product attention
            [Kim et al. 2021]; phase 2 then leaves the term out unless it is forced.
        penalty: feature map -> scalar, added to the training loss, metres.
        learning_rate_factor: what the site's learning rate is multiplied by for this network.
        uses_support: whether the network is given the site's train part as its support.

    Raises:
        ValueError: on call, if a part's output is not as wide as declared.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from rsstl_jax.config.schema import default_config
        >>> from rsstl_jax.models import make_network
        >>> network = make_network(default_config())
        >>> params = network.init(jax.random.key(0), jnp.zeros((1, 520)))
        >>> network.apply(params, jnp.zeros((8, 520))).extract.shape
        (8, 300)
    """

    framer: nn.Module
    extractor: nn.Module
    regressor: nn.Module
    frame_width: int
    extract_width: int
    extract_activation: str
    decoder: nn.Module | None = None
    lipschitz: bool = True
    penalty: Callable[[jax.Array], jax.Array] | None = None
    learning_rate_factor: float = 1.0
    uses_support: bool = False

    def __call__(
        self, fingerprints: jax.Array, support: Any = None, *, train: bool = False
    ) -> Representations:
        """All three representations of a batch.

        Args:
            fingerprints: float[B, A]. Encoded fingerprints.
            support: arrays computed once from the site's train part, for networks that use it.
            train: whether dropout is active (then an rng named "dropout" is needed).

        Returns:
            Representations of float[B, F], float[B, D], float[B, 2] and a scalar.

        Raises:
            ValueError: if a part's output is not as wide as declared.
        """
        context = () if support is None else (support,)
        features = self.framer(fingerprints, *context, train=train)
        extract = self.extractor(features, train=train)
        location = self.regressor(extract, train=train)
        frame = features.mean(axis=tuple(range(1, features.ndim - 1)))
        declared = {"frame": self.frame_width, "extract": self.extract_width, "location": 2}
        for (name, width), array in zip(declared.items(), (frame, extract, location), strict=True):
            if array.shape[1:] != (width,):
                raise ValueError(f"{name} has shape {array.shape}; its width must be {width}")
        penalty = self.penalty(features) if train and self.penalty is not None else 0.0
        return Representations(frame, extract, location, penalty)

    def regress(self, extract: jax.Array) -> jax.Array:
        """The place that the regressor reads off a representation; R of Eq. 2.

        Args:
            extract: float[B, D]. The network's own, or one that a teacher has generated.

        Returns:
            float[B, 2]. Place in units of the site's scale; no dropout.
        """
        return self.regressor(extract, train=False)


class Regressor(nn.Module):
    """The last part of every built-in network: one linear layer onto the plane.

    Linear, because a saturating output dies in training. Dropout acts on its input here rather
    than in the extractor, so that the representation which teachers meet is whole.

    Args:
        dropout: probability that a unit of the representation is hidden in training.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> place, _ = Regressor().init_with_output(jax.random.key(0), jnp.ones((4, 300)))
        >>> place.shape
        (4, 2)
    """

    dropout: float = 0.0

    @nn.compact
    def __call__(self, extract: jax.Array, *, train: bool = False) -> jax.Array:
        extract = nn.Dropout(self.dropout, deterministic=not train)(extract)
        return nn.Dense(2)(extract)
