"""BayesCNN: a fingerprint as an image under VGG blocks [Sinha and Le 2021], a reconstruction.

"Bayes" is the search for the blocks by Bayesian optimisation. The architectures that Sinha and Le
found are not public; the default blocks are this project's choice.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from rsstl_jax.errors import ConfigError
from rsstl_jax.models.convolution import Convolution, max_of_windows
from rsstl_jax.models.network import Network, Regressor


class VggBlock(nn.Module):
    """3 x 3 convolutions with ReLU, then the maximum over 2 x 2."""

    channels: int
    num_convolutions: int = 2
    method: str = "auto"

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        for number in range(self.num_convolutions):
            image = nn.relu(image) if number else image
            image = Convolution(self.channels, (3, 3), padding="SAME", method=self.method)(image)
        if min(image.shape[1:3]) < 2:
            raise ConfigError(
                "model.bayescnn.channels has more blocks than the image can be halved; k blocks "
                "need more than (2^k - 1)^2 access points: take fewer blocks, or another network"
            )
        # The last ReLU stands behind the maximum, which is the same: it has a quarter to compute.
        return nn.relu(max_of_windows(image))


class ImageFramer(nn.Module):
    """Pads a fingerprint with zeros to the next square, then one VGG block."""

    channels: int
    num_convolutions: int = 2
    method: str = "auto"

    @nn.compact
    def __call__(self, fingerprints: jax.Array, *, train: bool = False) -> jax.Array:
        batch, inputs = fingerprints.shape
        side = math.isqrt(inputs - 1) + 1
        padded = jnp.pad(fingerprints, ((0, 0), (0, side * side - inputs)))
        block = VggBlock(self.channels, self.num_convolutions, self.method)
        return block(padded.reshape(batch, side, side, 1))


class VggExtractor(nn.Module):
    """VGG blocks, one for each number of channels, then a dense layer with ReLU."""

    channels: Sequence[int]
    dense_width: int
    num_convolutions: int = 2
    method: str = "auto"

    @nn.compact
    def __call__(self, image: jax.Array, *, train: bool = False) -> jax.Array:
        for channels in self.channels:
            image = VggBlock(channels, self.num_convolutions, self.method)(image)
        return nn.relu(nn.Dense(self.dense_width)(image.reshape(image.shape[0], -1)))


def make_bayescnn(config: ConfigDict) -> Network:
    """BayesCNN out of `model.bayescnn` and `model.convolution`: the framer is the first block."""
    sizes, method = config.model.bayescnn, config.model.convolution
    first, *others = sizes.channels
    num_convolutions = sizes.num_convolutions
    return Network(
        framer=ImageFramer(first, num_convolutions, method),
        extractor=VggExtractor(tuple(others), sizes.dense_width, num_convolutions, method),
        regressor=Regressor(sizes.dropout),
        frame_width=first,
        extract_width=sizes.dense_width,
        extract_activation="relu",
        learning_rate_factor=sizes.learning_rate_factor,
    )
