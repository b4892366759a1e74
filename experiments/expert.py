"""Phases 0 and 1 alone: makes the teacher bundles that distill.py takes.

python experiments/expert.py --config=configs/tampere.py:tuned --config.sources=uji,tut7
"""

from absl import flags
from ml_collections import config_flags

from rsstl_jax import cli
from rsstl_jax.pipeline import bundle_folder, run_expert

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "configs/<site>.py[:paper|tuned|smoke|tuned-smoke]", lock_config=True
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "folder of the run; by default results/expert-<target>-<network>-<recipe>"
)


def main() -> None:
    config = _CONFIG.value
    name = f"{config.target}-{config.network}-{config.recipe}"
    workdir = _WORKDIR.value or f"results/expert-{name}"
    teachers = run_expert(config, workdir)
    print(f"\nbundles in {bundle_folder(config, workdir)}")
    for source, report in teachers.reports.items():
        print(source, {figure: round(value, 3) for figure, value in report["quality"].items()})


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    cli.run(main)
