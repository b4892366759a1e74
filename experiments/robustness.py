"""How the errors of trained locators grow as access points, readings and phones change.

    python experiments/robustness.py --dataset=tampere --locator=kNN=knn

The code is rsstl_jax/commands/research/robustness.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("robustness")
