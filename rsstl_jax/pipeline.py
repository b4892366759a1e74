"""The whole job: read, teach, distil, evaluate, report."""

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ml_collections import ConfigDict
from numpy.typing import NDArray

from rsstl_jax.config.recipes import site_config
from rsstl_jax.config.rules import name_list
from rsstl_jax.config.schema import validate
from rsstl_jax.data import (
    Fingerprints,
    check_sources,
    grouped_validation_split,
    load_site,
    load_unlabelled,
    target_fraction,
    target_rest,
)
from rsstl_jax.engine.localizer import make_predictor
from rsstl_jax.engine.saved_student import Student, save_student
from rsstl_jax.errors import ConfigError, MissingDataError
from rsstl_jax.models import make_network
from rsstl_jax.phases.alignment_terms import active_terms
from rsstl_jax.phases.distillation import train_students
from rsstl_jax.phases.specialise import make_localizer
from rsstl_jax.phases.student_specs import STUDENTS, Variant, check_variant, told_by_mean
from rsstl_jax.phases.teacher_set import Teachers, make_teachers, read_sources
from rsstl_jax.report.run_result import write_result
from rsstl_jax.site_agnostic.teacher_outputs import answer, average_with
from rsstl_jax.site_agnostic.training import make_agnostic_localizer, predict_members_m
from rsstl_jax.store.lock import locked
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.store.workdir import log_start, open_workdir

__all__ = ["TargetParts", "bundle_folder", "run_distillation", "run_expert", "target_parts"]


class TargetParts(NamedTuple):
    """What a student learns from and what it is measured on.

    Args:
        train: the share of the train part that is used.
        held_out: the test part, or the validation part held out of train.
        unlabelled_dbm: float32[U, A]. Readings of fingerprints whose places are unknown: what the
            share leaves of the train part, or the target's unlabelled.csv; None where students look
            at none.

    Example:
        >>> from rsstl_jax import load_site
        >>> site = load_site("synthetic-office")
        >>> TargetParts(site.train, site.test).held_out.part
        'test'
    """

    train: Fingerprints
    held_out: Fingerprints
    unlabelled_dbm: NDArray[np.float32] | None = None


def target_parts(config: ConfigDict) -> TargetParts:
    """Reads the target and cuts it as the configuration says.

    Args:
        config: the run's configuration; read here: `target`, `data_dir`, `data`,
            `distill.num_unlabelled`.

    Returns:
        TargetParts. The share is drawn from what the validation part leaves.

    Raises:
        DataError: if the target is missing or cannot be read.

    Example:
        >>> from rsstl_jax import make_config
        >>> config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
        >>> config.data.evaluate_on = "validation"
        >>> target_parts(config).held_out.part
        'validation'
    """
    site = load_site(config.target, data_dir=config.data_dir or None)
    train, held_out = site.train, site.test
    if config.data.evaluate_on == "validation":
        train, held_out = grouped_validation_split(
            train, fraction=config.data.validation_fraction, seed=config.data.validation_seed
        )
    share, seed = config.data.fraction, config.data.fraction_seed
    kept = train if share == 1 else target_fraction(train, fraction=share, seed=seed)
    if config.distill.num_unlabelled == 0:
        return TargetParts(kept, held_out)
    if config.data.unlabelled == "rest":
        rest = target_rest(train, fraction=share, seed=seed)
        return TargetParts(kept, held_out, rest.rss_dbm)
    of_file = load_unlabelled(config.target, kept.access_points, data_dir=config.data_dir or None)
    return TargetParts(kept, held_out, of_file)


def bundle_folder(config: ConfigDict, workdir: str | Path) -> Path:
    """Where a run's teacher bundles lie: `bundle_dir`, else the folder teachers/ beside it.

    Args:
        config: the run's configuration; read here: `bundle_dir`.
        workdir: the run's folder.

    Returns:
        Path.

    Example:
        >>> from rsstl_jax import default_config
        >>> bundle_folder(default_config(), "results/uji").as_posix()
        'results/teachers'
    """
    return Path(config.bundle_dir) if config.bundle_dir else Path(workdir).parent / "teachers"


def run_expert(config: ConfigDict, workdir: str | Path) -> Teachers:
    """Phases 0 and 1 alone: makes the bundles of all sources.

    Args:
        config: the run's configuration.
        workdir: folder of the run.

    Returns:
        Teachers.

    Raises:
        ConfigError: if the configuration cannot be run.
        DataError: if a source cannot be read, or is from the target's building.
        DivergedError: if a training stops being finite.
        LockedError: if another process works in the workdir.

    Example:
        >>> import tempfile
        >>> from rsstl_jax import make_config
        >>> config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     teachers = run_expert(config, Path(folder) / "run")
        >>> sorted(teachers.reports["synthetic-mall"])
        ['jax', 'quality']
    """
    validate(config)
    check_sources(config.target, name_list(config.sources))
    make_network(config)
    with locked(workdir):
        recorder = open_workdir(config, workdir)
        sources = _read_sources(config)
        log_start(recorder, _digests(sources))
        return make_teachers(config, bundle_folder(config, workdir), recorder, sources=sources)


def _read_sources(config: ConfigDict) -> dict[str, Fingerprints | MissingDataError]:
    sources = read_sources(config)
    for source, part in sources.items():
        if isinstance(part, Fingerprints):
            make_localizer(site_config(config, source), part).shapes(part.num_access_points)
    return sources


def _digests(parts: Mapping[str, Fingerprints | MissingDataError]) -> dict[str, str]:
    return {name: p.digest() for name, p in parts.items() if isinstance(p, Fingerprints)}


def run_distillation(
    config: ConfigDict, workdir: str | Path, *, students: Mapping[str, Variant] = STUDENTS
) -> dict[str, Any]:
    """All phases on one target: stand-alone and distilled students of every seed, measured.

    Leaves in the workdir: config.json, metrics.jsonl, checkpoints/, students/, result.json,
    predictions.csv, cdf.png, map.png. Started again, it goes on where it stopped.

    Args:
        config: the run's configuration.
        workdir: folder of the run.
        students: {name: what sets it apart}, of which one is trained for every seed. All are
            replicas of one compiled program; more of them, and more seeds, may be asked for later.

    Returns:
        The content of result.json.

    Raises:
        ConfigError: if the configuration cannot be run, or the workdir holds another one's run.
        DataError: if a dataset cannot be read, or a source is from the target's building.
        DivergedError: if a training stops being finite.
        LockedError: if another process works in the workdir.

    Example:
        >>> import tempfile
        >>> from rsstl_jax import make_config
        >>> config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     result = run_distillation(config, Path(folder) / "run")
        >>> result["sources"], len(result["students"]["distilled"]["mae_m"])
        (['synthetic-mall'], 1)
    """
    validate(config)
    check_sources(config.target, name_list(config.sources))
    _check_students(config, students)
    parts = target_parts(config)
    # What cannot be learnt from is refused before the hours that the teachers may take.
    make_localizer(config, parts.train).shapes(parts.train.num_access_points)
    with locked(workdir):
        recorder = open_workdir(config, workdir)
        sources = _read_sources(config)
        digests = _digests({config.target: parts.train, **sources})
        if config.data.unlabelled == "file":
            content = np.ascontiguousarray(parts.unlabelled_dbm).tobytes()
            digests[f"{config.target}, unlabelled"] = hashlib.sha256(content).hexdigest()
        log_start(recorder, digests)
        bundles = bundle_folder(config, workdir)
        teachers = make_teachers(config, bundles, recorder, sources=sources)
        predicted_m = _train(config, parts, teachers, students, recorder)
        qualities = {name: report["quality"] for name, report in teachers.reports.items()}
        return write_result(
            config,
            parts.held_out,
            predicted_m,
            Path(workdir),
            terms=active_terms(config),
            num_train=len(parts.train),
            teachers=qualities,
        )


def _check_students(config: ConfigDict, students: Mapping[str, Variant]) -> None:
    for name, variant in students.items():
        check_variant(config, variant)
        if told_by_mean(config, variant) and "standalone" not in students:
            raise ConfigError(f"{name} is told by a mean with the student standalone; ask for both")


def _train(
    config: ConfigDict,
    parts: TargetParts,
    teachers: Teachers,
    students: Mapping[str, Variant],
    recorder: Recorder,
) -> dict[int, dict[str, np.ndarray]]:
    """{seed: {student: places of the held-out part}}, the students trained and saved.

    Beside them what their site-agnostic teachers say, and the mean of that and the stand-alone one.
    """
    trainings = {
        f"seed-{seed}/{student}": (seed, variant)
        for seed in config.seeds
        for student, variant in students.items()
    }
    agnostic, answers = teachers.agnostic, None
    if agnostic is not None:
        answers = answer(agnostic.settings, agnostic.members, parts.train, parts.unlabelled_dbm)
    train = partial(
        train_students, config, parts.train, teachers.generator, teachers.params, recorder=recorder
    )
    first = {name: own for name, own in trainings.items() if not told_by_mean(config, own[1])}
    localizer, trained = train(first, answers=answers)
    for name in [name for name in trainings if name not in first]:
        # After the stand-alone student of its seed, whose places it is told of.
        alone = trained[f"seed-{trainings[name][0]}/standalone"]
        assert answers is not None, "validate lets nothing unlabelled in without such teachers"
        of_both = average_with(answers, localizer, alone)
        trained |= train({name: trainings[name]}, answers=of_both)[1]
    predict = make_predictor(localizer, parts.held_out)
    predicted_m: dict[int, dict[str, np.ndarray]] = {}
    for name, params in trained.items():
        student = Student(localizer, params, parts.train.access_points, config.target)
        report = partial(recorder.report, name)
        save_student(recorder.workdir / "students" / name, config, student, report=report)
        seed, _ = trainings[name]
        predicted_m.setdefault(seed, {})[name.partition("/")[2]] = predict(params)
    if agnostic is not None:
        at_target = make_agnostic_localizer(agnostic.settings, parts.train)
        places_m = predict_members_m(at_target, agnostic.members, parts.held_out)
        for of_seed in predicted_m.values():
            of_seed["agnostic"] = places_m
            if "standalone" in of_seed:
                of_seed["mean"] = (places_m + of_seed["standalone"]) / 2
    return predicted_m
