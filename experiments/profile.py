"""Where a distilling step spends its time, by term; the trace is kept for TensorBoard or Perfetto.

    python experiments/profile.py --config=configs/tampere.py:tuned

The teachers are untrained: their values do not bear on the cost.
"""

import jax
from absl import flags
from ml_collections import config_flags

from rsstl_jax import cli
from rsstl_jax.commands.region_cost import cost_by_region
from rsstl_jax.config.contradictions import WITH_AGNOSTIC
from rsstl_jax.config.schema import validate
from rsstl_jax.data.target import target_parts
from rsstl_jax.engine.loop import make_epochs
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.errors import ConfigError
from rsstl_jax.phases.distillation import make_distillation
from rsstl_jax.phases.student_specs import STUDENTS, plan_student
from rsstl_jax.phases.teacher_set import make_teachers
from rsstl_jax.store.recorder import Recorder

REGIONS = (
    "student",
    "teachers",
    "localization",
    "similarity",
    "mutual_information",
    "functional_information",
    "optimizer",
)

_CONFIG = config_flags.DEFINE_config_file("config", None, "configs/<site>.py", lock_config=True)
_OUTPUT = flags.DEFINE_string("output", "results/profile", "folder of the trace")


def main() -> None:
    config = _CONFIG.value
    validate(config)
    if config.teacher.kind in WITH_AGNOSTIC:
        raise ConfigError(
            f"teacher.kind is {config.teacher.kind!r}; the profile is of surrogate teachers alone"
        )
    config.teacher.kind = "untrained"
    job = make_site_job(config, target_parts(config).train)
    recorder = Recorder(_OUTPUT.value)
    teachers = make_teachers(config, job.network, {}, _OUTPUT.value, recorder)
    plan = plan_student(config, job.network, STUDENTS["distilled"])
    students = {"seed-0/distilled": (0, plan)}
    distillation = make_distillation(job, teachers, students, recorder=recorder)
    state, key, context = distillation.starts["seed-0/distilled"]()
    run = make_epochs(distillation.step, batch_size=job.batch_size, num_epochs=1)
    data = job.data
    costs = cost_by_region(run, state, data, key, context, regions=REGIONS, folder=_OUTPUT.value)
    steps, total = len(job.train) // job.batch_size, sum(cost.seconds for cost in costs.values())
    print(f"{config.network} at {config.target}, recipe {config.recipe}, {steps} steps, on")
    print(f"{jax.devices()[0].device_kind}; trace in {_OUTPUT.value}\n")
    print("| region | ms a step | share | matrix products, ms |\n| --- | --- | --- | --- |")
    for region, cost in costs.items():
        milliseconds, products = (1e3 * value / steps for value in cost)
        print(f"| {region} | {milliseconds:.2f} | {cost.seconds / total:.0%} | {products:.2f} |")


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    cli.run(main)
