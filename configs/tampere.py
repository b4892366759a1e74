"""UJI and UTS -> Tampere: the Tampere crowdsourced set as the target.

    python experiments/distill.py --config=configs/tampere.py:tuned --config.sources=uji,tut7

The DNN reaches a mean error of 6.51 m without teachers and 6.45 m with them (seed 0;
docs/results.md has ten seeds). Without --config.sources the sources are uji,uts.
"""

from ml_collections import ConfigDict

from rsstl_jax.config import named_config


def get_config(recipe: str = "paper") -> ConfigDict:
    return named_config(f"tampere:{recipe}")
