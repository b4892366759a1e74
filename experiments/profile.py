"""Where a distilling step spends its time, by term.

    python experiments/profile.py --config=configs/tampere.py:tuned

The code is rsstl_jax/commands/research/profile.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("profile")
