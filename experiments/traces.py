"""Makes a site's table from walks through a building.

    python experiments/traces.py --traces=malls/data/site1 --name=mall-1

The code is rsstl_jax/commands/traces.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("traces")
