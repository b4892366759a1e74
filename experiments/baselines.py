"""The methods that distillation has to beat, under the same splits, recipes and result files.

    python experiments/baselines.py --method=knn --config=configs/tampere.py:tuned
    python experiments/baselines.py --method=sequential --config=configs/tampere.py:tuned \
        --config.sources=uji,tut7
"""

from absl import flags
from ml_collections import config_flags

from rsstl_jax import cli
from rsstl_jax.baselines.run_baseline import METHODS, run_baseline
from rsstl_jax.paper.rows import has_no_network
from rsstl_jax.report.result_table import mean_and_spread

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "configs/<site>.py[:paper|tuned|smoke|tuned-smoke]", lock_config=True
)
_METHOD = flags.DEFINE_enum("method", None, METHODS, "which baseline is run")
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "folder of the run; by default results/<target>-<network>-<recipe>-<method>"
)


def main() -> None:
    config, method = _CONFIG.value, str(_METHOD.value)
    network = "" if has_no_network(method) else f"-{config.network}"
    workdir = _WORKDIR.value or f"results/{config.target}{network}-{config.recipe}-{method}"
    result = run_baseline(config, method, workdir)
    figures = ", ".join(
        f"{name} {mean_and_spread(result[method][name])}" for name in ("mae_m", "p75_m", "p95_m")
    )
    print(f"\n{method} at {config.target}, {result['part']} part: {figures}")


if __name__ == "__main__":
    flags.mark_flags_as_required(["config", "method"])
    cli.run(main)
