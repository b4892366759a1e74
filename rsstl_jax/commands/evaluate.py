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
from rsstl_jax.commands.shared.progress import announce
from rsstl_jax.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from rsstl_jax.data import Fingerprints

FLAGS = flags.FLAGS


def define_flags() -> None:
    define_folder("workdir", None, "Names the folder of a finished run of distill.")
    define_student("seed-0/distilled", ", or the pretrained network (pretrained)")
    flags.DEFINE_string(
        "dataset", None, "Names the site. By default it is the one the student was trained at."
    )
    define_folder("output", None, "Names a CSV file for every fingerprint's position and error.")
    define_data_dir()


def main() -> None:
    locate = _locate_by_pretrained if FLAGS.student == "pretrained" else _locate_by_student
    part, predicted_m = locate()
    # JAX and pandas load inside functions: --help answers without them.
    import pandas as pd

    from rsstl_jax.metrics import error_m, summarize
    from rsstl_jax.store.files import write_text

    errors_m = error_m(predicted_m, part.position_m)
    if FLAGS.output:
        columns = {"x_m": part.position_m[:, 0], "y_m": part.position_m[:, 1]}
        columns |= {"predicted_x_m": predicted_m[:, 0], "predicted_y_m": predicted_m[:, 1]}
        # As an editor counts the lines of test.csv, whose header is line 1.
        lines = range(2, len(part) + 2)
        table = pd.DataFrame(columns | {"error_m": errors_m}, index=lines)
        write_text(FLAGS.output, table.to_csv(index_label="line", float_format="%.4f"))
    figures = summarize(errors_m)
    print(f"{FLAGS.student} on {part.dataset}, {part.part} part, {len(part)} fingerprints:")
    print(", ".join(f"{name} {value:.3f}" for name, value in figures.items()))


def _locate_by_student() -> "tuple[Fingerprints, np.ndarray]":
    if not FLAGS.workdir:
        raise ConfigError(
            f"--student={FLAGS.student} needs --workdir, the folder of a finished run of distill; "
            "without one there is --student=pretrained"
        )
    folder = f"{FLAGS.workdir}/students/{FLAGS.student}"
    if Path(folder).is_dir():
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
        raise ConfigError("dataset is empty; the pretrained network needs a site's train part")
    announce(f"reading {FLAGS.dataset}; the first run compiles for about half a minute")
    from rsstl_jax.data import load_site
    from rsstl_jax.site_agnostic.weights import load_pretrained

    pretrained = load_pretrained()
    pretrained.check_target(FLAGS.dataset)
    site = load_site(FLAGS.dataset, data_dir=FLAGS.data_dir)
    pretrained.check_data(site.train, site.test)
    return site.test, pretrained.fit(site.train).predict_m(site.test.rss_dbm)
