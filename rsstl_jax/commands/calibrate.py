"""Gives the students of a run a radius that holds their positions 90 % of the time.

    rsstl calibrate --workdir=results/my-office-dnn-tuned

Each of them is trained once more, as its twin, without a fifth of the positions, in the folder
calibration/ of the workdir; the twin's errors there say how large the student's are
(split conformal prediction). rsstl predict then answers with radius_m.
"""

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import define_folder, define_names
from rsstl_jax.commands.shared.progress import announce

FLAGS = flags.FLAGS


def define_flags() -> None:
    define_folder("workdir", None, "Names the folder of a finished run of distill.", required=True)
    define_names("students", None, "Names some of its students, as a,b. By default all of them.")


def main() -> None:
    announce(f"training twins of the students of {FLAGS.workdir}")
    import numpy as np

    from rsstl_jax.serving.calibrate import calibrate_run, students_of_run

    names = FLAGS.students or students_of_run(FLAGS.workdir)
    for name, (error_m, radius_m) in calibrate_run(FLAGS.workdir, names).items():
        print(
            f"{name}: on {len(error_m)} fingerprints whose positions its twin has not seen, "
            f"mean error {error_m.mean():.2f} m, mean radius {radius_m.mean():.2f} m; "
            f"one radius for all would be {np.quantile(error_m, 0.9):.2f} m"
        )
