r"""Trains a site-agnostic network on some sites and measures it on another, without training there.

    python experiments/agnostic.py --config=configs/uji.py:tuned --config.sources=tampere,tut7 \
        --config.seeds=0,1,2
    python experiments/agnostic.py --config=configs/tampere.py:tuned --config.sources=uji,tut7 \
        --config.data.evaluate_on=validation --config.model.agnostic.num_neighbours=8 \
        --workdir=results/ablation
    python experiments/agnostic.py --config=configs/uji.py:tuned --pretrain=results/pretrained \
        --config.sources=uji,tampere,tut7 --config.seeds=0,1

One ensemble member is trained per seed. The fields that bear on it are target, sources, seeds,
data_dir, data.evaluate_on, data.validation_*, model.agnostic.*, agnostic.* and run.*. The first two
commands leave result.json in --workdir and, below --output, a table. The last one trains on all
sites at once and writes what `evaluate.py --student=pretrained` uses. The same command started
again goes on where it stopped.
"""

import shlex
import sys
from pathlib import Path

from absl import flags
from ml_collections import config_flags

from rsstl_jax import cli
from rsstl_jax.baselines.knn import check_installed
from rsstl_jax.report.zero_shot_table import render_agnostic
from rsstl_jax.site_agnostic.zero_shot import pretrain, run_zero_shot
from rsstl_jax.store.files import write_json, write_text

_CONFIG = config_flags.DEFINE_config_file("config", None, "configs/<site>.py", lock_config=True)
_BASELINES = flags.DEFINE_bool("baselines", True, "measure kNN and the centroid, too")
_WORKDIR = flags.DEFINE_string("workdir", None, "by default results/agnostic-<target>")
_OUTPUT = flags.DEFINE_string("output", "results/report/agnostic", "folder of table and receipt")
_PRETRAIN = flags.DEFINE_string("pretrain", None, "folder of the bundle that is made instead")


def main() -> None:
    config = _CONFIG.value
    if _PRETRAIN.value:
        workdir = _WORKDIR.value or "results/agnostic-pretrained"
        command = shlex.join(["python", *sys.argv])
        made = pretrain(config, workdir, _PRETRAIN.value, command=command)
        print(f"{len(made.members)} ensemble members in {_PRETRAIN.value}")
        return
    if _BASELINES.value:
        check_installed()
    workdir = _WORKDIR.value or f"results/agnostic-{config.target}"
    result = run_zero_shot(config, workdir, baselines=_BASELINES.value)
    table = render_agnostic(result)
    if config.data.evaluate_on == "test":
        output = Path(_OUTPUT.value)
        output.mkdir(parents=True, exist_ok=True)
        write_text(output / f"{config.target}.md", f"{table}\n")
        write_json(output / f"{config.target}.json", result)
    print(f"\n{table}")


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    cli.run(main)
