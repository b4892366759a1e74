"""The DNN: a plain multilayer perceptron [Felix et al. 2016]."""

from collections.abc import Sequence

import jax
from flax import linen as nn
from ml_collections import ConfigDict

from rsstl_jax.models.network import Network, Regressor

__all__ = ["DenseFramer", "DenseStack", "make_dnn"]


class DenseStack(nn.Module):
    """Dense layers with ReLU behind each and dropout between them.

    Args:
        widths: units of each layer.
        dropout: probability that a hidden unit is hidden in training; the last layer's output
            is left whole.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> out, _ = DenseStack((16, 8)).init_with_output(jax.random.key(0), jnp.ones((4, 32)))
        >>> out.shape
        (4, 8)
    """

    widths: Sequence[int]
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
        for width in self.widths:
            x = nn.Dropout(self.dropout, deterministic=not train)(x)
            x = nn.relu(nn.Dense(width)(x))
        return x


class DenseFramer(nn.Module):
    """The first layer: from as many inputs as the site has access points to a fixed width.

    Args:
        width: units of the layer.
        input_dropout: probability that an input is hidden in training.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> frame, _ = DenseFramer(300).init_with_output(jax.random.key(0), jnp.ones((4, 520)))
        >>> frame.shape
        (4, 300)
    """

    width: int
    input_dropout: float = 0.0

    @nn.compact
    def __call__(self, fingerprints: jax.Array, *, train: bool = False) -> jax.Array:
        x = nn.Dropout(self.input_dropout, deterministic=not train)(fingerprints)
        return nn.relu(nn.Dense(self.width)(x))


def make_dnn(config: ConfigDict) -> Network:
    """The DNN: `num_layers` hidden layers of equal width, the first of which is the framer.

    Felix et al. use k x 300 units, k = 1..10; three layers is the natural reading of the paper's
    "just like the configurations of the specialized models [...] three fully connected layers".

    Args:
        config: the run's configuration; read here: `model.dnn`.

    Returns:
        Network. frame and extract are `hidden_width` wide and non-negative.

    Example:
        >>> from rsstl_jax.config.schema import default_config
        >>> make_dnn(default_config()).frame_width
        300
    """
    own = config.model.dnn
    return Network(
        framer=DenseFramer(own.hidden_width, own.input_dropout),
        extractor=DenseStack((own.hidden_width,) * (own.num_layers - 1), own.dropout),
        regressor=Regressor(own.dropout),
        frame_width=own.hidden_width,
        extract_width=own.hidden_width,
        extract_activation="relu",
    )
