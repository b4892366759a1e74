"""Measures a saved student, or the pretrained network, on the test part of a site.

    rsstl evaluate --workdir=results/tampere-dnn-tuned --student=seed-0/distilled
    rsstl evaluate --student=pretrained --dataset=my-office

The pretrained network is not trained further. It takes the site's train part as its radio map.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import (
    define_data_dir,
    define_folder,
    define_student,
)
from rsstl_jax.commands.shared.outputs import check_file, find_student
from rsstl_jax.commands.shared.progress import announce
from rsstl_jax.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from rsstl_jax.data import Fingerprints

FLAGS = flags.FLAGS

_FIGURES = {
    "mean error": ("mae_m", 1, "m"),
    "median": ("median_m", 1, "m"),
    "75th percentile": ("p75_m", 1, "m"),
    "95th percentile": ("p95_m", 1, "m"),
    "within 10 m": ("within_10_m", 100, "% of the fingerprints"),
}
"""What is printed: {label: (figure, factor, unit)}."""


def define_flags() -> None:
    define_folder("workdir", None, "Names the folder of a finished run of distill.")
    define_student(", pretrained the pretrained network")
    flags.DEFINE_string(
        "dataset", None, "Names the site. By default it is the one the student was trained at."
    )
    define_folder("output", None, "Names a CSV file for every fingerprint's position and error.")
    define_data_dir()


def main() -> None:
    if FLAGS.output:
        check_file("--output", FLAGS.output)
    locate = _locate_by_pretrained if FLAGS.student == "pretrained" else _locate_by_student
    part, predicted_m = locate()
    # JAX and pandas load inside functions: --help answers without them.
    from rsstl_jax.metrics import error_m, summarize

    figures = summarize(error_m(predicted_m, part.position_m))
    print(f"{FLAGS.student} at {part.dataset}, {part.part} part, {len(part)} fingerprints:")
    for label, (name, factor, unit) in _FIGURES.items():
        print(f"  {label:16} {factor * figures[name]:7.2f} {unit}")
    if FLAGS.output:
        _write_positions(FLAGS.output, part, predicted_m)
        print(f"every position: {FLAGS.output}")


def _write_positions(file: str, part: "Fingerprints", predicted_m: "np.ndarray") -> None:
    import pandas as pd

    from rsstl_jax.metrics import error_m
    from rsstl_jax.store.files import write_text

    columns = {"x_m": part.position_m[:, 0], "y_m": part.position_m[:, 1]}
    columns |= {"predicted_x_m": predicted_m[:, 0], "predicted_y_m": predicted_m[:, 1]}
    # As an editor counts the lines of test.csv, whose header is line 1.
    lines = range(2, len(part) + 2)
    errors_m = error_m(predicted_m, part.position_m)
    table = pd.DataFrame(columns | {"error_m": errors_m}, index=lines)
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    write_text(file, table.to_csv(index_label="line", float_format="%.4f"))


def _locate_by_student() -> "tuple[Fingerprints, np.ndarray]":
    if not FLAGS.workdir:
        raise ConfigError(
            f"--student={FLAGS.student} needs --workdir, the folder of a finished run of distill; "
            "without one there is --student=pretrained"
        )
    folder = find_student(FLAGS.workdir, FLAGS.student)
    announce(f"loading {folder}")
    from rsstl_jax.data import load_site
    from rsstl_jax.engine.localizer import predict_m
    from rsstl_jax.engine.saved_student import load_student

    student = load_student(folder)
    site = load_site(FLAGS.dataset or student.dataset, data_dir=FLAGS.data_dir)
    part = student.in_own_order(site.test)
    return part, predict_m(student.localizer, student.params, part)


def _locate_by_pretrained() -> "tuple[Fingerprints, np.ndarray]":
    if not FLAGS.dataset:
        raise ConfigError(
            "--student=pretrained needs --dataset, the site whose train part is the radio map"
        )
    announce(f"reading {FLAGS.dataset}; the first run compiles for about half a minute")
    from rsstl_jax.data import load_site
    from rsstl_jax.site_agnostic.weights import load_pretrained

    pretrained = load_pretrained()
    pretrained.check_target(FLAGS.dataset)
    site = load_site(FLAGS.dataset, data_dir=FLAGS.data_dir)
    pretrained.check_data(site.train, site.test)
    return site.test, pretrained.fit(site.train).predict_m(site.test.rss_dbm)
