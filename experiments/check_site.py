"""Shows what a site's table holds and what looks wrong with it.

    python experiments/check_site.py --dataset=my-office

The code is rsstl_jax/commands/check_site.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("check_site")
