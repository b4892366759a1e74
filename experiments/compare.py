"""Compares finished runs of one target, paired by fingerprint.

    python experiments/compare.py --workdirs=results/tampere-dnn-tuned,results/tampere-cnnloc-tuned

The code is rsstl_jax/commands/compare.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("compare")
