"""Measures a saved student, or the pretrained network, on the test part of a site.

    python experiments/evaluate.py --workdir=results/tampere-dnn-tuned --student=seed-0/distilled
    python experiments/evaluate.py --student=pretrained --dataset=my-office

The code is rsstl_jax/commands/evaluate.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("evaluate")
