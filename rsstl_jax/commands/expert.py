"""Makes the teacher bundles of the source sites (phases 0 and 1), which `rsstl distill` uses.

    rsstl expert --config=tampere:tuned --config.sources=uji,tut7

The bundles are written to the folder teachers/ next to --workdir, or to --config.bundle_dir.
"""

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import define_config, define_workdir
from rsstl_jax.commands.shared.launch import define_processes
from rsstl_jax.commands.shared.outputs import folder_of_run
from rsstl_jax.commands.shared.progress import announce_sites
from rsstl_jax.errors import ConfigError

_WORKDIR = "results/expert-<target>-<network>-<recipe>"


def define_flags() -> None:
    define_config()
    define_workdir(_WORKDIR)
    define_processes()


def main() -> None:
    config = flags.FLAGS.config
    if config.teacher.kind in ("untrained", "noise"):
        raise ConfigError(
            f"teacher.kind is {config.teacher.kind!r}, a control that every run makes for itself; "
            "there is nothing to train"
        )
    workdir = folder_of_run(config, _WORKDIR)
    announce_sites(config.sources)
    from rsstl_jax.pipeline import bundle_folder, run_expert

    teachers = run_expert(config, workdir)
    print(f"\nbundles in {bundle_folder(config, workdir)}")
    for source, report in teachers.reports.items():
        print(source, {figure: round(value, 3) for figure, value in report["quality"].items()})
