"""Trains a site-agnostic network on some sites and measures it on another.

    python experiments/agnostic.py --target=uji --sources=tampere,tut7

The code is rsstl_jax/commands/agnostic.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("agnostic")
