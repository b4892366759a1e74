"""CNNLoc: a stacked auto-encoder in front of a one-dimensional CNN [Song et al. 2019]."""

from collections.abc import Sequence

import jax
from flax import linen as nn
from ml_collections import ConfigDict

from rsstl_jax.models.convolution import Convolution
from rsstl_jax.models.network import Network, Regressor

__all__ = ["CnnlocExtractor", "Decoder", "Encoder", "make_cnnloc"]


class Encoder(nn.Module):
    """The encoder of a stacked auto-encoder: dense layers with ELU behind each.

    Args:
        widths: units of each layer.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> code, _ = Encoder((128, 64)).init_with_output(jax.random.key(0), jnp.ones((4, 520)))
        >>> code.shape
        (4, 64)
    """

    widths: Sequence[int]

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
        for width in self.widths:
            x = nn.elu(nn.Dense(width)(x))
        return x


class Decoder(nn.Module):
    """The decoder: the encoder's inner widths backwards, then as many outputs as it had inputs.

    Args:
        widths: the encoder's widths.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> decoder = Decoder((128, 64))
        >>> out, _ = decoder.init_with_output(jax.random.key(0), jnp.ones((4, 64)), 520)
        >>> out.shape
        (4, 520)
    """

    widths: Sequence[int]

    @nn.compact
    def __call__(self, code: jax.Array, num_outputs: int) -> jax.Array:
        for width in reversed(self.widths[:-1]):
            code = nn.elu(nn.Dense(width)(code))
        return nn.Dense(num_outputs)(code)


class CnnlocExtractor(nn.Module):
    """Dropout, then valid one-dimensional convolutions with ELU until one place is left.

    Args:
        filters: channels of each convolution.
        window: extent of every kernel; len(filters) * (window - 1) + 1 inputs leave one place.
        dropout: probability that an input is hidden in training.
        method: how convolutions are computed, see `Convolution`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> extractor = CnnlocExtractor((99, 66, 33), 22, 0.7)
        >>> out, _ = extractor.init_with_output(jax.random.key(0), jnp.ones((4, 64)))
        >>> out.shape
        (4, 33)
    """

    filters: Sequence[int]
    window: int
    dropout: float
    method: str = "auto"

    @nn.compact
    def __call__(self, frame: jax.Array, *, train: bool = False) -> jax.Array:
        x = nn.Dropout(self.dropout, deterministic=not train)(frame)[..., None]
        for channels in self.filters:
            x = nn.elu(Convolution(channels, (self.window,), method=self.method)(x))
        return x.reshape(x.shape[0], -1)


def make_cnnloc(config: ConfigDict) -> Network:
    """CNNLoc: encoder n-128-64, three convolutions of width 22 that leave 1 place of 33 channels.

    Differs: the published code ends in an ELU output, which dies in training; here it is linear.
    Its framer is first trained as an auto-encoder on the squared reconstruction error.

    Args:
        config: the run's configuration; read here: `model.cnnloc`, `model.convolution`.

    Returns:
        Network. frame is 64, extract 33 wide and above -1.

    Example:
        >>> from rsstl_jax.config.schema import default_config
        >>> make_cnnloc(default_config()).extract_width
        33
    """
    own = config.model.cnnloc
    widths = (own.hidden_width, 3 * (22 - 1) + 1)
    return Network(
        framer=Encoder(widths),
        extractor=CnnlocExtractor((99, 66, 33), 22, own.dropout, method=config.model.convolution),
        regressor=Regressor(),
        frame_width=widths[-1],
        extract_width=33,
        extract_activation="elu",
        decoder=Decoder(widths),
        learning_rate_factor=own.learning_rate_factor,
    )
