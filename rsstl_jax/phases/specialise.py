"""Phase 0: where a training starts, and a network specialised at its site, on J_MAE alone."""

from functools import partial

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from rsstl_jax._numerics import seed_key
from rsstl_jax.engine.fit_network import fit_network
from rsstl_jax.engine.loop import Step, fit, make_step
from rsstl_jax.engine.site_job import SiteJob
from rsstl_jax.engine.site_network import SiteNetwork
from rsstl_jax.engine.train_state import make_adam, make_state
from rsstl_jax.errors import ConfigError
from rsstl_jax.models.network import average_features
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Batch, Params


def specialise(job: SiteJob, *, seed: int, name: str, recorder: Recorder) -> Params:
    """Trains the job's network on its own fingerprints, or loads what an earlier start trained."""
    init_key, train_key = jax.random.split(seed_key(seed))
    start = partial(initial_params, job, init_key, name=name, recorder=recorder)
    return fit_network(job, start, train_key, name=name, recorder=recorder)


def initial_params(job: SiteJob, key: jax.Array, *, name: str, recorder: Recorder) -> Params:
    """Fresh parameters; the framer of a network with a decoder is trained as an auto-encoder.

    The students of a seed share this start: it depends on seed, site and network alone.
    """
    params = job.init(key)
    decoder, epochs = job.network.decoder, job.config.model.cnnloc.pretrain_epochs
    if decoder is None or epochs == 0:
        return params
    name = f"{name.rsplit('/', 1)[0]}/autoencoder"
    framer = recorder.load_final(name, params["framer"])
    if framer is None:
        decoder_key, train_key = jax.random.split(jax.random.fold_in(key, 2))
        frame = jnp.zeros((1, job.network.frame_width), jnp.float32)
        both = {
            "framer": params["framer"],
            "decoder": decoder.init(decoder_key, frame, job.train.num_access_points)["params"],
        }
        tx = make_adam(job.config.train.learning_rate)
        state = fit(
            make_autoencoder_step(job.site_network, decoder, tx),
            make_state(both, tx),
            job.data,
            train_key,
            epochs=epochs,
            batch_size=min(job.config.train.batch_size, len(job.train)),
            name=name,
            recorder=recorder,
            mesh=job.mesh,
        )
        framer = state.params["framer"]
        recorder.save_final(name, framer, epochs)
    return {**params, "framer": framer}


def make_autoencoder_step(
    site_network: SiteNetwork, decoder: nn.Module, tx: optax.GradientTransformation
) -> Step:
    """A step of framer and decoder on the mean squared reconstruction error [Song et al. 2019]."""

    def loss(params: Params, batch: Batch, key: jax.Array, context: tuple[()]) -> jax.Array:
        encoded = site_network.preprocessor.encode(batch.rss_dbm)
        features = site_network.network.framer.apply(
            {"params": params["framer"]}, encoded, train=False
        )
        frame = average_features(features)
        decoded = decoder.apply({"params": params["decoder"]}, frame, encoded.shape[1])
        if decoded.shape != encoded.shape:
            raise ConfigError(
                f"decoder is a {type(decoder).__name__}, which makes {decoded.shape} of "
                f"{encoded.shape}; decoder(frame, A) must make float[B, A]"
            )
        return jnp.square(decoded - encoded).mean()

    return make_step(loss, tx, term="reconstruction")
