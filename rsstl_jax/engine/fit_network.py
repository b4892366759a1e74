"""Training a network on J_MAE alone: phase 0 and transfer; phase 2 has a step of its own."""

from collections.abc import Callable

import jax
import optax

from rsstl_jax.engine.loop import Step, fit, make_step
from rsstl_jax.engine.radio_map import RadioMap
from rsstl_jax.engine.site_job import SiteJob
from rsstl_jax.engine.site_network import SiteNetwork
from rsstl_jax.engine.train_state import make_state
from rsstl_jax.losses import localization_loss
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Batch, Params


def make_localization_step(site_network: SiteNetwork, tx: optax.GradientTransformation) -> Step:
    """A step on J_MAE alone: the mean Euclidean error in metres (Eq. 2)."""

    def loss(params: Params, batch: Batch, key: jax.Array, radio_map: RadioMap | None) -> jax.Array:
        network = site_network.for_step(key, radio_map, batch.row)
        out = network.represent(params, batch.rss_dbm, key=jax.random.fold_in(key, 0))
        predicted_m = out.location * site_network.preprocessor.scale_m
        return localization_loss(predicted_m, batch.centered_m).mean()

    return make_step(loss, tx)


def fit_network(
    job: SiteJob, start: Callable[[], Params], key: jax.Array, *, name: str, recorder: Recorder
) -> Params:
    """Trains a network by its job's plan, or loads what an earlier start of the run trained."""
    trained = recorder.load_final(name, job.shapes)
    if trained is not None:
        return trained
    params = fit_for(job.epochs, job, start(), key, job.optimizer(), name=name, recorder=recorder)
    recorder.save_final(name, params, job.epochs)
    return params


def fit_for(
    epochs: int,
    job: SiteJob,
    params: Params,
    key: jax.Array,
    tx: optax.GradientTransformation,
    *,
    name: str,
    recorder: Recorder,
) -> Params:
    """Trains a network for some epochs."""
    return fit(
        make_localization_step(job.site_network, tx),
        make_state(params, tx),
        job.data,
        key,
        epochs=epochs,
        batch_size=job.batch_size,
        name=name,
        recorder=recorder,
        context=job.site_network.survey,
        mesh=job.mesh,
    ).params
