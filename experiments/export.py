"""A trained student as a program that needs only JAX, with its access points.

    python experiments/export.py --workdir=results/tampere-dnn-tuned --output=results/exported

The code is rsstl_jax/commands/export.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("export")
