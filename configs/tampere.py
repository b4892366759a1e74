"""UJI and UTS -> Tampere: the Tampere crowdsourced set as the target.

    python experiments/distill.py --config=configs/tampere.py:tuned --config.sources=uji,tut7

takes about 6 minutes on two shared CPU cores and reads 6.51 m for the stand-alone and 6.45 m for
the distilled DNN (seed 0, docs/results.md). Without an argument: the paper's recipe.
"""

from ml_collections import ConfigDict

from rsstl_jax import make_config


def get_config(recipe: str = "paper") -> ConfigDict:
    return make_config(recipe, target="tampere", sources="uji,uts")
