"""Baselines of distillation, on the same splits and recipes.

    python experiments/baselines.py --method=knn --config=configs/tampere.py:tuned

The code is rsstl_jax/commands/research/baselines.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("baselines")
