"""The DNN: a plain multilayer perceptron [Felix et al. 2016].

Felix et al. use k x 300 units, k = 1..10; three layers is the natural reading of the paper's "just
like the configurations of the specialized models [...] three fully connected layers".
"""

from collections.abc import Sequence

import jax
from flax import linen as nn
from ml_collections import ConfigDict

from rsstl_jax.models.network import Network, Regressor


class DenseStack(nn.Module):
    """Dense layers with ReLU, dropout in front of each: the last one's output is left whole."""

    widths: Sequence[int]
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
        for width in self.widths:
            x = nn.Dropout(self.dropout, deterministic=not train)(x)
            x = nn.relu(nn.Dense(width)(x))
        return x


class DenseFramer(nn.Module):
    """The first layer: from as many inputs as the site has access points to a fixed width."""

    width: int
    input_dropout: float = 0.0

    @nn.compact
    def __call__(self, fingerprints: jax.Array, *, train: bool = False) -> jax.Array:
        x = nn.Dropout(self.input_dropout, deterministic=not train)(fingerprints)
        return nn.relu(nn.Dense(self.width)(x))


def make_dnn(config: ConfigDict) -> Network:
    """The DNN out of `model.dnn`: equal hidden layers, the first of which is the framer."""
    sizes = config.model.dnn
    return Network(
        framer=DenseFramer(sizes.hidden_width, sizes.input_dropout),
        extractor=DenseStack((sizes.hidden_width,) * (sizes.num_layers - 1), sizes.dropout),
        regressor=Regressor(sizes.dropout),
        frame_width=sizes.hidden_width,
        extract_width=sizes.hidden_width,
        extract_activation="relu",
    )
