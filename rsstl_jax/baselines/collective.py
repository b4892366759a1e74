"""The baseline that trains one body on all sources at once [Klus et al. 2021]."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import optax

from rsstl_jax._numerics import seed_key
from rsstl_jax.baselines.transfer import get_body, put_body
from rsstl_jax.engine.fit_network import fit_for
from rsstl_jax.engine.loop import Step, fit, make_step
from rsstl_jax.engine.site_job import SiteJob
from rsstl_jax.engine.site_network import SiteNetwork
from rsstl_jax.engine.train_state import make_optimizer, make_state
from rsstl_jax.losses import localization_loss
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Batch, Params

FROZEN_FRACTION = 0.15
"""Fraction of the target's epochs in which the body stays frozen [Klus et al.]."""
FINE_TUNING = 0.1
"""Factor of the learning rate once the body is free [Klus et al. 2021]."""


def make_collective_step(
    site_networks: Sequence[SiteNetwork], tx: optax.GradientTransformation
) -> Step:
    """A step of one body and N encoders and regressors on the sum of the sources' J_MAE."""

    def loss(
        params: Params, rows: jax.Array, key: jax.Array, context: Sequence[Batch]
    ) -> jax.Array:
        losses = []
        for index, (site_network, part) in enumerate(zip(site_networks, context, strict=True)):
            batch = jax.tree.map(lambda leaf, rows=rows[:, index]: leaf[rows], part)
            at_site = put_body(params["sites"][index], params["body"])
            out = site_network.represent(at_site, batch.rss_dbm, key=jax.random.fold_in(key, index))
            predicted_m = out.location * site_network.preprocessor.scale_m
            losses.append(localization_loss(predicted_m, batch.centered_m).mean())
        return jnp.stack(losses).sum()

    return make_step(loss, tx)


def _common_body(
    job: SiteJob, sources: Mapping[str, SiteJob], *, seed: int, recorder: Recorder
) -> Params:
    """Trains the body that all sources share, on a batch from each at every step."""
    name = f"seed-{seed}/collective-sources"
    keys = jax.random.split(seed_key(seed), len(sources) + 1)
    jobs = list(sources.values())
    fresh = [source.init(key) for source, key in zip(jobs, keys, strict=False)]
    body = get_body(fresh[0])
    trained = recorder.load_final(name, body)
    if trained is not None:
        return trained
    nothing: Params = {"framer": {}, "extractor": {}}
    params = {"body": body, "sites": [put_body(site, nothing) for site in fresh]}
    # An epoch passes once over the largest source; smaller ones come round more often.
    largest = max(len(source.train) for source in jobs)
    rows = jnp.stack([jnp.arange(largest) % len(source.train) for source in jobs], axis=1)
    epochs = max(source.epochs * len(source.train) // largest for source in jobs)
    batch_size = min(job.config.train.batch_size, largest)
    num_steps = epochs * (largest // batch_size)
    tx = make_optimizer(job.learning_rate, job.config.train.schedule, num_steps)
    state = fit(
        make_collective_step([source.site_network for source in jobs], tx),
        make_state(params, tx),
        rows,
        keys[-1],
        epochs=epochs,
        batch_size=batch_size,
        name=name,
        recorder=recorder,
        context=[source.data for source in jobs],
        mesh=job.mesh,
    )
    recorder.save_final(name, state.params["body"], epochs)
    return state.params["body"]


def _freeze_body(params: Params) -> Params:
    """Labels for `optax.multi_transform`: "body", and "site" for the rest."""
    labels = jax.tree.map(lambda _: "site", params)
    return put_body(labels, jax.tree.map(lambda _: "body", get_body(params)))


def collective_transfer(
    job: SiteJob, sources: Mapping[str, SiteJob], *, seed: int, recorder: Recorder
) -> Params:
    """One body trained on all sources at once, then fitted to the target (`**`) [Klus et al.]."""
    name = f"seed-{seed}/collective"
    trained = recorder.load_final(name, job.shapes)
    if trained is not None:
        return trained
    body = _common_body(job, sources, seed=seed, recorder=recorder)
    init_key, *train_keys = jax.random.split(seed_key(seed), 3)
    params = put_body(job.init(init_key), body)
    frozen = max(1, round(FROZEN_FRACTION * job.epochs))
    stages = {
        "frozen": (frozen, job.learning_rate),
        "free": (max(1, job.epochs - frozen), FINE_TUNING * job.learning_rate),
    }
    for (stage, (epochs, rate)), key in zip(stages.items(), train_keys, strict=True):
        num_steps = epochs * (len(job.train) // job.batch_size)
        tx = make_optimizer(rate, job.config.train.schedule, num_steps)
        if stage == "frozen":
            tx = optax.multi_transform({"site": tx, "body": optax.set_to_zero()}, _freeze_body)
        params = fit_for(epochs, job, params, key, tx, name=f"{name}-{stage}", recorder=recorder)
    recorder.save_final(name, params, job.epochs)
    return params
