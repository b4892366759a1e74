"""Writes a student as a program that needs only JAX, with its access points and its origin.

    rsstl export --workdir=results/tampere-dnn-tuned --output=results/exported

It needs flatbuffers (pip install 'rsstl_jax[export]').
"""

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import define_folder, define_student, require


def define_flags() -> None:
    define_folder("workdir", None, "Names the folder of a finished run of distill.")
    require("workdir", "--workdir is missing; name the folder of a finished run of distill")
    define_student("seed-0/distilled")
    define_folder("output", "results/exported", "Names the folder of the program and its card.")


def main() -> None:
    # JAX loads from here on: --help answers without it.
    from rsstl_jax.engine.saved_student import load_student
    from rsstl_jax.export import export_student

    workdir, name, output = flags.FLAGS.workdir, flags.FLAGS.student, flags.FLAGS.output
    student = load_student(f"{workdir}/students/{name}")
    export_student(student, output)
    print(f"{output}: {name} of {student.dataset}, {len(student.access_points)} access points")
