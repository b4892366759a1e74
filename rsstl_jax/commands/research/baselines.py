"""Trains and measures a baseline on the same splits and recipes as distillation.

    rsstl baselines --method=knn --config=tampere:tuned
    rsstl baselines --method=sequential --config=tampere:tuned --config.sources=uji,tut7

knn (weighted k nearest neighbours) and centroid (of the detected access points) train no network;
sequential and collective transfer a network from the sources; scratch trains it at the target.
"""

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import define_config, define_workdir, fix_fields
from rsstl_jax.commands.shared.outputs import folder_of_run
from rsstl_jax.commands.shared.progress import announce_sites

# As rsstl_jax.baselines.run_baseline has them, which loads JAX.
_UNTRAINED = ("knn", "centroid")
METHODS = (*_UNTRAINED, "sequential", "collective", "scratch")
_WITHOUT_NETWORK = "results/<target>-<recipe>"
_WITH_NETWORK = "results/<target>-<network>-<recipe>"


def define_flags() -> None:
    define_config()
    flags.DEFINE_enum("method", None, METHODS, "Names the baseline.", required=True)
    define_workdir(f"{_WITH_NETWORK}-<method>, without the network where there is none")


def main() -> None:
    config, method = flags.FLAGS.config, str(flags.FLAGS.method)
    if method in _UNTRAINED:
        fix_fields(f"with --method={method}, which is not trained", {"seeds": (0,)})
    default = _WITHOUT_NETWORK if method in _UNTRAINED else _WITH_NETWORK
    workdir = folder_of_run(config, f"{default}-{method}")
    announce_sites(config.target)
    from rsstl_jax.baselines.run_baseline import run_baseline
    from rsstl_jax.report.result_table import mean_and_spread, students_of

    result = run_baseline(config, method, workdir)
    errors_m = students_of(result)[method]
    figures = ", ".join(
        f"{name} {mean_and_spread(errors_m[name])}" for name in ("mae_m", "p75_m", "p95_m")
    )
    print(f"\n{method} at {config.target}, {result['part']} part: {figures}")
