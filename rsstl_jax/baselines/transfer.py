"""Sequential transfer of parameters from site to site, and its control from scratch."""

from collections.abc import Mapping
from dataclasses import replace

import jax
from ml_collections import ConfigDict

from rsstl_jax.baselines.transfer_network import get_body, make_transfer_network, put_body
from rsstl_jax.config.recipes import site_config
from rsstl_jax.data import Fingerprints
from rsstl_jax.engine.localizer import Localizer
from rsstl_jax.phases.specialise import fit_network, make_localizer
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Params

__all__ = ["scratch", "sequential_transfer", "transfer_localizer"]

ENCODER_WIDTH = 256


def transfer_localizer(config: ConfigDict, train: Fingerprints) -> Localizer:
    """The configured network behind an encoder Dense(A -> 256), at a site."""
    localizer = make_localizer(config, train)
    return replace(localizer, network=make_transfer_network(localizer.network, ENCODER_WIDTH))


def _train_at(
    config: ConfigDict,
    train: Fingerprints,
    body: Params | None,
    key: jax.Array,
    *,
    name: str,
    recorder: Recorder,
) -> tuple[Localizer, Params]:
    """Trains a whole transfer network at one site, with a given body or a fresh one."""
    localizer = transfer_localizer(config, train)
    finished = recorder.load_final(name, localizer.shapes(train.num_access_points))
    if finished is not None:
        return localizer, finished
    init_key, train_key = jax.random.split(key)
    params = localizer.init(init_key, train.num_access_points)
    if body is not None:
        params = put_body(params, body)
    params = fit_network(config, localizer, train, params, train_key, name=name, recorder=recorder)
    return localizer, params


def scratch(
    config: ConfigDict, train: Fingerprints, *, seed: int, recorder: Recorder
) -> tuple[Localizer, Params]:
    """Trains the transfer network on the target alone: what its encoder adds by itself."""
    name = f"seed-{seed}/scratch"
    return _train_at(config, train, None, jax.random.key(seed), name=name, recorder=recorder)


def sequential_transfer(
    config: ConfigDict,
    train: Fingerprints,
    sources: Mapping[str, Fingerprints],
    *,
    seed: int,
    recorder: Recorder,
) -> tuple[Localizer, Params]:
    """Trains the body on source after source, the largest first, and then on the target (`*`)."""
    body = None
    for source in sorted(sources, key=lambda name: -len(sources[name])):
        _, params = _train_at(
            site_config(config, source),
            sources[source],
            body,
            jax.random.fold_in(jax.random.key(seed), len(sources[source])),
            name=f"seed-{seed}/sequential-{source}",
            recorder=recorder,
        )
        body = get_body(params)
    name = f"seed-{seed}/sequential"
    return _train_at(config, train, body, jax.random.key(seed), name=name, recorder=recorder)
