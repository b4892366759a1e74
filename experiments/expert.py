"""Phases 0 and 1: makes only the teacher bundles, which distill.py uses.

    python experiments/expert.py --config=configs/tampere.py:tuned --config.sources=uji,tut7

The code is rsstl_jax/commands/expert.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("expert")
