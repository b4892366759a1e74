"""UJI and Tampere -> a site of yours, a table <data_dir>/<target>/{train,test}.csv[.gz].

    python experiments/distill.py --config=configs/table.py:tuned --config.target=my-office \\
        --config.sources=synthetic-mall

The default sources are uji,tampere, which must then be in the data folder too.
"""

from ml_collections import ConfigDict

from rsstl_jax.config import named_config


def get_config(recipe: str = "paper") -> ConfigDict:
    return named_config(f"table:{recipe}")
