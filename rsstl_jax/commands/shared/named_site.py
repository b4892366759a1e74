"""The configuration file that --config=<site>[:recipe] means, where no file is named."""

from ml_collections import ConfigDict

from rsstl_jax.config.recipes import make_config

__all__ = ["get_config"]


def get_config(name: str) -> ConfigDict:
    site, _, recipe = name.partition(":")
    return make_config(recipe or "paper", target=site, sources="uji,tampere")
