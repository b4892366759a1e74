"""Trains students at a target site, with and without teachers from source sites, and measures them.

    rsstl distill --config=uji:tuned
    rsstl distill --config=configs/tampere.py:tuned --config.sources=uji,tut7

Leaves result.json, predictions.csv, pictures and the students in --workdir. The same command
started again continues where it stopped. The recipe smoke is a short run to try out: its
figures mean nothing.
"""

import shlex

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import (
    define_config,
    define_workdir,
    refuse_idle_fields,
)
from rsstl_jax.commands.shared.help_text import program_name
from rsstl_jax.commands.shared.launch import define_processes
from rsstl_jax.commands.shared.outputs import folder_of_run
from rsstl_jax.commands.shared.progress import announce_sites

_WORKDIR = "results/<target>-<network>-<recipe>"


def define_flags() -> None:
    define_config()
    define_workdir(_WORKDIR)
    define_processes()


def main() -> None:
    config = flags.FLAGS.config
    refuse_idle_fields()
    workdir = folder_of_run(config, _WORKDIR)
    announce_sites(config.target, config.sources)
    from rsstl_jax.phases.student_specs import STUDENTS
    from rsstl_jax.pipeline import run_distillation
    from rsstl_jax.report.result_table import render_result

    result = run_distillation(config, workdir)
    print(f"\n{render_result(result)}\n")
    first, *others = config.seeds
    left = {
        "report": ["report.html"],
        "figures": ["result.json"],
        "positions": ["predictions.csv"],
        "pictures": ["map.png", "cdf.png"],
        "students": [f"students/seed-{first}/{name}" for name in STUDENTS],
    }
    for what, names in left.items():
        print(f"{what + ':':10} {' '.join(f'{workdir}/{name}' for name in names)}")
    if others:
        seeds = "seed" if len(others) == 1 else "seeds"
        print(f"           and the same of {seeds} {', '.join(map(str, others))}")
    chosen = f"--workdir={shlex.quote(workdir)} --student=seed-{first}/standalone"
    where = f" --data_dir={shlex.quote(config.data_dir)}" if config.data_dir else ""
    held_out = "" if result["part"] == "test" else " on the test part"
    measure = f"{program_name('evaluate')} {chosen}{where} --output=positions.csv"
    print(f"\nmeasure it{held_out}: {measure}")
    print(f"export it:  {program_name('export')} {chosen}")
