"""Gives the students of a run a radius that holds their positions 90 % of the time.

    python experiments/calibrate.py --workdir=results/my-office-dnn-tuned

The code is rsstl_jax/commands/calibrate.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("calibrate")
