"""All teachers of a run: bundles of an earlier run whose cards match, else phases 0 and 1."""

import logging
import zlib
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from rsstl_jax._numerics import seed_key
from rsstl_jax.config.contradictions import WITH_AGNOSTIC
from rsstl_jax.config.recipes import site_config
from rsstl_jax.config.rules import name_list
from rsstl_jax.data import load_radio_map
from rsstl_jax.engine.replicas import stack
from rsstl_jax.engine.site_job import SiteJob, make_site_job
from rsstl_jax.errors import MissingDataError
from rsstl_jax.models import Network
from rsstl_jax.models.generator import Generator, make_generator
from rsstl_jax.models.network import init_params
from rsstl_jax.phases.bundle import Bundle, load_bundle, make_card, save_bundle
from rsstl_jax.phases.expert_training import represent_source, train_expert
from rsstl_jax.phases.generators import input_width
from rsstl_jax.phases.specialise import specialise
from rsstl_jax.phases.teacher_quality import measure_teacher
from rsstl_jax.site_agnostic.at_site import Pretrained
from rsstl_jax.site_agnostic.teachers import make_agnostic_teachers
from rsstl_jax.store.lock import load_or_make
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Params

CONTROLS = ("untrained", "noise")
"""Values of `teacher.kind` that need no source."""

SourceJobs = Mapping[str, SiteJob | MissingDataError]
"""{source: its job, or what is missing of its data}."""

_log = logging.getLogger(__name__)


class TeacherSet(NamedTuple):
    """All teachers of a run."""

    generator: Generator  # the module that the surrogate teachers share
    params: Params  # pytree of float[N, ...], in the order of `sources`
    reports: dict[str, dict[str, Any]]  # what each one's bundle reports, by source
    agnostic: Pretrained | None = None  # site-agnostic teachers, beside those or in their place


def make_source_jobs(config: ConfigDict) -> SourceJobs:
    """Reads the sources of a run, each with its own site's recipe; the controls have none."""
    if config.teacher.kind in CONTROLS:
        return {}
    jobs: dict[str, SiteJob | MissingDataError] = {}
    for source in name_list(config.sources):
        try:
            train = load_radio_map(source, data_dir=config.data_dir or None)
        except MissingDataError as error:
            jobs[source] = error
        else:
            jobs[source] = make_site_job(site_config(config, source), train)
    return jobs


def make_teachers(
    config: ConfigDict,
    network: Network,
    sources: SourceJobs,
    bundle_dir: str | Path,
    recorder: Recorder,
) -> TeacherSet:
    """The teachers of a run, in the order of its sources."""
    kind = config.teacher.kind
    generator = make_generator(network, config.teacher.hidden_width)
    if kind in CONTROLS:
        return TeacherSet(generator, _untrained(config, generator), {})
    agnostic = None
    if kind in WITH_AGNOSTIC:
        parts = {
            name: job.train if isinstance(job, SiteJob) else job for name, job in sources.items()
        }
        agnostic = make_agnostic_teachers(config, bundle_dir, recorder, parts)
    if kind == "agnostic":
        return TeacherSet(generator, {}, {}, agnostic)
    bundles: dict[str, Bundle] = {}
    # What cannot be found is said before the hours that training the others may take.
    for source in sorted(sources, key=lambda name: isinstance(sources[name], SiteJob)):
        bundles[source] = _load_or_train(
            config, network, generator, source, sources[source], bundle_dir, recorder
        )
    params = stack([bundles[source][0] for source in sources])
    reports = {source: bundles[source][1] for source in sources}
    return TeacherSet(generator, params, reports, agnostic)


def _untrained(config: ConfigDict, generator: Generator) -> Params:
    """Fresh generators, one a source: the control for what phase 1 adds."""
    codes = jnp.zeros((1, input_width(config.teacher)), jnp.float32)
    keys = jax.random.split(seed_key(config.teacher.seed), len(name_list(config.sources)))
    return stack([init_params(generator, key, codes) for key in keys])


def _load_or_train(
    config: ConfigDict,
    network: Network,
    generator: Generator,
    source: str,
    job: SiteJob | MissingDataError,
    bundle_dir: str | Path,
    recorder: Recorder,
) -> Bundle:
    """A source's bundle; without its data one that an earlier run left."""
    digest = job.train.digest() if isinstance(job, SiteJob) else None
    card = make_card(site_config(config, source), network, source, digest)
    folder = Path(bundle_dir) / f"{config.network.replace(':', '.')}-{source}-{config.recipe}"

    def make() -> Bundle:
        assert isinstance(job, SiteJob), "load_or_make makes nothing of missing data"
        params, report = _train_teacher(job, source, generator, recorder)
        save_bundle(folder, card, params, report=report)
        return params, report

    return load_or_make(
        folder,
        partial(load_bundle, folder, card),
        make,
        report=partial(recorder.report, f"teacher-{source}"),
        missing=None if isinstance(job, SiteJob) else job,
    )


def _train_teacher(job: SiteJob, source: str, generator: Generator, recorder: Recorder) -> Bundle:
    name = f"teacher-{source}"
    # A seed of the source's own: a student of the same seed must not start at the same parameters.
    seed = (job.config.teacher.seed + zlib.crc32(source.encode())) % 2**32
    network_params = specialise(job, seed=seed, name=f"{name}/specialise", recorder=recorder)
    real = represent_source(job, network_params)
    params = train_expert(
        job, generator, network_params, real, name=f"{name}/expert", recorder=recorder
    )
    quality, plane = measure_teacher(job, network_params, real, generator, params)
    recorder.log_once({"run": f"{name}/expert", "quality": quality})
    # In the workdir alone: a bundle holds nothing of its source's data.
    recorder.log_once({"run": f"{name}/expert", "plane": plane})
    if quality["collapsed"]:
        _log.warning("the teacher of %s has collapsed: %s", source, quality)
    return params, {"quality": quality, "jax": version("jax")}
