"""A site-agnostic network, trained on some sites and measured on another without training there.

    python experiments/agnostic.py --config=configs/uji.py:tuned --config.sources=tampere,tut7

The code is rsstl_jax/commands/research/agnostic.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("agnostic")
