"""Searches weights, margin and learning rate of phase 2 on a validation part, as the appendix does.

    python experiments/search.py --config=configs/tampere.py:tuned --config.seeds=0,1,2 \
        --grid=similarity=0,0.5,2 --grid=margin=0.1,0.2
    python experiments/search.py --config=configs/tampere.py:tuned --batches=5 --batch_size=8 \
        --range=similarity=0,2 --range=mutual_information=0,2

The points of a grid, and all seeds of them, are replicas of one compiled program, at once or in
turn, as --replicas says; with --range Optuna proposes points, a batch of such
replicas at a time (pip install 'rsstl_jax[search]'). The test part is never read. All points lie
in <workdir>/search.csv, the best first; the same command started again goes on.
"""

from pathlib import Path

from absl import flags
from ml_collections import config_flags

from rsstl_jax import cli
from rsstl_jax.commands.point_search import check_point, grid, propose, search
from rsstl_jax.errors import ConfigError
from rsstl_jax.store.files import write_text

_CONFIG = config_flags.DEFINE_config_file("config", None, "configs/<site>.py", lock_config=True)
_GRID = flags.DEFINE_multi_string("grid", [], "axis=value,value,...")
_RANGE = flags.DEFINE_multi_string("range", [], "axis=low,high, for Optuna")
_BATCHES = flags.DEFINE_integer("batches", 5, "of points that Optuna proposes", lower_bound=1)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 8, "points a batch", lower_bound=1)
_REPLICAS = flags.DEFINE_enum(
    "replicas", "loop", ["loop", "vmap"], "how the points of a batch are trained, all seeds of them"
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "folder of the search; by default results/search/<target>-<network>-<recipe>"
)


def parse(flag: str, texts: list[str]) -> dict[str, list[float]]:
    """{axis: values} of flags that read axis=value,value."""
    found = {}
    for text in texts:
        axis, _, values = text.partition("=")
        if axis in found:
            raise ConfigError(f"--{flag}={text}: {axis} is given twice")
        try:
            found[axis] = [float(value) for value in values.split(",")]
        except ValueError as error:
            raise ConfigError(f"--{flag}={text}: it must read axis=value,value") from error
    return found


def main() -> None:
    config = _CONFIG.value
    name = f"{config.target}-{config.network}-{config.recipe}"
    workdir = Path(_WORKDIR.value or f"results/search/{name}")
    config.data.evaluate_on, config.run.replicas = "validation", _REPLICAS.value
    points, ranges = parse("grid", _GRID.value), parse("range", _RANGE.value)
    if bool(points) == bool(ranges):
        raise ConfigError("give either --grid or --range, at least one")
    if points:
        every = grid(points)
        frame = search(config, lambda told: every, workdir)
    else:
        for axis, ends in ranges.items():
            if len(ends) != 2 or ends[0] >= ends[1]:
                raise ConfigError(f"--range={axis}: it must read {axis}=low,high")
            for end in ends:
                check_point({axis: end})
        pairs = {axis: (ends[0], ends[1]) for axis, ends in ranges.items()}
        ask = propose(pairs, batch_size=_BATCH_SIZE.value)
        frame = search(config, ask, workdir, num_batches=_BATCHES.value)
    write_text(workdir / "search.csv", frame.to_csv(index=False, float_format="%.6g"))
    print(f"\n{frame.to_string(index=False, float_format='{:.4g}'.format)}\n\n{workdir}/search.csv")


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    cli.run(main)
