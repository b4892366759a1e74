"""The package in Python: read a site, train at it, locate a scan, export the student.

    pip install ".[export]" && python examples/quickstart.py [folder]    # about half a minute

The run is written to the folder, by default results/quickstart. A second start reads its result
from there.
"""

import sys

import numpy as np

from rsstl_jax import (
    Fingerprints,
    export_student,
    load_exported,
    load_site,
    load_student,
    make_config,
    run_distillation,
)


def scan_of(part: Fingerprints, row: int) -> dict[str, float]:
    """A fingerprint as a receiver reports it: the access points it detected, with their dBm."""
    readings = zip(part.access_points, part.rss_dbm[row].tolist(), strict=True)
    return {name: dbm for name, dbm in readings if not np.isnan(dbm)}


def main(folder: str) -> None:
    site = load_site("synthetic-office")
    print(site)

    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    config.train.epochs = 20  # `rsstl fields` lists every field with its meaning.
    result = run_distillation(config, folder)
    for name, figures in result["students"].items():
        print(f"{name}: mean error {figures['mae_m'][0]:.2f} m on {len(site.test)} fingerprints")

    student = load_student(f"{folder}/students/seed-0/distilled")
    print(student)
    scan, actual_m = scan_of(site.test, 0), site.test.position_m[0]
    answers = student.locate([scan])
    print(f"{len(scan)} access points detected at {actual_m.round(2)} m:\n{answers.round(2)}")

    export_student(student, f"{folder}/exported")
    exported = load_exported(f"{folder}/exported").locate([scan])
    print(f"the exported program says the same:\n{exported.round(2)}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "results/quickstart")
