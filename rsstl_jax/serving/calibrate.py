"""Radii for the students of a run, from twins that are trained without a part of the positions."""

import logging
from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict
from numpy.typing import NDArray

from rsstl_jax.config.overrides import override
from rsstl_jax.config.retired import drop_retired
from rsstl_jax.config.schema import default_config
from rsstl_jax.data import Fingerprints
from rsstl_jax.data.target import leave_out, target_parts
from rsstl_jax.engine.locator import NetworkLocator
from rsstl_jax.engine.radius import COVERAGE, coverage_of, fit_radius, predict_radius_m
from rsstl_jax.engine.saved_student import load_student, save_answers
from rsstl_jax.errors import ConfigError
from rsstl_jax.models import make_network
from rsstl_jax.phases.student_specs import STUDENTS, check_plans, plan_students
from rsstl_jax.pipeline import bundle_folder, run_distillation
from rsstl_jax.store.files import as_path, read_json
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.store.workdir import check_data

HELD_OUT_FRACTION = 0.2

_log = logging.getLogger(__name__)


def read_run_config(workdir: str | Path) -> ConfigDict:
    """The configuration of the run that a folder holds."""
    file = Path(workdir) / "config.json"
    if not file.exists():
        raise ConfigError(f"{workdir} holds no run of distill: config.json is missing")
    config = default_config()
    override(config, drop_retired(read_json(file)))
    return config


def twin_config(config: ConfigDict, workdir: str | Path) -> ConfigDict:
    """The same training, on all but a fifth of the positions."""
    twin = config.copy_and_resolve_references()
    twin.data.evaluate_on = "validation"
    twin.data.validation_fraction = HELD_OUT_FRACTION
    twin.run.baselines = ""
    twin.bundle_dir = str(bundle_folder(config, workdir))
    return twin


def students_of_run(workdir: str | Path) -> list[str]:
    """Names of the students that a run left and that can be calibrated."""
    folder = Path(workdir) / "students"
    known = _with_twins(read_run_config(workdir))
    return [name for name in known if (folder / name / "student.json").exists()]


def _with_twins(config: ConfigDict) -> list[str]:
    return [f"seed-{seed}/{student}" for seed in config.seeds for student in STUDENTS]


def calibrate_run(
    workdir: str | Path, names: Sequence[str]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Gives students of a run a radius by twins: {student: (errors of its twin, its radii)}."""
    workdir = as_path("workdir", workdir)
    config = read_run_config(workdir)
    if config.data.evaluate_on == "validation":
        raise ConfigError(
            f"{workdir} was trained without a validation part already; calibrate a run with "
            "data.evaluate_on=test"
        )
    twin = twin_config(config, workdir)
    known = _with_twins(config)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ConfigError(
            f"{workdir}: cannot calibrate {', '.join(unknown) or 'a run without students'}; those "
            f"that it can have a twin of are {', '.join(known)}"
        )
    students = {name: load_student(workdir / "students" / name) for name in names}
    for student in students.values():
        labels_of(student)
    check_same_data(config, workdir)
    plans = plan_students(config, make_network(config), STUDENTS)
    asked = {Path(name).name for name in names}
    check_plans(Recorder(workdir), {name: plans[name] for name in asked})
    part = leave_out(target_parts(twin).held_out, twin.data)
    warn_of_few(part)
    twins_folder = workdir / "calibration"
    twin.seeds = tuple(s for s in config.seeds if any(n.startswith(f"seed-{s}/") for n in names))
    if config.distill.pseudo_labels == "mean":
        asked.add("standalone")  # which the mean is taken with
    run_distillation(twin, twins_folder, students={n: STUDENTS[n] for n in STUDENTS if n in asked})
    calibrated = {}
    for name, student in students.items():
        measured = load_student(twins_folder / "students" / name).held_out(part, student)
        student.radius = fit_radius(measured, len(labels_of(student)))
        save_answers(workdir / "students" / name, student)
        features, label = jnp.asarray(measured.features), jnp.asarray(measured.label)
        radius_m = predict_radius_m(student.radius, features, jnp.maximum(label, 0))
        calibrated[name] = measured.error_m, np.asarray(radius_m)
    return calibrated


def warn_of_few(held_out: Fingerprints) -> None:
    """Warns of a radius that holds positions less often than others: too few have been held out."""
    held = coverage_of(len(held_out))
    if held < COVERAGE:
        _log.warning(
            "%s: the %.0f %% of the positions that are held out have %d fingerprints, too few: the "
            "radius holds a position %.0f %% of the time and not %.0f",
            *(held_out.dataset, 100 * HELD_OUT_FRACTION, len(held_out), 100 * held, 100 * COVERAGE),
        )


def check_same_data(config: ConfigDict, workdir: str | Path) -> None:
    """Refuses a run whose train part has changed since: twins must be trained on the same one."""
    if config.data_dir and not Path(config.data_dir).expanduser().is_dir():
        raise ConfigError(
            f"{workdir}/config.json: data_dir is {config.data_dir!r}, which is not a folder here; "
            "run the same rsstl distill command again with the data's folder as --config.data_dir"
        )
    check_data(Recorder(workdir), {config.target: target_parts(config).train.digest()})


def labels_of(locator: NetworkLocator) -> NDArray[np.int64]:
    """The locator's labels; raises where it was saved without them."""
    if locator.labels is None:
        raise ConfigError(
            "the student was saved by an earlier version, without the site's labelled positions; "
            "run the same rsstl distill command again, which adds them without training"
        )
    return locator.labels
