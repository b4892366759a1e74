"""Searches weights, margin and learning rate of phase 2 on a validation part.

    python experiments/search.py --config=configs/tampere.py:tuned --grid=margin=0.1,0.2

The code is rsstl_jax/commands/research/search.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("search")
