"""UTS and Tampere -> UJI: UJIIndoorLoc as the target.

    python experiments/distill.py --config=configs/uji.py:tuned --config.sources=tampere,tut7

The DNN reaches a mean error of 6.89 m without teachers and 6.96 m with them (seed 0;
docs/results.md has five seeds; one unit is 0.766 m on the ground). Without --config.sources the
sources are uts,tampere.
"""

from ml_collections import ConfigDict

from rsstl_jax.config import named_config


def get_config(recipe: str = "paper") -> ConfigDict:
    return named_config(f"uji:{recipe}")
