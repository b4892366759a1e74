"""The rival that trains one body on all sources at once [Klus et al. 2021]."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from rsstl_jax.baselines.transfer import transfer_localizer
from rsstl_jax.baselines.transfer_network import get_body, put_body
from rsstl_jax.config.recipes import site_config
from rsstl_jax.data import Fingerprints
from rsstl_jax.engine.localizer import Localizer, make_batch
from rsstl_jax.engine.loop import Step, effective_batch_size, fit
from rsstl_jax.engine.train_state import (
    TrainState,
    descend,
    learning_rate,
    make_optimizer,
    make_state,
)
from rsstl_jax.losses import localization_loss
from rsstl_jax.phases.specialise import make_specialise_step
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Batch, Params

__all__ = ["collective_transfer", "make_collective_step"]

FROZEN_SHARE = 0.15
"""Share of the target's epochs in which collective transfer keeps the body frozen [Klus et al.]."""
FINE_TUNING = 0.1
"""What the learning rate is multiplied with once the body is free [Klus et al.]."""


def make_collective_step(localizers: Sequence[Localizer], tx: optax.GradientTransformation) -> Step:
    """A step of one body and N encoders and regressors on the sum of the sources' J_MAE."""

    def loss_fn(params: Params, batches: Sequence[Batch], key: jax.Array) -> Any:
        losses = []
        for index, (localizer, batch) in enumerate(zip(localizers, batches, strict=True)):
            own = put_body(params["sites"][index], params["body"])
            out = localizer.represent(own, batch.rss_dbm, key=jax.random.fold_in(key, index))
            predicted_m = out.location * localizer.preprocessor.scale_m
            losses.append(localization_loss(predicted_m, batch.centered_m).mean())
        return jnp.stack(losses).sum()

    def step(
        state: TrainState, rows: jax.Array, key: jax.Array, context: Sequence[Batch]
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        batches = [
            jax.tree.map(lambda leaf, i=i: leaf[rows[:, i]], batch)
            for i, batch in enumerate(context)
        ]
        return descend(state, tx, lambda params: loss_fn(params, batches, key))

    return step


def _common_body(
    config: ConfigDict, sources: Mapping[str, Fingerprints], *, seed: int, recorder: Recorder
) -> Params:
    """The body that all sources share, trained on a batch from each at every step."""
    name = f"seed-{seed}/collective-sources"
    keys = jax.random.split(jax.random.key(seed), len(sources) + 1)
    localizers = [transfer_localizer(site_config(config, s), p) for s, p in sources.items()]
    fresh = [
        localizer.init(key, part.num_access_points)
        for localizer, part, key in zip(localizers, sources.values(), keys, strict=False)
    ]
    body = get_body(fresh[0])
    finished = recorder.load_final(name, body)
    if finished is not None:
        return finished
    nothing: Params = {"framer": {}, "extractor": {}}
    params = {"body": body, "sites": [put_body(site, nothing) for site in fresh]}
    # An epoch passes once over the largest source; smaller ones come round more often.
    largest = max(map(len, sources.values()))
    rows = jnp.stack([jnp.arange(largest) % len(part) for part in sources.values()], axis=1)
    epochs = max(
        site_config(config, s).train.epochs * len(p) // largest for s, p in sources.items()
    )
    batch_size = effective_batch_size(config.train.batch_size, largest)
    num_steps = epochs * (largest // batch_size)
    tx = make_optimizer(learning_rate(config), config.train.schedule, num_steps)
    state = fit(
        make_collective_step(localizers, tx),
        make_state(params, tx),
        rows,
        keys[-1],
        epochs=epochs,
        batch_size=batch_size,
        name=name,
        recorder=recorder,
        context=[
            make_batch(part, localizer.preprocessor)
            for part, localizer in zip(sources.values(), localizers, strict=True)
        ],
    )
    recorder.save_final(name, state.params["body"], epochs)
    return state.params["body"]


def _freeze_body(params: Params) -> Params:
    """Labels for `optax.multi_transform`: what belongs to the body, and the rest."""
    labels = jax.tree.map(lambda _: "site", params)
    return put_body(labels, jax.tree.map(lambda _: "body", get_body(params)))


def collective_transfer(
    config: ConfigDict,
    train: Fingerprints,
    sources: Mapping[str, Fingerprints],
    *,
    seed: int,
    recorder: Recorder,
) -> tuple[Localizer, Params]:
    """Trains one body on all sources at once, then fits it to the target (`**`) [Klus et al.
    2021].
    """
    name = f"seed-{seed}/collective"
    localizer = transfer_localizer(config, train)
    finished = recorder.load_final(name, localizer.shapes(train.num_access_points))
    if finished is not None:
        return localizer, finished
    body = _common_body(config, sources, seed=seed, recorder=recorder)
    init_key, *train_keys = jax.random.split(jax.random.key(seed), 3)
    params = put_body(localizer.init(init_key, train.num_access_points), body)
    batch_size = effective_batch_size(config.train.batch_size, len(train))
    frozen = max(1, round(FROZEN_SHARE * config.train.epochs))
    stages = {
        "frozen": (frozen, learning_rate(config)),
        "free": (max(1, config.train.epochs - frozen), FINE_TUNING * learning_rate(config)),
    }
    for (stage, (epochs, rate)), key in zip(stages.items(), train_keys, strict=True):
        num_steps = epochs * (len(train) // batch_size)
        tx = make_optimizer(rate, config.train.schedule, num_steps)
        if stage == "frozen":
            tx = optax.multi_transform({"site": tx, "body": optax.set_to_zero()}, _freeze_body)
        params = fit(
            make_specialise_step(localizer, tx),
            make_state(params, tx),
            make_batch(train, localizer.preprocessor),
            key,
            epochs=epochs,
            batch_size=batch_size,
            name=f"{name}-{stage}",
            recorder=recorder,
            context=localizer.survey,
        ).params
    recorder.save_final(name, params, config.train.epochs)
    return localizer, params
