r"""What many devices cost, read off the compiled programs: collectives of a step, and memory.

    XLA_FLAGS=--xla_force_host_platform_device_count=8 \
        python experiments/many_devices.py --config=synthetic:paper

Nothing is trained or timed: virtual devices of a CPU share its cores.
"""

import math
import re
import tempfile
from functools import partial
from typing import Any

from absl import flags
from jax.sharding import Mesh
from ml_collections import ConfigDict

from rsstl_jax import cli
from rsstl_jax.commands.shared.flag_definitions import define_config, fix_fields
from rsstl_jax.config.overrides import read_numbers
from rsstl_jax.config.rules import COUNTS
from rsstl_jax.data.target import target_parts
from rsstl_jax.engine.loop import make_epochs
from rsstl_jax.engine.mesh import (
    is_partitioned,
    make_mesh,
    mesh_rows,
    on_row,
    replicate,
    shard,
    shard_context,
)
from rsstl_jax.engine.replicas import stack
from rsstl_jax.engine.site_job import SiteJob, make_site_job
from rsstl_jax.errors import ConfigError
from rsstl_jax.phases.distillation import CONTEXT_AXES, make_distillation
from rsstl_jax.phases.student_specs import STUDENTS, plan_student
from rsstl_jax.phases.teacher_set import make_teachers
from rsstl_jax.store.recorder import Recorder

define_config()
_DEVICES = flags.DEFINE_list("devices", ["1", "2", "4", "8"], "Lists numbers of devices.")
_REPLICAS = flags.DEFINE_integer(
    "replicas", 64, "Sets the students under vmap whose memory is shown."
)

_COLLECTIVE = re.compile(
    r"= (\(.*?\)|\S+) (all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)\("
)
_SHAPE = re.compile(r"\b(pred|[a-z]+\d+)\[([\d,]*)\]")
_CALLED = re.compile(r"\b(?:body|calls|\w+_computations?)=(\{[^}]*\}|%[\w.\-]+)")


def collectives(hlo: str) -> tuple[float, float]:
    """(how often, bytes) of the collectives in one run of a compiled program."""
    computations: dict[str, list[str]] = {}
    entry = name = ""
    for line in hlo.splitlines():
        if head := re.match(r"(ENTRY )?%?([\w.\-]+) .*\{$", line):
            name = head[2]
            entry = name if head[1] else entry
            computations[name] = []
        elif name:
            computations[name].append(line)

    def count(name: str) -> tuple[float, float]:
        number = size = 0.0
        for line in computations.get(name, ()):
            if found := _COLLECTIVE.search(line):
                number, size = number + 1, size + _bytes_of(found[1])
                continue
            trips = re.search(r'"known_trip_count":\{"n":"(\d+)"', line)
            times = int(trips[1]) if trips else 1
            for names in _CALLED.findall(line):
                for called in re.findall(r"%([\w.\-]+)", names):
                    inner = count(called)
                    number, size = number + times * inner[0], size + times * inner[1]
        return number, size

    return count(entry)


def _bytes_of(shapes: str) -> int:
    width = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s64": 8, "u64": 8, "f64": 8}
    return sum(
        width.get(dtype, 4) * math.prod(int(n) for n in dims.split(",") if n)
        for dtype, dims in _SHAPE.findall(shapes)
    )


def compile_epoch(job: SiteJob, starts: list[Any], step: Any, row: Mesh | None) -> Any:
    """The program of one epoch, of one student or of several under vmap."""
    states, keys, contexts = zip(*starts, strict=True)
    single = len(starts) == 1
    options: dict[str, Any] = {"partitioned": is_partitioned(row)}
    options |= {} if single else {"vmapped": True, "context_axes": CONTEXT_AXES}
    run = make_epochs(step, batch_size=job.batch_size, num_epochs=1, **options)
    state, key = replicate((states[0], keys[0]) if single else (stack(states), stack(keys)), row)
    context = contexts[0] if single else stack(contexts, CONTEXT_AXES)
    lowered: Any = run
    data, context = shard(job.data, row), shard_context(context, row)
    with on_row(row):
        return lowered.lower(state, data, key, context).compile()


def main() -> None:
    config: ConfigDict = flags.FLAGS.config
    fix_fields("on what a step costs, whose teachers are untrained", {"teacher.kind": "untrained"})
    counts, number = read_numbers("--devices", _DEVICES.value, COUNTS), _REPLICAS.value
    if number < max(counts):
        raise ConfigError(
            f"--replicas={number} is fewer than {max(counts)} devices; each needs a student"
        )
    job = make_site_job(config, target_parts(config).train)
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(folder)
        teachers = make_teachers(config, job.network, {}, folder, recorder)
        plan = plan_student(config, job.network, STUDENTS["distilled"])
        make = partial(make_distillation, job, teachers, recorder=recorder)
        distillation = make({f"seed-{seed}/distilled": (seed, plan) for seed in range(number)})
        starts = [start() for start in distillation.starts.values()]
    steps = len(job.train) // job.batch_size
    print("| devices | collectives a step | kB a step | students a device | MB a device |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    for devices in counts:
        row = mesh_rows(make_mesh(f"data:{devices}"))[0]
        text = compile_epoch(job, starts[:1], distillation.step, row).as_text()
        times, size = (value / steps for value in collectives(text))
        share = number // devices
        memory = compile_epoch(job, starts[:share], distillation.step, None).memory_analysis()
        held = memory.argument_size_in_bytes + memory.output_size_in_bytes
        held += memory.temp_size_in_bytes
        shown = f"{times:.1f} | {size / 1e3:.0f} | {share} | {held / 1e6:.0f}"
        print(f"| {devices} | {shown} |", flush=True)


if __name__ == "__main__":
    cli.run(main)
