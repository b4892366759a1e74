"""UJI and Tampere -> UTS: UTSIndoorLoc as the target.

    python experiments/distill.py --config=configs/uts.py:tuned

No figure of ours yet: the publisher's training part was not at hand. Without an argument: the
paper's recipe.
"""

from ml_collections import ConfigDict

from rsstl_jax import make_config


def get_config(recipe: str = "paper") -> ConfigDict:
    return make_config(recipe, target="uts", sources="uji,tampere")
