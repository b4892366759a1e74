"""The whole job on one target, top to bottom: read, teach, distil, evaluate, report."""

import hashlib
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from rsstl_jax.config.rules import name_list
from rsstl_jax.config.schema import validate
from rsstl_jax.data import check_sources
from rsstl_jax.data.buildings import check_no_copy
from rsstl_jax.data.target import TargetParts, target_parts
from rsstl_jax.engine.prototypes import Prototypes, make_prototypes
from rsstl_jax.engine.saved_student import Student, load_prototypes, save_student
from rsstl_jax.engine.site_job import SiteJob, make_site_job
from rsstl_jax.engine.site_network import make_locate_fn
from rsstl_jax.errors import DamagedError
from rsstl_jax.models import make_network
from rsstl_jax.phases.alignment_terms import TERMS
from rsstl_jax.phases.distillation import train_students
from rsstl_jax.phases.student_specs import (
    STUDENTS,
    StudentPlan,
    StudentSpec,
    check_plans,
    plan_students,
)
from rsstl_jax.phases.teacher_set import SourceJobs, TeacherSet, make_source_jobs, make_teachers
from rsstl_jax.report.predicted import count_by_group, predict
from rsstl_jax.report.run_result import write_result
from rsstl_jax.site_agnostic.baseline_rows import predict_baselines
from rsstl_jax.site_agnostic.teacher_outputs import average_with_student, cross_predict
from rsstl_jax.site_agnostic.training import make_agnostic_site_network, predict_members_m
from rsstl_jax.store.files import as_path
from rsstl_jax.store.lock import locked
from rsstl_jax.store.processes import in_first
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.store.workdir import log_start, open_workdir

_log = logging.getLogger(__name__)


def bundle_folder(config: ConfigDict, workdir: str | Path) -> Path:
    """Where a run's teacher bundles lie: `bundle_dir`, else the folder teachers/ beside it."""
    if config.bundle_dir:
        return as_path("bundle_dir", config.bundle_dir)
    return as_path("workdir", workdir).parent / "teachers"


def run_expert(config: ConfigDict, workdir: str | Path) -> TeacherSet:
    """Phases 0 and 1 alone: makes the teacher bundles of all sources.

    Args:
        config: the run's configuration.
        workdir: folder of the run.

    Returns:
        TeacherSet.

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
    workdir = as_path("workdir", workdir)
    check_sources(config.target, name_list(config.sources))
    network = make_network(config)
    with locked(workdir):
        recorder = open_workdir(config, workdir)
        sources = make_source_jobs(config)
        log_start(recorder, _source_digests(sources))
        return make_teachers(config, network, sources, bundle_folder(config, workdir), recorder)


def run_distillation(
    config: ConfigDict, workdir: str | Path, *, students: Mapping[str, StudentSpec] = STUDENTS
) -> dict[str, Any]:
    """All phases on one target: baseline and distilled students of every seed, measured.

    Leaves in the workdir: config.json, metrics.jsonl, checkpoints/, students/, result.json,
    predictions.csv, cdf.png, map.png, report.html. Started again, it goes on where it stopped.

    Args:
        config: the run's configuration.
        workdir: folder of the run.
        students: {name: what sets it apart}, of which one is trained for every seed. All share one
            compiled step; more of them, and more seeds, may be asked for later. A name stands for
            one student in a workdir.

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
        >>> config.teacher.kind, config.run.baselines = "untrained", ""  # a control of seconds
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     result = run_distillation(config, Path(folder) / "run")
        >>> result["sources"], len(result["students"]["distilled"]["mae_m"])
        (['synthetic-mall'], 1)
    """
    validate(config)
    workdir = as_path("workdir", workdir)
    check_sources(config.target, name_list(config.sources))
    parts = target_parts(config)
    _log.info("preparing the students of %s: %d fingerprints", config.target, len(parts.train))
    # What cannot be learnt from is refused before the hours that the teachers may take.
    job = make_site_job(config, parts.train)
    plans = plan_students(config, job.network, students)
    with locked(workdir):
        recorder = open_workdir(config, workdir, "rsstl distill")
        sources = make_source_jobs(config)
        for source in sources.values():
            if isinstance(source, SiteJob):
                check_no_copy(parts.train, source.train)
        digests = {config.target: parts.train.digest()}
        if config.data.unlabelled == "file":
            content = np.ascontiguousarray(parts.unlabelled_dbm).tobytes()
            digests[f"{config.target}, unlabelled"] = hashlib.sha256(content).hexdigest()
        log_start(recorder, digests | _source_digests(sources), config.run.mesh)
        recorder.log_once({"run": "students", "students": check_plans(recorder, plans)})
        bundles = bundle_folder(config, workdir)
        teachers = make_teachers(config, job.network, sources, bundles, recorder)
        first = f"seed-{config.seeds[0]}/{next(iter(plans))}"
        prototypes = _make_prototypes(job, Path(workdir) / "students" / first)
        trained = _train(job, parts, teachers, plans, prototypes, recorder)
        _save_students(config, trained, recorder)
        weighed = {term for plan in plans.values() for term in plan.terms}
        terms = [term for term in TERMS if term in weighed]
        return _write_result(job, parts, teachers, trained, terms, recorder)


def _source_digests(sources: SourceJobs) -> dict[str, str]:
    return {name: job.train.digest() for name, job in sources.items() if isinstance(job, SiteJob)}


Trained = dict[int, dict[str, Student]]
"""{seed: {name: student}}."""


def _train(
    job: SiteJob,
    parts: TargetParts,
    teachers: TeacherSet,
    plans: Mapping[str, StudentPlan],
    prototypes: Prototypes,
    recorder: Recorder,
) -> Trained:
    students = {
        f"seed-{seed}/{name}": (seed, plan)
        for seed in job.config.seeds
        for name, plan in plans.items()
    }
    outputs = None
    if teachers.agnostic is not None:
        settings, members = teachers.agnostic.settings, teachers.agnostic.members
        outputs = in_first(cross_predict)(settings, members, parts.train, parts.unlabelled_dbm)
    train = partial(train_students, job, teachers, recorder=recorder)
    first = {name: own for name, own in students.items() if not own[1].labelled_by_mean}
    params = train(first, outputs=outputs)
    for name, (seed, plan) in students.items():
        if plan.labelled_by_mean:
            # After the baseline student of its seed, whose positions are in the mean.
            assert outputs is not None, "validate lets nothing unlabelled in without such teachers"
            baseline = params[f"seed-{seed}/standalone"]
            means = in_first(average_with_student)(outputs, job.site_network, baseline)
            params |= train({name: (seed, plan)}, outputs=means)
    trained: Trained = {}
    for name, student_params in params.items():
        trained.setdefault(students[name][0], {})[name.partition("/")[2]] = Student(
            job.site_network,
            student_params,
            parts.train.access_points,
            parts.train.dataset,
            prototypes=prototypes,
            layout=parts.train.layout,
        )
    return trained


@in_first
def _save_students(config: ConfigDict, trained: Trained, recorder: Recorder) -> None:
    for seed, students in trained.items():
        for name, student in students.items():
            name = f"seed-{seed}/{name}"
            folder = recorder.workdir / "students" / name
            save_student(folder, config, student, report=partial(recorder.report, name))


@in_first
def _make_prototypes(job: SiteJob, folder: Path) -> Prototypes:
    """With the floor head of a student saved by an earlier start, or with one trained now."""
    try:
        saved = load_prototypes(folder, job.train.num_access_points)
    except DamagedError:
        saved = None  # `save_student` writes it anew and says so.
    return make_prototypes(job.train, job.site_network.preprocessor, saved)


@in_first
def _write_result(
    job: SiteJob,
    parts: TargetParts,
    teachers: TeacherSet,
    trained: Trained,
    terms: list[str],
    recorder: Recorder,
) -> dict[str, Any]:
    """Measures students, site-agnostic teachers and the mean of both, and writes what is left."""
    config, held_out = job.config, parts.held_out
    locate = make_locate_fn(job.site_network)
    positions_m = {
        seed: {name: locate(one.params, held_out.rss_dbm) for name, one in students.items()}
        for seed, students in trained.items()
    }
    if teachers.agnostic is not None:
        site_network = make_agnostic_site_network(teachers.agnostic.settings, parts.train)
        teachers_m = predict_members_m(site_network, teachers.agnostic.members, held_out.rss_dbm)
        for by_name in positions_m.values():
            by_name["agnostic"] = teachers_m
            if "standalone" in by_name:
                by_name["mean"] = (teachers_m + by_name["standalone"]) / 2
    # Floors are read off the prototypes alone: they are the same for all of them.
    labels = predict(next(iter(next(iter(trained.values())).values())), held_out)
    return write_result(
        config,
        held_out,
        {
            seed: {name: labels._replace(position_m=one_m) for name, one_m in by_name.items()}
            for seed, by_name in positions_m.items()
        },
        recorder.workdir,
        sources=list(name_list(config.sources)),
        terms=terms,
        num_train=len(parts.train),
        **count_by_group(parts.train, held_out),
        teachers={name: report["quality"] for name, report in teachers.reports.items()},
        baselines=predict_baselines(config, parts),
    )
