r"""Trains a site-agnostic network on some sites and measures it on another, without training there.

    rsstl agnostic --config=uji:tuned --config.sources=tampere,tut7 --config.seeds=0,1,2
    rsstl agnostic --config=tampere:tuned --config.sources=uji,tut7 \
        --config.data.evaluate_on=validation --config.model.agnostic.num_neighbours=8 \
        --workdir=results/ablation
    rsstl agnostic --config=uji:tuned --pretrain=results/pretrained \
        --config.sources=uji,tampere,tut7 --config.seeds=0,1

One ensemble member is trained per seed. The command uses the fields target, sources, seeds,
data_dir, data.evaluate_on, data.validation_*, data.held_out_*, model.agnostic.*, agnostic.* and
run.*, but not model.agnostic.learning_rate_factor, agnostic.members, agnostic.start, run.baselines
and run.replicas; others are refused. The first two commands write result.json to --workdir, and the
first one a table to --output: figures on a validation part are only printed. The last one trains on
all sites and writes weights of the kind that `rsstl evaluate --student=pretrained` uses. Run the
same command again to continue.
"""

import json
import shlex
import sys
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict

from rsstl_jax.commands.shared.flag_definitions import (
    define_config,
    define_folder,
    refuse_unused,
    refuse_unused_fields,
)
from rsstl_jax.commands.shared.help_text import program_name
from rsstl_jax.commands.shared.launch import define_processes
from rsstl_jax.commands.shared.outputs import check_folder
from rsstl_jax.commands.shared.progress import announce_sites
from rsstl_jax.config import FIELDS
from rsstl_jax.errors import ConfigError

_SIZES = (path for path in FIELDS if path.startswith("model.agnostic."))
_TRAINING = (
    *(path for path in _SIZES if path != "model.agnostic.learning_rate_factor"),
    *("sources", "seeds", "data_dir", "agnostic.episodes."),
    *("agnostic.epochs", "agnostic.learning_rate", "agnostic.episodes_per_step"),
    *("run.log_every_epochs", "run.checkpoint_every_s", "run.mesh", "run.tensorboard"),
)
_MEASURING = (
    *("target", "data.evaluate_on", "data.validation_fraction", "data.validation_seed"),
    *("data.held_out_phones", "data.held_out_months"),
    *("data.fraction", "agnostic.fractions", "agnostic.num_subsets", "agnostic.tune."),
)
"""The fields that the command uses; data.fraction is refused with words of its own."""


def define_flags() -> None:
    define_config()
    flags.DEFINE_bool("baselines", True, "Measures kNN and the centroid, too.")
    define_folder(
        "workdir",
        None,
        "Sets the folder of the run. By default it is results/agnostic-<target>, with --pretrain "
        "results/agnostic-pretrained.",
    )
    define_folder("output", "results/report/agnostic", "Names the folder of table and receipt.")
    define_folder("pretrain", None, "Names the folder of a bundle to be made instead of a table.")
    define_processes()


def main() -> None:
    config, folder = flags.FLAGS.config, flags.FLAGS.pretrain
    if folder:
        refuse_unused("with --pretrain, which measures nothing", "baselines", "output")
        refuse_unused_fields("with --pretrain, which measures nothing", *_TRAINING)
    elif config.data.evaluate_on != "test":
        refuse_unused("on a validation part, whose figures are only printed", "output")
    refuse_unused_fields("on a site-agnostic network; see --help", *_TRAINING, *_MEASURING)
    workdir = flags.FLAGS.workdir
    workdir = workdir or f"results/agnostic-{'pretrained' if folder else config.target}"
    check_folder("--workdir", workdir)
    check_folder("--pretrain" if folder else "--output", folder or flags.FLAGS.output)
    if not folder and config.data.evaluate_on == "test":
        _check_replaced(Path(flags.FLAGS.output) / f"{config.target}.json", config)
    announce_sites(*([] if folder else [config.target]), config.sources)
    from rsstl_jax.baselines.knn import check_installed
    from rsstl_jax.report.result_table import render_agnostic
    from rsstl_jax.site_agnostic.zero_shot import pretrain, run_zero_shot
    from rsstl_jax.store.files import write_json, write_text
    from rsstl_jax.store.processes import is_first

    if folder:
        command = f"{program_name('agnostic')} {shlex.join(sys.argv[1:])}"
        pretrained = pretrain(config, workdir, folder, command=command)
        print(f"{len(pretrained.members)} ensemble members in {folder}")
        return
    if flags.FLAGS.baselines:
        check_installed()
    result = run_zero_shot(config, workdir, baselines=flags.FLAGS.baselines)
    table = render_agnostic(result)
    if config.data.evaluate_on == "test" and is_first():
        output = Path(flags.FLAGS.output)
        output.mkdir(parents=True, exist_ok=True)
        write_text(output / f"{config.target}.md", f"{table}\n")
        write_json(output / f"{config.target}.json", result)
    print(f"\n{table}")


def _check_replaced(receipt: Path, config: ConfigDict) -> None:
    """Refuses to replace the table of another training."""
    if not receipt.exists():
        return
    from rsstl_jax.site_agnostic.zero_shot import measured_plan
    from rsstl_jax.store.files import differences, read_json

    plan = json.loads(json.dumps(measured_plan(config, flags.FLAGS.baselines)))
    held = read_json(receipt).get("plan", {})
    if changed := differences({name: held.get(name) for name in plan}, plan):
        raise ConfigError(
            f"--output={receipt.parent} holds {receipt.name} of another training "
            f"({'; '.join(changed)}); name another folder or remove it"
        )
