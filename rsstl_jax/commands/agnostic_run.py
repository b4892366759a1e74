"""The work of the command agnostic: its plan from flags, its training, its table."""

import shlex
import sys
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from absl import flags

from rsstl_jax.baselines.knn import check_installed
from rsstl_jax.commands.shared.help_text import program_name
from rsstl_jax.config.overrides import SEED, read_assignments, read_numbers
from rsstl_jax.config.rules import SHARE
from rsstl_jax.errors import ConfigError
from rsstl_jax.report.zero_shot_table import render_agnostic
from rsstl_jax.site_agnostic.plan import AgnosticPlan
from rsstl_jax.site_agnostic.zero_shot import pretrain, run_agnostic
from rsstl_jax.store.files import write_json, write_text

FLAGS = flags.FLAGS
_DEFAULT = AgnosticPlan("", ())


def make_plan() -> AgnosticPlan:
    return AgnosticPlan(
        target=FLAGS.target or "",
        sources=tuple(FLAGS.sources),
        shares=tuple(read_numbers("--shares", FLAGS.shares, SHARE)),
        num_subsets=FLAGS.subsets,
        evaluate_on=FLAGS.evaluate_on,
        seeds=tuple(read_numbers("--seeds", FLAGS.seeds, SEED)),
        epochs=FLAGS.epochs,
        tune_epochs=FLAGS.tune_epochs,
        rivals=FLAGS.rivals,
        data_dir=FLAGS.data_dir or "",
        **override_parts(),
    )


def override_parts() -> dict[str, Any]:
    """The parts of the plan that --set changes."""
    parts = {name: getattr(_DEFAULT, name) for name in ("network", "episodes", "tune_episodes")}
    for path, value in read_assignments(FLAGS.set).items():
        known = [f"{part}.{field}" for part, own in parts.items() for field in vars(own)]
        if path not in known:
            near = get_close_matches(path, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
            raise ConfigError(f"--set={path}: there is no such field{hint}")
        name, _, field = path.partition(".")
        default = getattr(parts[name], field)
        kind = float if type(default) is float and type(value) is int else type(value)
        if kind is not type(default):
            wanted = type(default).__name__
            raise ConfigError(f"--set={path}={value!r}: it must be of type {wanted}")
        try:
            parts[name] = replace(parts[name], **{field: value})
        except ValueError as error:
            raise ConfigError(f"--set={path}={value!r}: {error}") from error
    return parts


def run() -> None:
    plan = make_plan()
    if FLAGS.pretrain:
        workdir = Path(FLAGS.workdir or "results/agnostic-pretrained")
        command = f"{program_name('agnostic')} {shlex.join(sys.argv[1:])}"
        made = pretrain(plan, workdir, FLAGS.pretrain, command=command)
        print(f"{len(made.members)} members in {FLAGS.pretrain}")
        return
    if not plan.target:
        raise ConfigError("target is empty; name a dataset, such as --target=uji")
    if plan.rivals:
        check_installed()
    result = run_agnostic(plan, FLAGS.workdir or f"results/agnostic-{plan.target}")
    table = render_agnostic(result)
    if plan.evaluate_on == "test":
        output = Path(FLAGS.output)
        output.mkdir(parents=True, exist_ok=True)
        write_text(output / f"{plan.target}.md", f"{table}\n")
        # Where this machine keeps its data is nobody else's matter.
        told = {name: value for name, value in result["plan"].items() if name != "data_dir"}
        write_json(output / f"{plan.target}.json", result | {"plan": told})
    print(f"\n{table}")
