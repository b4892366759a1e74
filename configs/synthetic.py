"""Synthetic mall and campus -> synthetic office: the whole job without any download.

python experiments/distill.py --config=configs/synthetic.py:tuned
"""

from ml_collections import ConfigDict

from rsstl_jax import make_config


def get_config(recipe: str = "paper") -> ConfigDict:
    return make_config(recipe, target="synthetic-office", sources="synthetic-mall,synthetic-campus")
