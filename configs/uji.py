"""UTS and Tampere -> UJI: UJIIndoorLoc as the target.

    python experiments/distill.py --config=configs/uji.py:tuned --config.sources=tampere,tut7

docs/results.md has the figures; one unit is 0.766 m on the ground. Without --config.sources the
sources are uts,tampere.
"""

from ml_collections import ConfigDict

from rsstl_jax.config import named_config


def get_config(recipe: str = "paper") -> ConfigDict:
    return named_config(f"uji:{recipe}")
