"""Measures a workdir's student, or the pretrained network, on a dataset's test part.

    python experiments/evaluate.py --workdir=results/tampere-dnn-tuned --student=seed-0/distilled
    python experiments/evaluate.py --student=pretrained --dataset=my-office

The pretrained network is trained no further: the dataset's train part is its support.
"""

import numpy as np
import pandas as pd
from absl import flags

from rsstl_jax import Fingerprints, cli, load_site
from rsstl_jax.engine.localizer import predict_m
from rsstl_jax.engine.saved_student import load_student
from rsstl_jax.errors import ConfigError
from rsstl_jax.metrics import error_m, summarize
from rsstl_jax.site_agnostic.temperature import choose_temperature
from rsstl_jax.site_agnostic.training import make_agnostic_localizer, predict_members_m
from rsstl_jax.site_agnostic.weights import load_pretrained
from rsstl_jax.store.files import write_text

_WORKDIR = flags.DEFINE_string("workdir", None, "folder of a finished distill.py run")
_STUDENT = flags.DEFINE_string(
    "student", "seed-0/distilled", "which of its students, or pretrained"
)
_DATASET = flags.DEFINE_string("dataset", None, "dataset; by default the one it was trained at")
_OUTPUT = flags.DEFINE_string("output", None, "CSV file of every fingerprint's place and error")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "folder of the datasets; else RSSTL_DATA_DIR")


def by_student() -> tuple[Fingerprints, np.ndarray]:
    if not _WORKDIR.value:
        raise ConfigError("workdir is empty; name the folder of a finished distill.py run")
    student = load_student(f"{_WORKDIR.value}/students/{_STUDENT.value}")
    site = load_site(_DATASET.value or student.dataset, data_dir=_DATA_DIR.value)
    part = student.in_own_order(site.test)
    return part, predict_m(student.localizer, student.params, part)


def by_pretrained() -> tuple[Fingerprints, np.ndarray]:
    if not _DATASET.value:
        raise ConfigError("dataset is empty; the pretrained network needs a site's train part")
    pretrained = load_pretrained()
    pretrained.check_target(_DATASET.value)
    site = load_site(_DATASET.value, data_dir=_DATA_DIR.value)
    localizer = make_agnostic_localizer(pretrained.settings, site.train)
    sharp = choose_temperature(localizer, pretrained.members)
    return site.test, predict_members_m(sharp, pretrained.members, site.test)


def main() -> None:
    part, predicted_m = by_pretrained() if _STUDENT.value == "pretrained" else by_student()
    errors_m = error_m(predicted_m, part.position_m)
    if _OUTPUT.value:
        columns = {"x_m": part.position_m[:, 0], "y_m": part.position_m[:, 1]}
        columns |= {"predicted_x_m": predicted_m[:, 0], "predicted_y_m": predicted_m[:, 1]}
        places = pd.DataFrame(columns | {"error_m": errors_m})
        write_text(_OUTPUT.value, places.to_csv(index_label="row", float_format="%.4f"))
    figures = summarize(errors_m)
    print(f"{_STUDENT.value} on {part.dataset}, {part.part} part, {len(part)} fingerprints:")
    print(", ".join(f"{name} {value:.3f}" for name, value in figures.items()))


if __name__ == "__main__":
    cli.run(main)
