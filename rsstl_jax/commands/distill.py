"""Trains students at a target site, with and without teachers from source sites, and measures them.

    rsstl distill --config=uji:tuned
    rsstl distill --config=configs/tampere.py:tuned --config.sources=uji,tut7

Leaves result.json, predictions.csv, pictures and the students in --workdir. The same command
started again goes on where it stopped.
"""

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import define_config, define_workdir, folder_of_run
from rsstl_jax.commands.shared.progress import announce_sites

_WORKDIR = "results/<target>-<network>-<recipe>"


def define_flags() -> None:
    define_config()
    define_workdir(_WORKDIR)


def main() -> None:
    config = flags.FLAGS.config
    workdir = folder_of_run(config, _WORKDIR)
    announce_sites(config.target, config.sources)
    # JAX loads from here on: --help answers without it.
    from rsstl_jax.pipeline import run_distillation
    from rsstl_jax.report.result_table import render_result

    result = run_distillation(config, workdir)
    print(f"\n{render_result(result)}\n\npictures: {workdir}/cdf.png {workdir}/map.png")
