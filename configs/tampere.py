"""UJI and UTS -> Tampere: the Tampere crowdsourced set as the target.

    python experiments/distill.py --config=configs/tampere.py:tuned --config.sources=uji,tut7

takes about 6 minutes on two shared CPU cores. The baseline DNN reaches a mean error of 6.51 m, the
distilled one 6.45 m (seed 0, docs/results.md).
"""

from ml_collections import ConfigDict

from rsstl_jax.config import named_config


def get_config(recipe: str = "paper") -> ConfigDict:
    return named_config(f"tampere:{recipe}")
