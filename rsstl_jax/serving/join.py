"""The students of a run over its seeds, and the pretrained network, as one calibrated ensemble."""

import tempfile
from pathlib import Path

from rsstl_jax.data import load_site
from rsstl_jax.data.target import leave_out, target_parts
from rsstl_jax.engine.locator import NetworkLocator
from rsstl_jax.engine.radius import fit_radius
from rsstl_jax.engine.saved_student import load_student
from rsstl_jax.errors import ConfigError
from rsstl_jax.serving.calibrate import (
    check_same_data,
    labels_of,
    read_run_config,
    twin_config,
    warn_of_few,
)
from rsstl_jax.serving.ensemble import Ensemble
from rsstl_jax.serving.saved import check_new, save_at_site, save_ensemble
from rsstl_jax.site_agnostic.weights import load_pretrained
from rsstl_jax.store.files import as_path


def join_run(
    workdir: str | Path,
    student: str,
    folder: str | Path,
    *,
    pretrained: bool = False,
    replace: bool = False,
) -> Ensemble:
    """Writes the ensemble of a student over a run's seeds, calibrated where it has twins."""
    workdir = as_path("workdir", workdir)
    config = read_run_config(workdir)
    names = [f"seed-{seed}/{student}" for seed in config.seeds]
    folders: list[Path] = [workdir / "students" / name for name in names]
    check_new(folder, folders, replace=replace)
    members: list[NetworkLocator] = [load_student(source) for source in folders]
    twin = twin_config(config, workdir)
    twins_folder = workdir / "calibration" / "students"
    twins: list[NetworkLocator] = [
        load_student(twins_folder / name)
        for name in names
        if (twins_folder / name / "student.json").exists()
    ]
    if 0 < len(twins) < len(names):
        raise ConfigError(f"{workdir}: some seeds lack a twin; run rsstl calibrate once more")
    if twins or pretrained:
        check_same_data(config, workdir)
    with tempfile.TemporaryDirectory() as at_site:
        if pretrained:
            network = load_pretrained()
            network.check_target(config.target)
            site = load_site(config.target, data_dir=config.data_dir or None)
            network.check_data(site.train, site.test)
            fitted = network.fit(target_parts(config).train)
            members.append(fitted)
            save_at_site(at_site, fitted)
            folders.append(Path(at_site))
        ensemble = Ensemble(members)
        if twins:
            parts = target_parts(twin)
            if pretrained:
                twins.append(network.fit(parts.train))
            held_out = leave_out(parts.held_out, twin.data)
            warn_of_few(held_out)
            measured = Ensemble(twins).held_out(held_out, ensemble)
            ensemble.radius = fit_radius(measured, len(labels_of(ensemble)))
        save_ensemble(folder, folders, ensemble, replace=replace)
    return ensemble
