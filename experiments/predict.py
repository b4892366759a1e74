"""Answers scans: position, floor, building and a radius that holds the position 90 % of the time.

    python experiments/predict.py --student=pretrained --radio_map=my-office --scans=scans.csv

The code is rsstl_jax/commands/predict.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("predict")
