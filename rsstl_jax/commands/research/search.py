"""Searches weights, margin and learning rate of phase 2 on a validation part, as the appendix does.

    rsstl search --config=tampere:tuned --config.seeds=0,1,2 \\
        --grid=similarity=0,0.5,2 --grid=margin=0.1,0.2
    rsstl search --config=tampere:tuned --batches=5 --batch_size=8 \\
        --range=similarity=0,2 --range=mutual_information=0,2

The points of a grid, and all their seeds, are replicas of one compiled program, trained at once or
in turn (--replicas). With --range Optuna proposes the points in batches of such replicas
(pip install 'rsstl_jax[search]'). The test part is never used. All points are written to
<workdir>/search.csv, the best first. Run the same command again to continue, or with more values
or batches.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import (
    define_config,
    define_workdir,
    fix_fields,
    refuse_idle_fields,
    refuse_unused,
)
from rsstl_jax.commands.shared.outputs import folder_of_run
from rsstl_jax.commands.shared.progress import announce_sites
from rsstl_jax.errors import ConfigError

FLAGS = flags.FLAGS
_WORKDIR = "results/search/<target>-<network>-<recipe>"


def define_flags() -> None:
    define_config()
    flags.DEFINE_multi_string(
        "grid", [], "Lists the values of one axis, as axis=value,value; may be given many times."
    )
    flags.DEFINE_multi_string(
        "range", [], "Bounds one axis for Optuna, as axis=low,high; may be given many times."
    )
    flags.DEFINE_integer("batches", 5, "Sets how many batches Optuna proposes.", lower_bound=1)
    flags.DEFINE_integer("batch_size", 8, "Sets the number of points in a batch.", lower_bound=1)
    flags.DEFINE_enum(
        "replicas",
        "loop",
        ["loop", "vmap"],
        "Chooses whether the points of a batch are trained in turn (loop) or at once (vmap).",
    )
    define_workdir(_WORKDIR)


def main() -> None:
    config = FLAGS.config
    workdir = Path(folder_of_run(config, _WORKDIR))
    needed = {"data.evaluate_on": "validation", "run.baselines": ""}
    needed["run.replicas"] = FLAGS.replicas
    why = "in a search, which measures the points alone, on a validation part, as --replicas says"
    fix_fields(why, needed)
    refuse_idle_fields()
    points, ranges = parse("grid", FLAGS.grid), parse("range", FLAGS.range)
    if bool(points) == bool(ranges):
        raise ConfigError("give either --grid or --range, at least one")
    if points:
        refuse_unused("with --grid, whose points are one batch", "batches", "batch_size")
    for axis, ends in ranges.items():
        if len(ends) != 2 or ends[0] >= ends[1]:
            raise ConfigError(f"--range={axis}: it must read {axis}=low,high")
    from rsstl_jax.commands.research.point_search import check_point, grid, propose, search
    from rsstl_jax.store.files import read_json, write_json, write_text

    for axis, values in (points | ranges).items():
        for value in values:
            check_point({axis: value})
    ask = propose(ranges, batch_size=FLAGS.batch_size) if ranges else lambda _: grid(points)
    asked = dict(points)
    if ranges:
        asked = {f"range of {axis}": ends for axis, ends in ranges.items()}
        asked |= {"batch_size": [FLAGS.batch_size], "batches": list(range(FLAGS.batches))}
    facts = workdir / "search.json"
    check_grown(facts, read_json(facts) if facts.exists() else asked, asked)
    announce_sites(config.target, config.sources)
    frame = search(config, ask, workdir, num_batches=FLAGS.batches if ranges else 1)
    write_json(facts, asked)
    write_text(workdir / "search.csv", frame.to_csv(index=False, float_format="%.6g"))
    print(f"\n{frame.to_string(index=False, float_format='{:.4g}'.format)}\n\n{workdir}/search.csv")


def check_grown(file: Path, before: Mapping[str, Any], asked: Mapping[str, list[float]]) -> None:
    """Refuses a search that asks for less than the one in the folder: its CSV would lose points."""
    same_axes = before.keys() == asked.keys()
    if not (same_axes and all(set(before[name]) <= set(values) for name, values in asked.items())):
        raise ConfigError(
            f"{file} is of another search, whose points search.csv would lose; ask for them, too, "
            "or choose another --workdir"
        )


def parse(flag: str, texts: list[str]) -> dict[str, list[float]]:
    """{axis: values} of flags that read axis=value,value."""
    axes: dict[str, list[float]] = {}
    for text in texts:
        axis, _, values = text.partition("=")
        if axis in axes:
            raise ConfigError(f"--{flag}={text}: {axis} is given twice")
        try:
            axes[axis] = [float(value) for value in values.split(",")]
        except ValueError as error:
            raise ConfigError(f"--{flag}={text}: it must read axis=value,value") from error
        if len(set(axes[axis])) < len(axes[axis]):
            raise ConfigError(f"--{flag}={text}: a value is given twice; give it once")
    return axes
