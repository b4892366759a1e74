"""All phases on one target: teachers from the sources, then students with and without them.

    python experiments/distill.py --config=configs/tampere.py:tuned --config.sources=uji,tut7

The code is rsstl_jax/commands/distill.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("distill")
