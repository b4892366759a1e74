"""Joins several locators of a site to one that answers with the mean of their positions.

    rsstl ensemble --workdir=results/my-office-dnn-tuned --output=results/my-office
    rsstl ensemble --members=results/a/students/seed-0/distilled,results/b --output=out

With --workdir its students of every seed are joined, and with --pretrained the pretrained network,
too. The ensemble has a radius where they are calibrated. A folder that holds another locator is
left alone unless --replace is given.
"""

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import (
    define_folder,
    define_names,
    refuse_unused,
)
from rsstl_jax.commands.shared.outputs import check_folder, find_student
from rsstl_jax.commands.shared.progress import announce
from rsstl_jax.errors import ConfigError

FLAGS = flags.FLAGS


def define_flags() -> None:
    define_folder("workdir", None, "Names the folder of a finished run of distill.")
    flags.DEFINE_string(
        "student",
        "standalone",
        "Names the student that is joined over the seeds: standalone is the baseline student.",
    )
    define_names("members", None, "Names folders of locators instead, as a,b.")
    flags.DEFINE_bool("pretrained", False, "Joins the pretrained network, too.")
    define_folder("output", None, "Names the folder of the ensemble.", required=True)
    flags.DEFINE_bool("replace", False, "Replaces another locator that --output holds.")


def main() -> None:
    if bool(FLAGS.workdir) == bool(FLAGS.members):
        raise ConfigError("name either --workdir or --members")
    if FLAGS.members:
        # What predict --save wrote is the pretrained network as a member.
        refuse_unused("with --members, which names every member's folder", "student", "pretrained")
    check_folder("--output", FLAGS.output)
    announce("joining")
    from rsstl_jax.serving.calibrate import read_run_config
    from rsstl_jax.serving.ensemble import Ensemble
    from rsstl_jax.serving.join import join_run
    from rsstl_jax.serving.saved import load_network_locator, save_ensemble

    if FLAGS.members:
        ensemble = Ensemble([load_network_locator(folder) for folder in FLAGS.members])
        save_ensemble(FLAGS.output, FLAGS.members, ensemble, replace=FLAGS.replace)
    else:
        for seed in read_run_config(FLAGS.workdir).seeds:
            find_student(FLAGS.workdir, f"seed-{seed}/{FLAGS.student}")
        options = {"pretrained": FLAGS.pretrained, "replace": FLAGS.replace}
        ensemble = join_run(FLAGS.workdir, FLAGS.student, FLAGS.output, **options)
    radius = "with a radius" if ensemble.radius else "without a radius"
    print(f"{FLAGS.output}: {len(ensemble.members)} members, {radius}")
