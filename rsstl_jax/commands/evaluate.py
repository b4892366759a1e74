"""Measures a saved student, an ensemble or the pretrained network on the test part of a site.

    rsstl evaluate --workdir=results/tampere-dnn-tuned --student=seed-0/distilled
    rsstl evaluate --student=results/my-office-ensemble
    rsstl evaluate --student=pretrained --dataset=my-office

Floors, buildings and radii are measured where the site and the student have them, and the mean
error of each phone and month where the site names them. The pretrained network is not trained
further. It takes the site's train part as its radio map.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import (
    OR_PRETRAINED,
    define_data_dir,
    define_dataset,
    define_folder,
    define_student,
    refuse_unused,
)
from rsstl_jax.commands.shared.outputs import check_file, pretrained_folder, student_folder
from rsstl_jax.commands.shared.progress import announce
from rsstl_jax.errors import ConfigError

if TYPE_CHECKING:
    from rsstl_jax.data import Fingerprints
    from rsstl_jax.engine.locator import Locator
    from rsstl_jax.report.predicted import Predicted

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
    define_student(OR_PRETRAINED)
    define_dataset("Names the site. By default it is the one the student was trained at.")
    define_folder("output", None, "Names a CSV file for every fingerprint's position and error.")
    define_data_dir()


def main() -> None:
    if FLAGS.output:
        check_file("--output", FLAGS.output, endings=(".csv",), begins=(b"fingerprint,",))
    weights = pretrained_folder()
    locator, part = _load_pretrained(weights) if weights else _load_student()
    import numpy as np

    from rsstl_jax.metrics import error_m, summarize
    from rsstl_jax.report.predicted import mean_by_group, predict, protocol_figures
    from rsstl_jax.report.result_table import PROTOCOLS, protocol_cell

    predicted = predict(locator, part)
    errors_m = error_m(predicted.position_m, part.position_m)
    figures = summarize(errors_m)
    protocols = protocol_figures(predicted, part)
    print(f"{FLAGS.student} at {part.dataset}, {part.part} part, {len(part)} fingerprints:")
    if empty := int(np.isnan(part.rss_dbm).all(axis=1).sum()):
        print(f"  {'without readings':16} {empty:4}    of them; they are measured, too")
    for label, (name, factor, unit) in _FIGURES.items():
        print(f"  {label:16} {factor * figures[name]:7.2f} {unit}")
    for name in [name for name in PROTOCOLS if name in protocols]:
        label, _, unit = PROTOCOLS[name].rstrip(")").partition(" (")
        print(f"  {label:16} {protocol_cell(name, [protocols[name]]):>7} {unit}")
    for kind, by_name in mean_by_group([errors_m], part).items():
        for name, (mean_m,) in by_name.items() if len(by_name) > 1 else ():
            print(f"  {f'{kind} {name}':16} {mean_m:7.2f} m")
    if FLAGS.output:
        _write_positions(FLAGS.output, part, predicted)
        print(f"every position: {FLAGS.output}")


def _write_positions(file: str, part: "Fingerprints", predicted: "Predicted") -> None:
    import pandas as pd

    from rsstl_jax.metrics import error_m
    from rsstl_jax.store.files import write_text

    columns = {
        "x_m": part.position_m[:, 0],
        "y_m": part.position_m[:, 1],
        "floor": part.floor,
        "building": part.building,
        **part.groups(),
        "predicted_x_m": predicted.position_m[:, 0],
        "predicted_y_m": predicted.position_m[:, 1],
        "predicted_floor": predicted.floor,
        "predicted_building": predicted.building,
        "radius_m": predicted.radius_m,
        "error_m": error_m(predicted.position_m, part.position_m),
    }
    # What a site or a student does not know is None.
    table = pd.DataFrame(columns, index=range(1, len(part) + 1)).dropna(axis="columns", how="all")
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    write_text(file, table.to_csv(index_label="fingerprint", float_format="%.4f"))


def _load_student() -> "tuple[Locator, Fingerprints]":
    folder = student_folder(OR_PRETRAINED)
    announce(f"loading {folder}")
    from rsstl_jax.data import load_site
    from rsstl_jax.engine.input_order import in_order_of
    from rsstl_jax.serving.saved import check_measured_site, load_locator

    locator = load_locator(folder)
    site = load_site(FLAGS.dataset or locator.dataset, data_dir=FLAGS.data_dir)
    check_measured_site(locator, site)
    return locator, in_order_of(locator, site.test)


def _load_pretrained(weights: Path) -> "tuple[Locator, Fingerprints]":
    refuse_unused(f"with --student={FLAGS.student}", "workdir")
    if not FLAGS.dataset:
        raise ConfigError(
            f"--student={FLAGS.student} needs --dataset, the site whose train part is the radio map"
        )
    announce(f"reading {FLAGS.dataset}; the first run compiles for about half a minute")
    from rsstl_jax.data import load_site
    from rsstl_jax.serving.saved import fit_pretrained
    from rsstl_jax.site_agnostic.weights import load_pretrained

    # Before its data, which may have to be downloaded.
    load_pretrained(weights).check_target(FLAGS.dataset)
    site = load_site(FLAGS.dataset, data_dir=FLAGS.data_dir)
    return fit_pretrained(site, weights), site.test
