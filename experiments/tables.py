"""Whole result tables: trains the rows, then renders the receipts of the recipe.

    python experiments/tables.py --targets=tampere --networks=dnn,cnnloc --seeds=0,1,2
    python experiments/tables.py --render --output=docs/results --document=docs/results.md

The code is rsstl_jax/commands/research/tables.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("tables")
