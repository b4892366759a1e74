"""UJI and Tampere -> a table of one's own: <data_dir>/<target>/{train,test}.csv[.gz].

python experiments/distill.py --config=configs/table.py:tuned --config.target=mysite
"""

from ml_collections import ConfigDict

from rsstl_jax.config import named_config


def get_config(recipe: str = "paper") -> ConfigDict:
    return named_config(f"table:{recipe}")
