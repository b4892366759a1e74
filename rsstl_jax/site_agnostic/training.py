"""Training a site-agnostic network over episodes, and using it at a site."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike
from ml_collections import ConfigDict

from rsstl_jax._numerics import seed_key
from rsstl_jax.data import Fingerprints
from rsstl_jax.engine.loop import Step, fit, make_step
from rsstl_jax.engine.mesh import make_mesh
from rsstl_jax.engine.radio_map import RadioMap, full_support
from rsstl_jax.engine.replicas import stack
from rsstl_jax.engine.site_network import SiteNetwork, in_chunks, make_supported_site_network
from rsstl_jax.engine.train_state import make_optimizer, make_state
from rsstl_jax.losses import localization_loss
from rsstl_jax.models.network import init_params
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.models.site_agnostic.support import Support
from rsstl_jax.models.site_agnostic.token_network import AgnosticNetwork, make_agnostic
from rsstl_jax.site_agnostic.episodes import (
    Episode,
    Sources,
    draw_episode,
    make_sources,
    tuning_episodes,
)
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Params

EPISODES_PER_EPOCH = 100
"""Episodes have no end of their own; an epoch is what lies between two looks at the device."""

MAX_GRADIENT_M = 10.0
"""Norm to which larger gradients are cut, metres: some episodes have hardly any support."""


def make_agnostic_site_network(settings: AgnosticSettings, train: Fingerprints) -> SiteNetwork:
    """A site-agnostic network at a site, whose training set is its radio map."""
    return make_supported_site_network(make_agnostic(settings), train)


def init_agnostic(settings: AgnosticSettings, key: jax.Array) -> Params:
    """Fresh parameters; they fit every site."""
    level, position = jnp.zeros((1, 1), jnp.float32), jnp.zeros((1, 2), jnp.float32)
    support = full_support(RadioMap(level, position, jnp.zeros(1, jnp.int32)))
    return init_params(make_agnostic(settings), key, level, support)


def make_episode_step(
    network: AgnosticNetwork,
    settings: ConfigDict,
    tx: optax.GradientTransformation,
    *,
    num_rows: int,
) -> Step:
    """A step on the mean Euclidean error of the queries of its episodes, in metres."""

    def episode_loss(params: Params, episode: Episode) -> jax.Array:
        out = network.apply({"params": params}, episode.level, episode.support, train=True)
        return localization_loss(out.location, episode.position).mean()

    def loss(params: Params, batch: jax.Array, key: jax.Array, sources: Sources) -> jax.Array:
        draw = partial(draw_episode, sources=sources, settings=settings, num_rows=num_rows)
        if len(batch) == 1:
            return episode_loss(params, draw(key))
        # Each from a number of the batch: where that is sharded, so are the episodes.
        episodes = jax.vmap(lambda number: draw(jax.random.fold_in(key, number)))(batch)
        return jax.vmap(episode_loss, (None, 0))(params, episodes).mean()

    return make_step(loss, tx)


def fit_agnostic(
    config: ConfigDict,
    parts: Sequence[Fingerprints],
    network: AgnosticSettings,
    *,
    seed: int,
    name: str,
    recorder: Recorder,
    tuned_from: Params | None = None,
) -> Params:
    """Trains a network on episodes of the given sites, or tunes a trained one."""
    plan, episodes = config.agnostic, config.agnostic.episodes
    if tuned_from is not None:
        plan, episodes = config.agnostic.tune, tuning_episodes(config)
    init_key, train_key = jax.random.split(seed_key(seed))
    start = init_agnostic(network, init_key)
    finished = recorder.load_final(name, start)
    if finished is not None:
        return finished
    per_step = config.agnostic.episodes_per_step
    num_steps = plan.epochs * (EPISODES_PER_EPOCH // per_step)
    tx = optax.chain(
        optax.clip_by_global_norm(MAX_GRADIENT_M),
        make_optimizer(plan.learning_rate, "cosine", num_steps),
    )
    state = fit(
        make_episode_step(
            make_agnostic(network), episodes, tx, num_rows=max(len(part) for part in parts)
        ),
        make_state(start if tuned_from is None else tuned_from, tx),
        jnp.arange(EPISODES_PER_EPOCH),
        train_key,
        epochs=plan.epochs,
        batch_size=per_step,
        name=name,
        recorder=recorder,
        context=make_sources(parts),
        mesh=make_mesh(config.run.mesh),
    )
    recorder.save_final(name, state.params, plan.epochs)
    return state.params


def fit_members(
    config: ConfigDict,
    parts: Sequence[Fingerprints],
    network: AgnosticSettings,
    seeds: Sequence[int],
    name: str,
    recorder: Recorder,
    *,
    tuned_from: Sequence[Params] | None = None,
) -> tuple[Params, ...]:
    """The ensemble members: a training on the sources per seed, or members tuned at a target."""
    starts = tuned_from or [None] * len(seeds)
    train = partial(fit_agnostic, config, parts, network, recorder=recorder)
    return tuple(
        train(seed=seed, name=f"{name}/seed-{seed}", tuned_from=start)
        for seed, start in zip(seeds, starts, strict=True)
    )


def predict_members_m(
    site_network: SiteNetwork, members: Sequence[Params], rss_dbm: ArrayLike
) -> np.ndarray:
    """The mean of the members' positions, float64[n, 2] m, for float[n, A] dBm, NaN: undetected."""
    locate = partial(mean_location, site_network.network, stack(members), site_network.support)
    preprocessor = site_network.preprocessor
    units = in_chunks(locate, preprocessor.encode(np.asarray(rss_dbm, np.float32)))
    return preprocessor.uncenter(np.asarray(units * preprocessor.scale_m))


@partial(jax.jit, static_argnums=0)
def mean_location(
    network: AgnosticNetwork, members: Params, support: Support, level: jax.Array
) -> jax.Array:
    """Mean location of stacked members; the tokens do not depend on them and are made once."""
    locate = jax.vmap(lambda params: network.apply({"params": params}, level, support).location)
    return locate(members).mean(axis=0)
