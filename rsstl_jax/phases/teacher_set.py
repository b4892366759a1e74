"""All teachers of a run: bundles of an earlier run whose cards match, else phases 0 and 1."""

import logging
import zlib
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from rsstl_jax.config.contradictions import WITH_AGNOSTIC
from rsstl_jax.config.recipes import site_config
from rsstl_jax.config.rules import name_list
from rsstl_jax.config.schema import flatten
from rsstl_jax.data import load_site
from rsstl_jax.engine.replicas import stack
from rsstl_jax.engine.site_job import SiteJob, make_site_job
from rsstl_jax.errors import DamagedError, DataError, MissingDataError
from rsstl_jax.models import Network
from rsstl_jax.models.generator import Generator, make_generator
from rsstl_jax.models.network import init_params
from rsstl_jax.models.registry import model_section
from rsstl_jax.phases.bundle import BundleCard, load_bundle, save_bundle
from rsstl_jax.phases.expert_training import represent_source, train_expert
from rsstl_jax.phases.specialise import specialise
from rsstl_jax.phases.teacher_quality import measure_teacher
from rsstl_jax.site_agnostic.at_site import Pretrained
from rsstl_jax.site_agnostic.teachers import make_agnostic_teachers
from rsstl_jax.store.lock import locked
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Params

CONTROLS = ("untrained", "noise")
"""Values of `teacher.kind` that need no source."""

SourceJobs = Mapping[str, SiteJob | MissingDataError]
"""{source: its job, or what is missing of its data}."""

Bundle = tuple[Params, dict[str, Any]]
"""(parameters of a generator, its report)."""

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
            train = load_site(source, data_dir=config.data_dir or None).train
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
        folder = Path(bundle_dir) / f"{config.network.replace(':', '.')}-{source}-{config.recipe}"
        job = sources[source]
        if isinstance(job, SiteJob):
            bundles[source] = _load_or_train(job, source, generator, folder, recorder)
        else:
            card = make_card(site_config(config, source), network, source, data_digest=None)
            bundles[source] = _load_unchecked(card, folder, job)
    params = stack([bundles[source][0] for source in sources])
    reports = {source: bundles[source][1] for source in sources}
    return TeacherSet(generator, params, reports, agnostic)


def make_card(
    config: ConfigDict, network: Network, source: str, data_digest: str | None
) -> BundleCard:
    """The card of a source's teacher, with every field that bears on phases 0 and 1."""
    sections = ("input.", "augment.", "train.", "teacher.", model_section(config.network))
    # What other teachers the run has, and its controls, do not bear on a surrogate.
    settings = {
        path: value
        for path, value in flatten(config).items()
        if path.startswith(sections) and path != "teacher.noise"
    } | {"teacher.kind": "surrogate"}
    return BundleCard(
        network=config.network,
        source=source,
        recipe=config.recipe,
        settings=settings,
        data_digest=data_digest,
        frame_width=network.frame_width,
        extract_width=network.extract_width,
        extract_activation=network.extract_activation,
        input_width=_input_width(config.teacher),
        hidden_width=config.teacher.hidden_width,
    )


def _input_width(settings: ConfigDict) -> int:
    return settings.latent_width + (2 if settings.conditioning == "location" else 0)


def _untrained(config: ConfigDict, generator: Generator) -> Params:
    """Fresh generators, one a source: the control for what phase 1 adds."""
    codes = jnp.zeros((1, _input_width(config.teacher)), jnp.float32)
    keys = jax.random.split(jax.random.key(config.teacher.seed), len(name_list(config.sources)))
    return stack([init_params(generator, key, codes) for key in keys])


def _load_unchecked(card: BundleCard, folder: Path, missing: MissingDataError) -> Bundle:
    """The bundle of a source whose data are not at hand."""
    try:
        bundle = load_bundle(folder, card)
    except DamagedError as error:
        raise DataError(f"{missing} And the bundle cannot be used: {error}") from error
    if bundle is None:
        raise missing
    _log.warning("%s is used unchecked: %s", folder, missing)
    return bundle


def _load_or_train(
    job: SiteJob, source: str, generator: Generator, folder: Path, recorder: Recorder
) -> Bundle:
    """A source's bundle; of several runs that need it at once, one makes it and others wait."""
    card = make_card(job.config, job.network, source, job.train.digest())
    with suppress(DamagedError):
        # It needs no lock, so that bundles may lie where one can only read.
        if bundle := load_bundle(folder, card):
            return bundle
    with locked(folder, wait=True):
        try:
            bundle = load_bundle(folder, card)
        except DamagedError as error:
            recorder.report(f"teacher-{source}", f"{error}; it is made anew")
            bundle = None
        if bundle is None:
            bundle = _train_teacher(job, source, generator, recorder)
            save_bundle(folder, card, bundle[0], report=bundle[1])
    return bundle


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
