"""The DNN: a plain multilayer perceptron [Felix et al. 2016].

Felix et al. use k x 300 units, k = 1..10; three layers is the natural reading of the paper's "just
like the configurations of the specialized models [...] three fully connected layers".
"""

from collections.abc import Sequence

import jax
from flax import linen as nn
from ml_collections import ConfigDict

from rsstl_jax.models.network import ACTIVATIONS, Network, Regressor


class DenseStack(nn.Module):
    """Dense layers, dropout in front of each: the last one's output is left whole."""

    widths: Sequence[int]
    dropout: float = 0.0
    activation: str = "relu"  # key of `ACTIVATIONS`

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
        for width in self.widths:
            x = nn.Dropout(self.dropout, deterministic=not train)(x)
            x = ACTIVATIONS[self.activation](nn.Dense(width)(x))
        return x


def make_dnn(config: ConfigDict) -> Network:
    """The DNN out of `model.dnn`: equal hidden layers, the first of which is the framer."""
    sizes = config.model.dnn
    return Network(
        framer=DenseStack((sizes.hidden_width,), sizes.input_dropout),
        extractor=DenseStack((sizes.hidden_width,) * (sizes.num_layers - 1), sizes.dropout),
        regressor=Regressor(sizes.dropout),
        frame_width=sizes.hidden_width,
        extract_width=sizes.hidden_width,
        extract_activation="relu",
    )
