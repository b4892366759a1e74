"""A new network, trained at a site by all phases, with teachers of the same network.

    pip install . && python examples/own_network.py [folder]    # about half a minute

The run is written to the folder, by default results/own-network. Commands accept such a network
from an installed module or, as here, from one in the current folder:

    cd examples && rsstl distill --config=synthetic:smoke --config.network=own_network:make_network
"""

import sys

import jax
from flax import linen as nn
from ml_collections import ConfigDict

from rsstl_jax import Network, make_config, run_distillation
from rsstl_jax.models import Regressor


class Residual(nn.Module):
    """Dense layers that are added to their input; the first one sets the width."""

    width: int
    num_layers: int

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
        x = nn.Dense(self.width)(x)
        for _ in range(self.num_layers):
            x = x + nn.Dense(self.width)(nn.relu(nn.LayerNorm()(x)))
        return nn.relu(x)


def make_network(config: ConfigDict) -> Network:
    """The function that `config.network` names; it may read any field of `config.model`."""
    width = config.model.dnn.hidden_width
    return Network(
        framer=Residual(width, num_layers=0),
        extractor=Residual(width, num_layers=2),
        regressor=Regressor(),
        frame_width=width,  # Must not depend on the number of access points.
        extract_width=width,
        extract_activation="relu",
    )


def main(folder: str) -> None:
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    config.network = "own_network:make_network"
    config.model.dnn.hidden_width = 64
    config.train.epochs = 20
    result = run_distillation(config, folder)
    for name, figures in result["students"].items():
        print(f"{config.network}, {name}: mean error {figures['mae_m'][0]:.2f} m")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "results/own-network")
