"""All phases on one target: teachers from the sources, then the student with and without them.

python experiments/distill.py --config=configs/tampere.py:tuned --config.sources=uji,tut7
"""

from absl import flags
from ml_collections import config_flags

from rsstl_jax import cli, run_distillation
from rsstl_jax.report.result_table import render_result

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "configs/<site>.py[:paper|tuned|smoke|tuned-smoke]", lock_config=True
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "folder of the run; by default results/<target>-<network>-<recipe>"
)


def main() -> None:
    config = _CONFIG.value
    workdir = _WORKDIR.value or f"results/{config.target}-{config.network}-{config.recipe}"
    result = run_distillation(config, workdir)
    print(f"\n{render_result(result)}\n\npictures: {workdir}/cdf.png {workdir}/map.png")


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    cli.run(main)
