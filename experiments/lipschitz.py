"""What J_FI measures: its estimate beside the true Lipschitz constant of the extractor.

For every batch of the target's train part the estimate is `functional_information` of frame and
extract; the truth is the largest singular value of the extractor's Jacobian, exact at each sample,
the largest of the batch. Both at initialisation and for a trained student.

    python experiments/lipschitz.py --workdirs=results/tampere-dnn-tuned --output=lipschitz.png
"""

from pathlib import Path

from absl import flags

from rsstl_jax import cli
from rsstl_jax.commands.lipschitz_bound import compare_student, plot_comparison
from rsstl_jax.store.files import write_json

_WORKDIRS = flags.DEFINE_list("workdirs", None, "finished distill.py runs, one a network")
_STUDENT = flags.DEFINE_string("student", "seed-0/standalone", "which of their students")
_BATCHES = flags.DEFINE_integer("batches", 4, "batches of 128 per network", lower_bound=1)
_DATA_DIR = flags.DEFINE_string("data_dir", "", "folder of the datasets; else RSSTL_DATA_DIR")
_OUTPUT = flags.DEFINE_string("output", "results/lipschitz.png", "the figure; a .json lies beside")


def main() -> None:
    rows = []
    for workdir in _WORKDIRS.value or ():
        rows += compare_student(
            f"{workdir}/students/{_STUDENT.value}",
            num_batches=_BATCHES.value,
            data_dir=_DATA_DIR.value,
        )
    for row in rows:
        print(", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{v}" for k, v in row.items()))
    plot_comparison(_OUTPUT.value, rows)
    write_json(Path(_OUTPUT.value).with_suffix(".json"), rows)


if __name__ == "__main__":
    flags.mark_flag_as_required("workdirs")
    cli.run(main)
