"""A network behind an encoder of its site's own, so that its body can move between sites."""

import jax
from flax import linen as nn

from rsstl_jax.config import ConfigError
from rsstl_jax.models.network import Network
from rsstl_jax.types import Params

__all__ = ["EncodedFramer", "get_body", "make_transfer_network", "put_body"]


class EncodedFramer(nn.Module):
    """One dense layer with ReLU in front of a network's own framer.

    Args:
        encoder_width: units of the layer; the framer's input at every site.
        framer: the network's own.

    Example:
        >>> import jax.numpy as jnp
        >>> from rsstl_jax.models import DenseFramer
        >>> framer = EncodedFramer(256, DenseFramer(300))
        >>> frame, _ = framer.init_with_output(jax.random.key(0), jnp.ones((4, 520)))
        >>> frame.shape
        (4, 300)
    """

    encoder_width: int
    framer: nn.Module

    @nn.compact
    def __call__(self, fingerprints: jax.Array, *, train: bool = False) -> jax.Array:
        encoded = nn.relu(nn.Dense(self.encoder_width, name="encoder")(fingerprints))
        return self.framer(encoded, train=train)


def make_transfer_network(network: Network, encoder_width: int = 256) -> Network:
    """The network with an encoder in front; body = framer and extractor, head = regressor.

    Args:
        network: any network.
        encoder_width: units of the encoder.

    Returns:
        Network of the same widths. It has no decoder: there is nothing to pre-train in front of
        an encoder that is new at every site.

    Raises:
        ConfigError: if the network uses a support, and so has nothing of a site's own.

    Example:
        >>> from rsstl_jax import default_config, make_network
        >>> make_transfer_network(make_network(default_config())).extract_width
        300
    """
    if network.uses_support:
        raise ConfigError(
            "a network that is given its site's fingerprints as support has no layer of the site's "
            "own to put an encoder for: network must be another for sequential, collective and "
            "scratch"
        )
    return network.clone(framer=EncodedFramer(encoder_width, network.framer), decoder=None)


def get_body(params: Params) -> Params:
    """The part of a transfer network's parameters that moves between sites.

    Args:
        params: parameters of a `make_transfer_network`.

    Returns:
        {"framer", "extractor"}: without encoder and regressor.

    Example:
        >>> get_body({"framer": {"encoder": 1, "framer": 2}, "extractor": 3, "regressor": 4})
        {'framer': 2, 'extractor': 3}
    """
    return {"framer": params["framer"]["framer"], "extractor": params["extractor"]}


def put_body(params: Params, body: Params) -> Params:
    """The parameters of one site with the body of another.

    Args:
        params: parameters of a `make_transfer_network`.
        body: what `get_body` took from others.

    Returns:
        Parameters with the encoder and regressor of `params`.

    Example:
        >>> params = {"framer": {"encoder": 1, "framer": 2}, "extractor": 3, "regressor": 4}
        >>> put_body(params, {"framer": 20, "extractor": 30})["framer"]
        {'encoder': 1, 'framer': 20}
    """
    framer = {**params["framer"], "framer": body["framer"]}
    return {**params, "framer": framer, "extractor": body["extractor"]}
