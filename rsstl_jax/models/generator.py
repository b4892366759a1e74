"""Surrogate teachers: the generator that stands in for a source network, and its critic."""

import jax
from flax import linen as nn

from rsstl_jax.models.network import ACTIVATIONS, Network


class Generator(nn.Module):
    """A surrogate teacher G = {F, E}: noise to (Z_G^F, Z_G^E) (paper, Sec. 3.1).

    The first layer is the framer; the last ends as the extractor that it stands in for does.
    """

    frame_width: int
    extract_width: int
    extract_activation: str
    hidden_width: int = 256

    @nn.compact
    def __call__(self, code: jax.Array) -> tuple[jax.Array, jax.Array]:
        frame = nn.leaky_relu(nn.Dense(self.frame_width, name="framer")(code), 0.2)
        hidden = nn.leaky_relu(nn.Dense(self.hidden_width, name="hidden")(frame), 0.2)
        extract = nn.Dense(self.extract_width, name="extractor")(hidden)
        return frame, ACTIVATIONS[self.extract_activation](extract)


class Critic(nn.Module):
    """The Wasserstein critic: how real a representation looks [Gulrajani et al. 2017].

    It has no normalisation, which the gradient penalty forbids.
    """

    hidden_width: int = 256

    @nn.compact
    def __call__(self, extract: jax.Array) -> jax.Array:
        x = nn.leaky_relu(nn.Dense(self.hidden_width)(extract), 0.2)
        x = nn.leaky_relu(nn.Dense(self.hidden_width)(x), 0.2)
        return nn.Dense(1)(x)[:, 0]


def make_generator(network: Network, hidden_width: int = 256) -> Generator:
    """The generator that fits a network's representations."""
    return Generator(
        network.frame_width, network.extract_width, network.extract_activation, hidden_width
    )
