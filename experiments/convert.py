"""Makes a site's table from a .mat file of the collection that many papers on fingerprinting use.

    python experiments/convert.py --mat=databases/TUT7.mat --name=tut7

The code is rsstl_jax/commands/convert.py; --help shows every flag.
"""

from rsstl_jax.cli import run_command

if __name__ == "__main__":
    run_command("convert")
