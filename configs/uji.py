"""UTS and Tampere -> UJI: UJIIndoorLoc as the target.

    python experiments/distill.py --config=configs/uji.py:tuned --config.sources=tampere,tut7

takes about 11 minutes on two shared CPU cores and reads 6.89 m for the stand-alone and 6.96 m for
the distilled DNN (seed 0, docs/results.md). Without an argument: the paper's recipe.
"""

from ml_collections import ConfigDict

from rsstl_jax import make_config


def get_config(recipe: str = "paper") -> ConfigDict:
    return make_config(recipe, target="uji", sources="uts,tampere")
