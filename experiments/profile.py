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
from rsstl_jax.engine.localizer import make_batch
from rsstl_jax.engine.loop import make_epochs
from rsstl_jax.errors import ConfigError
from rsstl_jax.phases.distillation import make_distillation
from rsstl_jax.phases.specialise import training_plan
from rsstl_jax.phases.student_specs import STUDENTS
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
    train = target_parts(config).train
    recorder = Recorder(_OUTPUT.value)
    teachers = make_teachers(config, _OUTPUT.value, recorder)
    students = {"seed-0/distilled": (0, STUDENTS["distilled"])}
    job = make_distillation(
        config, train, teachers.generator, teachers.params, students, recorder=recorder
    )
    state, key, context = job.starts["seed-0/distilled"]()
    batch_size = training_plan(config, job.localizer, len(train))[0]
    run = make_epochs(job.step, batch_size=batch_size, num_epochs=1)
    data = make_batch(train, job.localizer.preprocessor)
    costs = cost_by_region(run, state, data, key, context, regions=REGIONS, folder=_OUTPUT.value)
    steps, total = len(train) // batch_size, sum(cost.seconds for cost in costs.values())
    print(f"{config.network} at {config.target}, recipe {config.recipe}, {steps} steps, on")
    print(f"{jax.devices()[0].device_kind}; trace in {_OUTPUT.value}\n")
    print("| region | ms a step | share | matrix products, ms |\n| --- | --- | --- | --- |")
    for region, cost in costs.items():
        milliseconds, products = (1e3 * value / steps for value in cost)
        print(f"| {region} | {milliseconds:.2f} | {cost.seconds / total:.0%} | {products:.2f} |")


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    cli.run(main)
