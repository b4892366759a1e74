"""Phases 0 and 1 for every source, or their bundles from an earlier run."""

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
from rsstl_jax.data import Fingerprints, load_site
from rsstl_jax.engine.localizer import Localizer, make_batch
from rsstl_jax.errors import DamagedError, DataError, MissingDataError
from rsstl_jax.models import Generator, make_generator, make_network, model_section, stack_teachers
from rsstl_jax.phases.bundle import BundleCard, load_bundle, save_bundle
from rsstl_jax.phases.expert import SourceBatch, represent_source, train_expert
from rsstl_jax.phases.generators import draw_codes, place_inputs
from rsstl_jax.phases.specialise import specialise
from rsstl_jax.phases.teacher_quality import teacher_quality
from rsstl_jax.site_agnostic.teachers import make_agnostic_teachers
from rsstl_jax.site_agnostic.weights import Pretrained
from rsstl_jax.store.lock import locked
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Params

__all__ = ["Teachers", "make_card", "make_teachers", "read_sources"]

_CONTROLS = ("untrained", "noise")

_log = logging.getLogger(__name__)


class Teachers(NamedTuple):
    """All teachers of a run."""

    generator: Generator  # the module that they share
    params: Params  # pytree of float[N, ...]
    reports: dict[str, dict[str, Any]]  # what each one's bundle reports, by source
    agnostic: Pretrained | None = None  # site-agnostic teachers, beside those or in their place


def make_card(config: ConfigDict, source: str, train: Fingerprints | None) -> BundleCard:
    """The card of the teacher that a run needs from a source."""
    own = site_config(config, source)
    network = make_network(own)
    sections = ("input.", "augment.", "train.", "teacher.", model_section(config.network))
    # What other teachers the run has, and its controls, do not bear on a surrogate.
    settings = {
        path: value
        for path, value in flatten(own).items()
        if path.startswith(sections) and path != "teacher.noise"
    } | {"teacher.kind": "surrogate"}
    place_width = 2 if config.teacher.conditioning == "location" else 0
    return BundleCard(
        network=config.network,
        source=source,
        recipe=config.recipe,
        settings=settings,
        data_digest=None if train is None else train.digest(),
        frame_width=network.frame_width,
        extract_width=network.extract_width,
        extract_activation=network.extract_activation,
        input_width=config.teacher.latent_width + place_width,
        hidden_width=config.teacher.hidden_width,
    )


def read_sources(config: ConfigDict) -> dict[str, Fingerprints | MissingDataError]:
    """The train parts of a run's sources, or what is missing of them."""
    found: dict[str, Fingerprints | MissingDataError] = {}
    if config.teacher.kind in _CONTROLS:
        return found
    for source in name_list(config.sources):
        try:
            found[source] = load_site(source, data_dir=config.data_dir or None).train
        except MissingDataError as error:
            found[source] = error
    return found


def make_teachers(
    config: ConfigDict,
    bundle_dir: str | Path,
    recorder: Recorder,
    *,
    sources: Mapping[str, Fingerprints | MissingDataError] | None = None,
) -> Teachers:
    """The teachers of a run: from bundles whose cards match, trained where there is none."""
    network = make_network(config)
    generator = make_generator(network, config.teacher.hidden_width)
    if config.teacher.kind in _CONTROLS:
        return Teachers(generator, _untrained(config, generator), {})
    sources = read_sources(config) if sources is None else sources
    agnostic = None
    if config.teacher.kind in WITH_AGNOSTIC:
        agnostic = make_agnostic_teachers(config, bundle_dir, recorder, sources)
    if config.teacher.kind == "agnostic":
        return Teachers(generator, {}, {}, agnostic)
    bundles = {}
    # What cannot be found is said before the hours that training the others may take.
    for source, part in sorted(sources.items(), key=lambda own: isinstance(own[1], Fingerprints)):
        network_name = config.network.replace(":", ".")
        folder = Path(bundle_dir) / f"{network_name}-{source}-{config.recipe}"
        if isinstance(part, MissingDataError):
            bundles[source] = _find_unchecked(config, source, folder, part)
        else:
            bundles[source] = _find_or_train(config, source, folder, part, recorder)
    params = [bundles[source][0] for source in sources]
    reports = {source: bundles[source][1] for source in sources}
    return Teachers(generator, stack_teachers(params), reports, agnostic)


Bundle = tuple[Params, dict[str, Any]]


def _find_unchecked(
    config: ConfigDict, source: str, folder: Path, missing: MissingDataError
) -> Bundle:
    """The bundle of a source whose data are not at hand."""
    try:
        bundle = load_bundle(folder, make_card(config, source, None))
    except DamagedError as error:
        raise DataError(f"{missing} And the bundle cannot be used: {error}") from error
    if bundle is None:
        raise missing
    _log.warning("%s is used unchecked: %s", folder, missing)
    return bundle


def _find_or_train(
    config: ConfigDict, source: str, folder: Path, train: Fingerprints, recorder: Recorder
) -> Bundle:
    """A source's bundle; of several runs that need it at once, one makes it and others wait."""
    card = make_card(config, source, train)
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
            bundle = _train_teacher(config, source, train, recorder)
            save_bundle(folder, card, bundle[0], report=bundle[1])
    return bundle


def _untrained(config: ConfigDict, generator: Generator) -> Params:
    """Fresh generators, one a source: the control for what phase 1 adds."""
    sources = name_list(config.sources)
    codes = jnp.zeros((1, make_card(config, sources[0], None).input_width))
    keys = jax.random.split(jax.random.key(config.teacher.seed), len(sources))
    return stack_teachers([generator.init(key, codes)["params"] for key in keys])


def _train_teacher(
    config: ConfigDict, source: str, train: Fingerprints, recorder: Recorder
) -> tuple[Params, dict[str, Any]]:
    own = site_config(config, source)
    name = f"teacher-{source}"
    # Initial parameters of the source's own: those of a student of the same seed would be the same.
    seed = (own.teacher.seed + zlib.crc32(source.encode())) % 2**32
    localizer, network_params = specialise(
        own, train, seed=seed, name=f"{name}/specialise", recorder=recorder
    )
    batch = make_batch(train, localizer.preprocessor)
    data = represent_source(localizer, network_params, batch)
    generator, params = train_expert(
        own, localizer, network_params, data, name=f"{name}/expert", recorder=recorder
    )
    quality = _measure(own, localizer, network_params, data, generator, params)
    recorder.log_once({"run": f"{name}/expert", "quality": quality})
    if quality["collapsed"]:
        _log.warning("the teacher of %s has collapsed: %s", source, quality)
    return params, {"quality": quality, "jax": version("jax")}


def _measure(
    own: ConfigDict,
    localizer: Localizer,
    network_params: Params,
    data: SourceBatch,
    generator: Generator,
    params: Params,
) -> dict[str, float | bool]:
    @jax.jit
    def decode(data: SourceBatch) -> tuple[jax.Array, jax.Array]:
        codes = draw_codes(
            jax.random.key(own.teacher.seed), data.row, latent_width=own.teacher.latent_width
        )
        place = data.centered_m / localizer.preprocessor.scale_m
        inputs = place_inputs(codes, place, conditioning=own.teacher.conditioning)
        generated = generator.apply({"params": params}, inputs)[1]
        return generated, localizer.regress(network_params, generated)

    generated, decoded_m = decode(data)
    distance_m = jnp.linalg.norm(decoded_m - data.centered_m, axis=1)
    return teacher_quality(data.extract, generated, distance_m)
