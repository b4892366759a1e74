"""UTS and Tampere -> uji: UJIIndoorLoc as the target."""

from ml_collections import ConfigDict

from rsstl_jax import make_config


def get_config(recipe: str = "paper") -> ConfigDict:
    return make_config(recipe, target="uji", sources="uts,tampere")
