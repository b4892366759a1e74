"""Joins several localisers of a site to one that answers with the mean of their positions.

    rsstl ensemble --workdir=results/my-office-dnn-tuned --output=results/my-office
    rsstl ensemble --members=results/a/students/seed-0/distilled,results/b --output=out

With --workdir its calibrated students of every seed are joined, and with --pretrained the
pretrained network, too. The ensemble is calibrated as they are.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import define_folder, require
from rsstl_jax.commands.shared.progress import announce
from rsstl_jax.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

FLAGS = flags.FLAGS


def define_flags() -> None:
    define_folder("workdir", None, "Names the folder of a finished run of distill.")
    flags.DEFINE_string("student", "distilled", "Names the student that is joined over the seeds.")
    flags.DEFINE_list("members", None, "Names folders of localisers instead, as a,b.")
    flags.DEFINE_bool("pretrained", False, "Joins the pretrained network, too.")
    define_folder("output", None, "Names the folder of the ensemble.")
    require("output", "--output is missing; name the folder of the ensemble")


def main() -> None:
    if bool(FLAGS.workdir) == bool(FLAGS.members):
        raise ConfigError("name either --workdir or --members")
    announce("joining")
    # JAX loads from here on: --help answers without it.
    from rsstl_jax.serving.ensemble import Ensemble
    from rsstl_jax.serving.join import join_run
    from rsstl_jax.serving.saved import load_network_locator, save_ensemble

    if FLAGS.members:
        _refuse_pretrained()
        folders: Sequence[str | Path] = FLAGS.members
        ensemble = Ensemble([load_network_locator(folder) for folder in folders])
        save_ensemble(FLAGS.output, folders, ensemble)
    else:
        ensemble = join_run(FLAGS.workdir, FLAGS.student, FLAGS.output, pretrained=FLAGS.pretrained)
    radius = "with a radius" if ensemble.radius else "without a radius"
    print(f"{FLAGS.output}: {len(ensemble.members)} members, {radius}")


def _refuse_pretrained() -> None:
    if FLAGS.pretrained:
        raise ConfigError(
            "--pretrained goes with --workdir; with --members name the folder that rsstl predict "
            "--save wrote"
        )
