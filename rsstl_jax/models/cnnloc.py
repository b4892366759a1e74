"""CNNLoc: a stacked auto-encoder in front of a one-dimensional CNN [Song et al. 2019].

Differs: the published code ends in an ELU output, which dies in training; here it is linear. The
framer is first trained as an auto-encoder on the squared reconstruction error.
"""

from collections.abc import Sequence

import jax
from flax import linen as nn
from ml_collections import ConfigDict

from rsstl_jax.models.convolution import Convolution
from rsstl_jax.models.dnn import DenseStack
from rsstl_jax.models.network import Network, Regressor

# The published sizes: three kernels of 22 leave one position of the 64 features of the frame.
FILTERS, WINDOW = (99, 66, 33), 22
FRAME_WIDTH = len(FILTERS) * (WINDOW - 1) + 1


class Decoder(nn.Module):
    """The encoder's inner widths backwards, then as many outputs as the encoder had inputs."""

    widths: Sequence[int]

    @nn.compact
    def __call__(self, code: jax.Array, num_outputs: int) -> jax.Array:
        for width in reversed(self.widths[:-1]):
            code = nn.elu(nn.Dense(width)(code))
        return nn.Dense(num_outputs)(code)


class CnnlocExtractor(nn.Module):
    """Dropout, then valid one-dimensional convolutions with ELU until one position is left."""

    dropout: float
    method: str = "auto"

    @nn.compact
    def __call__(self, frame: jax.Array, *, train: bool = False) -> jax.Array:
        x = nn.Dropout(self.dropout, deterministic=not train)(frame)[..., None]
        for channels in FILTERS:
            x = nn.elu(Convolution(channels, (WINDOW,), method=self.method)(x))
        return x.reshape(x.shape[0], -1)


def make_cnnloc(config: ConfigDict) -> Network:
    """CNNLoc out of `model.cnnloc` and `model.convolution`: frame 64, extract 33 wide."""
    sizes = config.model.cnnloc
    widths = (sizes.hidden_width, FRAME_WIDTH)
    return Network(
        framer=DenseStack(widths, activation="elu"),
        extractor=CnnlocExtractor(sizes.dropout, config.model.convolution),
        regressor=Regressor(),
        frame_width=FRAME_WIDTH,
        extract_width=FILTERS[-1],
        extract_activation="elu",
        decoder=Decoder(widths),
        learning_rate_factor=sizes.learning_rate_factor,
    )
