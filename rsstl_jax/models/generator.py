"""Surrogate teachers: the generator that stands in for a source network, and its critic."""

import jax
from flax import linen as nn

from rsstl_jax.models.network import ACTIVATIONS, Network, check_activation


class Generator(nn.Module):
    """A surrogate teacher G = {F, E}: noise to (Z_G^F, Z_G^E) (paper, Sec. 3.1).

    Three dense layers with LeakyReLU 0.2 between them. The first is the framer; the last ends
    as the network's own extractor does, so that both representations have the same support.

    Args:
        frame_width: F, that of the network it stands in for.
        extract_width: D, likewise.
        extract_activation: key of `ACTIVATIONS`, likewise.
        hidden_width: units of the layer between.

    Example:
        >>> import jax
        >>> code = jax.random.normal(jax.random.key(0), (4, 128))
        >>> generator = Generator(frame_width=64, extract_width=33, extract_activation="relu")
        >>> (frame, extract), _ = generator.init_with_output(jax.random.key(1), code)
        >>> frame.shape, extract.shape, bool((extract >= 0).all())
        ((4, 64), (4, 33), True)
    """

    frame_width: int
    extract_width: int
    extract_activation: str
    hidden_width: int = 256

    def __post_init__(self) -> None:
        check_activation(self.extract_activation)
        super().__post_init__()

    @nn.compact
    def __call__(self, code: jax.Array) -> tuple[jax.Array, jax.Array]:
        frame = nn.leaky_relu(nn.Dense(self.frame_width, name="framer")(code), 0.2)
        hidden = nn.leaky_relu(nn.Dense(self.hidden_width, name="hidden")(frame), 0.2)
        extract = nn.Dense(self.extract_width, name="extractor")(hidden)
        return frame, ACTIVATIONS[self.extract_activation](extract)


class Critic(nn.Module):
    """The Wasserstein critic: how real a representation looks [Gulrajani et al. 2017].

    LeakyReLU 0.2 between dense layers; no normalisation, which the gradient penalty forbids.

    Args:
        hidden_width: units of both hidden layers.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> extract = jax.random.normal(jax.random.key(0), (4, 300))
        >>> scores, params = Critic().init_with_output(jax.random.key(1), extract)
        >>> alone = Critic().apply(params, extract[:1])  # each row is scored by itself
        >>> scores.shape, bool(jnp.allclose(scores[:1], alone, atol=1e-5))
        ((4,), True)
    """

    hidden_width: int = 256

    @nn.compact
    def __call__(self, extract: jax.Array) -> jax.Array:
        x = nn.leaky_relu(nn.Dense(self.hidden_width)(extract), 0.2)
        x = nn.leaky_relu(nn.Dense(self.hidden_width)(x), 0.2)
        return nn.Dense(1)(x)[:, 0]


def make_generator(network: Network, hidden_width: int = 256) -> Generator:
    """The generator that fits a network's representations.

    Args:
        network: the network whose representations it is to generate.
        hidden_width: units of its middle layer.

    Returns:
        Generator of the network's widths and last activation.

    Example:
        >>> from rsstl_jax import default_config, make_network
        >>> generator = make_generator(make_network(default_config()))
        >>> generator.frame_width, generator.extract_width, generator.extract_activation
        (300, 300, 'relu')
    """
    return Generator(
        network.frame_width, network.extract_width, network.extract_activation, hidden_width
    )
