"""BayesCNN: a fingerprint as an image under VGG blocks [Sinha and Le 2021], a reconstruction."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from rsstl_jax.errors import ConfigError
from rsstl_jax.models.convolution import Convolution
from rsstl_jax.models.network import Network, Regressor

__all__ = ["ImageFramer", "VggBlock", "VggExtractor", "make_bayescnn"]


class VggBlock(nn.Module):
    """3 x 3 convolutions with ReLU, then the maximum over 2 x 2.

    Args:
        channels: output channels of each convolution.
        num_convolutions: how many.
        method: how they are computed, see `Convolution`.

    Raises:
        ConfigError: on call, if the image is too small to be halved.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> out, _ = VggBlock(32).init_with_output(jax.random.key(0), jnp.ones((4, 23, 23, 1)))
        >>> out.shape
        (4, 11, 11, 32)
    """

    channels: int
    num_convolutions: int = 2
    method: str = "auto"

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        for _ in range(self.num_convolutions):
            layer = Convolution(self.channels, (3, 3), padding="SAME", method=self.method)
            image = nn.relu(layer(image))
        if min(image.shape[1:3]) < 2:
            raise ConfigError(
                "model.bayescnn.channels has more blocks than the image can be halved; k blocks "
                "need more than (2^k - 1)^2 access points: take fewer blocks, or another network"
            )
        return nn.max_pool(image, (2, 2), strides=(2, 2))


class ImageFramer(nn.Module):
    """Pads a fingerprint with zeros to the next square, then one VGG block.

    Args:
        channels: of the block.
        num_convolutions: in the block.
        method: see `Convolution`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> out, _ = ImageFramer(32).init_with_output(jax.random.key(0), jnp.ones((4, 520)))
        >>> out.shape
        (4, 11, 11, 32)
    """

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
    """VGG blocks, then one dense layer with ReLU.

    Args:
        channels: of each block.
        dense_width: units of the dense layer, the width of `extract`.
        num_convolutions: in each block.
        method: see `Convolution`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> extractor = VggExtractor((64, 128), 128)
        >>> out, _ = extractor.init_with_output(jax.random.key(0), jnp.ones((4, 11, 11, 32)))
        >>> out.shape
        (4, 128)
    """

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
    """BayesCNN: VGG blocks over the fingerprint as an image; a reconstruction.

    "Bayes" is the search for the blocks by Bayesian optimisation. The architectures that Sinha
    and Le found are not public; the default blocks are this project's own pick.

    Args:
        config: the run's configuration; read here: `model.bayescnn`, `model.convolution`.

    Returns:
        Network. frame is as wide as the first block, averaged over space; extract is
        `dense_width` wide and non-negative.

    Example:
        >>> from rsstl_jax.config.schema import default_config
        >>> make_bayescnn(default_config()).extract_width
        128
    """
    own, method = config.model.bayescnn, config.model.convolution
    first, *others = own.channels
    return Network(
        framer=ImageFramer(first, own.num_convolutions, method),
        extractor=VggExtractor(tuple(others), own.dense_width, own.num_convolutions, method),
        regressor=Regressor(own.dropout),
        frame_width=first,
        extract_width=own.dense_width,
        extract_activation="relu",
        learning_rate_factor=own.learning_rate_factor,
    )
