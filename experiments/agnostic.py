r"""Trains a site-agnostic network on some sites and measures it on another, without training there.

    python experiments/agnostic.py --target=uji --sources=tampere,tut7
    python experiments/agnostic.py --target=tampere --sources=uji,tut7 --evaluate_on=validation \
        --set=episodes.grouped=False --set=network.num_neighbours=8 --workdir=results/ablation
    python experiments/agnostic.py --sources=uji,tampere,tut7 --pretrain=rsstl_jax/pretrained

The first two leave result.json in --workdir and, below --output, a table. The last one trains on
all sites at once and writes what `evaluate.py --student=pretrained` uses. The same command started
again goes on where it stopped.
"""

import shlex
import sys
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from absl import flags

from rsstl_jax import cli
from rsstl_jax.baselines.knn import check_installed
from rsstl_jax.config.overrides import SEED, read_assignments, read_numbers
from rsstl_jax.config.rules import SHARE
from rsstl_jax.errors import ConfigError
from rsstl_jax.report.zero_shot_table import render_agnostic
from rsstl_jax.site_agnostic.plan import AgnosticPlan
from rsstl_jax.site_agnostic.zero_shot import pretrain, run_agnostic
from rsstl_jax.store.files import write_json, write_text

_DEFAULT = AgnosticPlan("", ())
_TARGET = flags.DEFINE_string("target", None, "dataset that is located in")
_SOURCES = flags.DEFINE_list("sources", ["uji", "tampere", "tut7"], "datasets that are learnt from")
_SHARES = flags.DEFINE_list("shares", ["0.01", "0.1", "1"], "shares of the target's train part")
_SUBSETS = flags.DEFINE_integer("subsets", 3, "random subsets of each share below 1")
_PART = flags.DEFINE_enum("evaluate_on", "test", ["test", "validation"], "what is measured on")
_SEEDS = flags.DEFINE_list(
    "seeds", [str(seed) for seed in _DEFAULT.seeds], "trainings whose mean place counts"
)
_EPOCHS = flags.DEFINE_integer("epochs", _DEFAULT.epochs, "of 100 episodes each")
_TUNE = flags.DEFINE_integer("tune_epochs", 0, "of the target's own episodes afterwards")
_SET = flags.DEFINE_multi_string("set", [], "part.field=value, of network, episodes, tune_episodes")
_RIVALS = flags.DEFINE_bool("rivals", True, "measure kNN and the centroid, too")
_DATA_DIR = flags.DEFINE_string("data_dir", "", "folder of the datasets; else RSSTL_DATA_DIR")
_WORKDIR = flags.DEFINE_string("workdir", None, "by default results/agnostic-<target>")
_OUTPUT = flags.DEFINE_string("output", "results/report/agnostic", "folder of table and receipt")
_PRETRAIN = flags.DEFINE_string("pretrain", None, "folder of the bundle that is made instead")


def make_plan() -> AgnosticPlan:
    return AgnosticPlan(
        target=_TARGET.value or "",
        sources=tuple(_SOURCES.value),
        shares=tuple(read_numbers("--shares", _SHARES.value, SHARE)),
        num_subsets=_SUBSETS.value,
        evaluate_on=_PART.value,
        seeds=tuple(read_numbers("--seeds", _SEEDS.value, SEED)),
        epochs=_EPOCHS.value,
        tune_epochs=_TUNE.value,
        rivals=_RIVALS.value,
        data_dir=_DATA_DIR.value,
        **override_parts(),
    )


def override_parts() -> dict[str, Any]:
    """The parts of the plan that --set changes."""
    parts = {name: getattr(_DEFAULT, name) for name in ("network", "episodes", "tune_episodes")}
    for path, value in read_assignments(_SET.value).items():
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


def main() -> None:
    plan = make_plan()
    if _PRETRAIN.value:
        workdir = Path(_WORKDIR.value or "results/agnostic-pretrained")
        command = shlex.join(["python", *sys.argv])
        made = pretrain(plan, workdir, _PRETRAIN.value, command=command)
        print(f"{len(made.members)} members in {_PRETRAIN.value}")
        return
    if not plan.target:
        raise ConfigError("target is empty; name a dataset, such as --target=uji")
    if plan.rivals:
        check_installed()
    result = run_agnostic(plan, _WORKDIR.value or f"results/agnostic-{plan.target}")
    table = render_agnostic(result)
    if plan.evaluate_on == "test":
        output = Path(_OUTPUT.value)
        output.mkdir(parents=True, exist_ok=True)
        write_text(output / f"{plan.target}.md", f"{table}\n")
        # Where this machine keeps its data is nobody else's matter.
        told = {name: value for name, value in result["plan"].items() if name != "data_dir"}
        write_json(output / f"{plan.target}.json", result | {"plan": told})
    print(f"\n{table}")


if __name__ == "__main__":
    cli.run(main)
