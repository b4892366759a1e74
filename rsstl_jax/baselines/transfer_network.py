"""A network behind an encoder of the site, so that its body can move between sites."""

import jax
from flax import linen as nn

from rsstl_jax.errors import ConfigError
from rsstl_jax.models.network import Network
from rsstl_jax.types import Params


class EncodedFramer(nn.Module):
    """One dense layer with ReLU in front of a framer."""

    encoder_width: int  # units of the layer
    framer: nn.Module  # of the network

    @nn.compact
    def __call__(self, fingerprints: jax.Array, *, train: bool = False) -> jax.Array:
        encoded = nn.relu(nn.Dense(self.encoder_width, name="encoder")(fingerprints))
        return self.framer(encoded, train=train)


def make_transfer_network(network: Network, encoder_width: int = 256) -> Network:
    """The network with an encoder in front; body = framer and extractor, head = regressor."""
    if network.uses_support:
        raise ConfigError(
            "a network that is given its site's fingerprints as support has no layer of the site's "
            "own to put an encoder for: network must be another for sequential, collective and "
            "scratch"
        )
    return network.clone(framer=EncodedFramer(encoder_width, network.framer), decoder=None)


def get_body(params: Params) -> Params:
    """The part of a transfer network's parameters that moves between sites."""
    return {"framer": params["framer"]["framer"], "extractor": params["extractor"]}


def put_body(params: Params, body: Params) -> Params:
    """The parameters of one site with the body of another."""
    framer = {**params["framer"], "framer": body["framer"]}
    return {**params, "framer": framer, "extractor": body["extractor"]}
