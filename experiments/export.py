"""A trained student as a program that JAX alone can run, with its access points and its origin.

python experiments/export.py --workdir=results/tampere-dnn-tuned --output=results/exported
"""

from absl import flags

from rsstl_jax import cli
from rsstl_jax.engine.saved_student import load_student
from rsstl_jax.export import export_student

_WORKDIR = flags.DEFINE_string("workdir", None, "folder of a finished distill.py run")
_STUDENT = flags.DEFINE_string("student", "seed-0/distilled", "which of its students")
_OUTPUT = flags.DEFINE_string("output", "results/exported", "folder of the program and its card")


def main() -> None:
    student = load_student(f"{_WORKDIR.value}/students/{_STUDENT.value}")
    export_student(student, _OUTPUT.value)
    print(
        f"{_OUTPUT.value}: {_STUDENT.value} of {student.dataset}, "
        f"{len(student.access_points)} access points"
    )


if __name__ == "__main__":
    flags.mark_flag_as_required("workdir")
    cli.run(main)
