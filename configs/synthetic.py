"""Synthetic mall and campus -> synthetic office: all phases without any download.

    python experiments/distill.py --config=configs/synthetic.py:tuned

The part behind the colon is the recipe: paper (the default), tuned, smoke or tuned-smoke.
"""

from ml_collections import ConfigDict

from rsstl_jax.config import named_config


def get_config(recipe: str = "paper") -> ConfigDict:
    return named_config(f"synthetic:{recipe}")
