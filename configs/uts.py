"""UJI and Tampere -> UTS: UTSIndoorLoc as the target.

    python experiments/distill.py --config=configs/uts.py:tuned

This target has not been measured yet, because the publisher's training part was not available.
"""

from ml_collections import ConfigDict

from rsstl_jax.config import named_config


def get_config(recipe: str = "paper") -> ConfigDict:
    return named_config(f"uts:{recipe}")
