"""Joins several locators of a site to one that answers with the mean of their positions.

    python experiments/ensemble.py --workdir=results/my-office-dnn-tuned --output=results/my-office

The code is rsstl_jax/commands/ensemble.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("ensemble")
