"""Measures a workdir's student on a dataset's test part.

python experiments/evaluate.py --workdir=results/tampere-dnn-tuned --student=seed-0/distilled
"""

from absl import flags

from rsstl_jax import cli, load_site
from rsstl_jax.metrics import error_m, summarize
from rsstl_jax.train import predict_m
from rsstl_jax.train.student import load_student

_WORKDIR = flags.DEFINE_string("workdir", None, "folder of a finished distill.py run")
_STUDENT = flags.DEFINE_string("student", "seed-0/distilled", "which of its students")
_DATASET = flags.DEFINE_string("dataset", None, "dataset; by default the one it was trained at")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "folder of the datasets; else RSSTL_DATA_DIR")


def main() -> None:
    student = load_student(f"{_WORKDIR.value}/students/{_STUDENT.value}")
    part = load_site(_DATASET.value or student.dataset, data_dir=_DATA_DIR.value).test
    student.check_access_points(part)
    predicted_m = predict_m(student.localizer, student.params, part)
    figures = summarize(error_m(predicted_m, part.position_m))
    print(f"{_STUDENT.value} on {part.dataset}, {part.part} part, {len(part)} fingerprints:")
    print(", ".join(f"{name} {value:.3f}" for name, value in figures.items()))


if __name__ == "__main__":
    flags.mark_flag_as_required("workdir")
    cli.run(main)
