"""Networks, teachers and the estimator: pure Flax modules, and the registry of networks."""

from collections.abc import Callable

from ml_collections import ConfigDict

from rsstl_jax.config import ConfigError
from rsstl_jax.models.dnn import DenseFramer, DenseStack, make_dnn
from rsstl_jax.models.estimator import Estimator
from rsstl_jax.models.network import Network, Regressor
from rsstl_jax.models.teacher import Critic, Generator, make_generator, stack_teachers

__all__ = [
    "NETWORKS",
    "Critic",
    "DenseFramer",
    "DenseStack",
    "Estimator",
    "Generator",
    "Network",
    "Regressor",
    "make_dnn",
    "make_generator",
    "make_network",
    "stack_teachers",
]

NETWORKS: dict[str, Callable[[ConfigDict], Network]] = {"dnn": make_dnn}
"""The registry: `config.network` names an entry; a network of one's own is one more line."""


def make_network(config: ConfigDict) -> Network:
    """The network that the configuration names.

    Args:
        config: the run's configuration; read here: `network` and that network's `model` section.

    Returns:
        Network, without parameters.

    Raises:
        ConfigError: if no network of that name is registered.

    Example:
        >>> from rsstl_jax.config import default_config
        >>> make_network(default_config()).extract_width
        300
    """
    if config.network not in NETWORKS:
        names = ", ".join(sorted(NETWORKS))
        raise ConfigError(f"network is {config.network!r}; it must be one of {names}")
    return NETWORKS[config.network](config)
