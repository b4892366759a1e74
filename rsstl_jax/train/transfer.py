"""The rivals that carry parameters from site to site, and their control from scratch."""

from collections.abc import Mapping
from dataclasses import replace

import jax
from ml_collections import ConfigDict

from rsstl_jax.data import Fingerprints
from rsstl_jax.models.transfer import get_body, make_transfer_network, put_body
from rsstl_jax.recipes import site_config
from rsstl_jax.train.localizer import Localizer
from rsstl_jax.train.recorder import Recorder
from rsstl_jax.train.specialise import fit_network, make_localizer
from rsstl_jax.types import Params

__all__ = ["scratch", "sequential_transfer", "transfer_localizer"]

ENCODER_WIDTH = 256


def transfer_localizer(config: ConfigDict, train: Fingerprints) -> Localizer:
    """The configured network behind an encoder Dense(n -> 256), at a site.

    Args:
        config: the site's configuration.
        train: the site's train part, on which the preprocessing is fitted.

    Returns:
        Localizer.

    Example:
        >>> from rsstl_jax import default_config, load_site
        >>> train = load_site("synthetic-office").train
        >>> transfer_localizer(default_config(), train).network.framer.encoder_width
        256
    """
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
    """Trains all of a transfer network at one site, with a body from elsewhere or a fresh one."""
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
    """The transfer network trained at the target alone: what its encoder adds by itself.

    Args:
        config: the run's configuration.
        train: the target's train part.
        seed: of all randomness.
        recorder: takes metrics and states.

    Returns:
        (localizer, parameters).

    Raises:
        DivergedError: if the loss stops being finite.

    Example:
        >>> import tempfile
        >>> from rsstl_jax import load_site, make_config
        >>> config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _, params = scratch(config, load_site("synthetic-office").train, seed=0,
        ...                         recorder=Recorder(folder))
        >>> sorted(params["framer"])
        ['encoder', 'framer']
    """
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
    """Carries the body from source to source, the largest first, and on to the target (`*`).

    Every site has its own encoder Dense(n -> 256) and regressor; at each, everything is trained
    by that site's recipe.

    Args:
        config: the run's configuration.
        train: the target's train part.
        sources: train parts of the sources, by name.
        seed: of all randomness.
        recorder: takes metrics and states.

    Returns:
        (localizer, parameters) at the target.

    Raises:
        DivergedError: if a loss stops being finite.

    Example:
        >>> import tempfile
        >>> from rsstl_jax import load_site, make_config
        >>> config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
        >>> sources = {"synthetic-mall": load_site("synthetic-mall").train}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _, params = sequential_transfer(
        ...         config, load_site("synthetic-office").train, sources, seed=0,
        ...         recorder=Recorder(folder))
        >>> sorted(params["framer"])
        ['encoder', 'framer']
    """
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
