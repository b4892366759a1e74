"""Measures where a distilling step spends its time, by term, and keeps the profiler's trace.

    rsstl profile --config=tampere:tuned

TensorBoard and Perfetto open the trace. The teachers are untrained, because their values do not
affect the cost.
"""

from typing import TYPE_CHECKING

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import define_config, define_folder
from rsstl_jax.commands.shared.outputs import check_folder
from rsstl_jax.commands.shared.progress import announce_sites
from rsstl_jax.errors import ConfigError

if TYPE_CHECKING:
    from ml_collections import ConfigDict

    from rsstl_jax.commands.research.region_cost import Cost


def define_flags() -> None:
    define_config()
    define_folder("output", "results/profile", "Names the folder of the trace.")


def main() -> None:
    config, output = flags.FLAGS.config, flags.FLAGS.output
    if config.teacher.kind not in ("surrogate", "untrained"):
        raise ConfigError(
            f"teacher.kind is {config.teacher.kind!r}; only surrogate teachers can be profiled"
        )
    config.teacher.kind = "untrained"
    check_folder("--output", output)
    announce_sites(config.target)
    import jax

    costs, steps = measure(config, output)
    total = sum(cost.seconds for cost in costs.values())
    print(f"{config.network} at {config.target}, recipe {config.recipe}, {steps} steps, on")
    print(f"{jax.devices()[0].device_kind}; trace in {output}\n")
    print("| region | ms a step | fraction | matrix products, ms |\n| --- | --- | --- | --- |")
    for region, cost in costs.items():
        milliseconds, products = (1e3 * value / steps for value in cost)
        print(f"| {region} | {milliseconds:.2f} | {cost.seconds / total:.0%} | {products:.2f} |")


def measure(config: "ConfigDict", output: str) -> "tuple[dict[str, Cost], int]":
    """The cost of each region in one epoch of distilling, and its number of steps."""
    from rsstl_jax.commands.research.region_cost import cost_by_region
    from rsstl_jax.data.target import target_parts
    from rsstl_jax.engine.loop import make_epochs
    from rsstl_jax.engine.site_job import make_site_job
    from rsstl_jax.phases.alignment_terms import TERMS
    from rsstl_jax.phases.distillation import make_distillation
    from rsstl_jax.phases.student_specs import STUDENTS, plan_student
    from rsstl_jax.phases.teacher_set import make_teachers
    from rsstl_jax.store.recorder import Recorder

    job = make_site_job(config, target_parts(config).train)
    recorder = Recorder(output)
    teachers = make_teachers(config, job.network, {}, output, recorder)
    plan = plan_student(config, job.network, STUDENTS["distilled"])
    distillation = make_distillation(
        job, teachers, {"seed-0/distilled": (0, plan)}, recorder=recorder
    )
    state, key, context = distillation.starts["seed-0/distilled"]()
    run = make_epochs(distillation.step, batch_size=job.batch_size, num_epochs=1)
    regions = ("student", "teachers", "localization", *TERMS, "optimizer")
    costs = cost_by_region(run, state, job.data, key, context, regions=regions, folder=output)
    return costs, len(job.train) // job.batch_size
