"""Writes a student as a program that runs without this package, with its inputs and its origin.

    rsstl export --workdir=results/tampere-dnn-tuned
    rsstl export --workdir=results/tampere-dnn-tuned --student=seed-1/distilled --output=phone
    rsstl export --student=results/my-office --onnx

Without --workdir, --student names the folder of any locator, such as an ensemble. A folder that
holds another exported student is left alone unless --replace is given.

It needs flatbuffers (pip install 'rsstl_jax[export]'), and --onnx needs onnx ('rsstl_jax[onnx]').
"""

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import define_folder, define_student
from rsstl_jax.commands.shared.outputs import check_folder, student_folder
from rsstl_jax.errors import ConfigError

if TYPE_CHECKING:
    from rsstl_jax.engine.locator import NetworkLocator


def define_flags() -> None:
    define_student()
    define_folder(
        "output",
        None,
        "Names the folder of the program and its card. By default it is "
        "<workdir>/exported/<student>, with - for the / in the student's name; without --workdir "
        "it is <student>/exported.",
    )
    flags.DEFINE_bool(
        "onnx",
        False,
        "Writes student.onnx beside the program. One that is there is always written anew.",
    )
    flags.DEFINE_bool("replace", False, "Replaces another student that --output holds.")


def main() -> None:
    workdir, name = flags.FLAGS.workdir, flags.FLAGS.student
    folder = student_folder()
    default = f"{workdir}/exported/{name.replace('/', '-')}" if workdir else f"{name}/exported"
    output = Path(flags.FLAGS.output or default)
    check_folder("--output", output)
    from rsstl_jax.export import check_export_folder, export_student, write_onnx
    from rsstl_jax.serving.saved import load_network_locator
    from rsstl_jax.store.workdir import held_card

    check_export_folder(output)
    student = load_network_locator(folder)
    if held_card(output) and not (flags.FLAGS.replace or _answers_as(student, output)):
        raise ConfigError(
            f"{output} holds another student; name another --output, or replace it with --replace"
        )
    # One that is there must not stand beside the program of a student that has a radius since.
    is_kept = (output / "student.onnx").exists() and not flags.FLAGS.replace
    with_onnx = flags.FLAGS.onnx or is_kept
    export_student(student, output)
    if with_onnx:
        write_onnx(student, output / "student.onnx")
    print(f"{output}: {name} of {student.dataset}, {len(student.access_points)} access points")


def _answers_as(student: "NetworkLocator", output: Path) -> bool:
    """Whether the program that a folder holds gives the positions of the student."""
    import numpy as np

    from rsstl_jax.export import load_exported

    held = load_exported(output)
    if held.access_points != student.access_points:
        return False
    scans = [{access_point: -60.0} for access_point in student.access_points[:16]]
    here_m, there_m = (one.locate(scans)[["x_m", "y_m"]] for one in (student, held))
    return np.allclose(here_m, there_m, rtol=0, atol=0.01)
