"""The registry of networks: `config.network` names an entry."""

from collections.abc import Callable
from importlib import import_module
from inspect import signature

from ml_collections import ConfigDict

from rsstl_jax.config.schema import FIELDS, check_config
from rsstl_jax.errors import ConfigError
from rsstl_jax.models.baat import make_baat
from rsstl_jax.models.bayescnn import make_bayescnn
from rsstl_jax.models.cnnloc import make_cnnloc
from rsstl_jax.models.dnn import make_dnn
from rsstl_jax.models.network import Network
from rsstl_jax.models.site_agnostic.token_network import make_configured_agnostic

NETWORKS: dict[str, Callable[[ConfigDict], Network]] = {
    "agnostic": make_configured_agnostic,
    "baat": make_baat,
    "bayescnn": make_bayescnn,
    "cnnloc": make_cnnloc,
    "dnn": make_dnn,
}
"""Makers of networks by the name that `config.network` gives; yours is one more entry."""


def model_section(network: str) -> str:
    """The prefix of the fields that a network is made of; one of one's own may read any field."""
    section = f"model.{network}."
    return section if any(path.startswith(section) for path in FIELDS) else "model."


def make_network(config: ConfigDict) -> Network:
    """The network that the configuration names.

    Args:
        config: the run's configuration; read here: `network`, a name in `NETWORKS` or the path
            "package.module:function" of another maker, and its `model` section.

    Returns:
        Network, without parameters.

    Raises:
        ConfigError: if there is no configuration, no network of that name is registered, or what
            lies at the path is no function that makes a network of a configuration.

    Example:
        >>> from rsstl_jax import default_config
        >>> config = default_config()
        >>> config.network = "cnnloc"
        >>> make_network(config)
        Network(DenseStack 64, CnnlocExtractor 33 elu, Regressor 2)
    """
    check_config(config)
    make = NETWORKS[config.network] if config.network in NETWORKS else _find_maker(config)
    try:
        signature(make).bind(config)
    except TypeError as error:
        raise ConfigError(
            f"network is {config.network!r}, which is not called as make(config): {error}"
        ) from error
    network = make(config)
    if not isinstance(network, Network):
        first_line = repr(network).partition("\n")[0]  # Modules have many.
        raise ConfigError(f"network is {config.network!r}, which makes no Network: {first_line}")
    return network


def _find_maker(config: ConfigDict) -> Callable[[ConfigDict], Network]:
    """The function at the path; an error that its module makes on import stays what it is."""
    path, _, function = config.network.partition(":")
    names = ", ".join(sorted(NETWORKS))
    expected = f"it must be one of {names}, or package.module:function"
    try:
        module = import_module(path)
    except ModuleNotFoundError as error:
        if not f"{path}.".startswith(f"{error.name}."):
            raise
        raise ConfigError(f"network is {config.network!r}; {expected} ({error})") from error
    try:
        make: Callable[[ConfigDict], Network] = getattr(module, function)
    except (AttributeError, ValueError) as error:
        raise ConfigError(f"network is {config.network!r}; {expected} ({error})") from error
    return make
