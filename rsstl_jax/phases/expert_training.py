"""Phase 1, expert training: a generator learns the representations of a source network."""

import logging
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from rsstl_jax._numerics import seed_key
from rsstl_jax.engine.loop import Step, fit
from rsstl_jax.engine.site_job import SiteJob
from rsstl_jax.engine.site_network import SiteNetwork, in_chunks
from rsstl_jax.engine.train_state import TrainState, gradient_norm, make_adam, make_state_of_parts
from rsstl_jax.losses import (
    angular_similarity_loss,
    critic_loss,
    generator_loss,
    gradient_penalty,
    localization_loss,
)
from rsstl_jax.models.generator import Critic, Generator
from rsstl_jax.models.network import LOWEST, init_params
from rsstl_jax.phases.generators import draw_inputs, input_width
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Params

_log = logging.getLogger(__name__)

# As in WGAN-GP's own Algorithm 1 [Gulrajani et al. 2017].
_ADAM_BETAS = (0.5, 0.9)


class SourceBatch(NamedTuple):
    """What phase 1 learns from: a source network's representations and their positions."""

    extract: jax.Array  # float[B, D]: Z_S^E of the trained source network, without dropout
    centered_m: jax.Array  # float[B, 2]: Positions minus the source's origin, metres
    row: jax.Array  # int[B]: Row in the train part


def represent_source(job: SiteJob, params: Params) -> SourceBatch:
    """The representations of a source's whole train part."""
    represent = jax.jit(lambda rss_dbm: job.site_network.represent(params, rss_dbm).extract)
    extract = in_chunks(represent, job.data.rss_dbm)
    activation, lowest = job.network.extract_activation, float(extract.min())
    if lowest < LOWEST[activation] - 1e-3:  # What is averaged is rounded.
        _log.warning(
            "%s: the extractor of %r makes %.3g, and extract_activation %r means at least %g: no "
            "teacher can imitate that; name its range",
            *(job.train.dataset, job.network, lowest, activation, LOWEST[activation]),
        )
    return SourceBatch(extract, job.data.centered_m, job.data.row)


def make_expert_step(
    site_network: SiteNetwork, generator: Generator, critic: Critic, settings: ConfigDict
) -> Step:
    """A step of WGAN-GP with J_Sim (Eq. 1) and J_MAE (Eq. 2) by the frozen regressor (Sec. 3.1).

    It works on a SourceBatch; its context are the source network's frozen parameters.
    """
    tx = _optimizer(settings)
    scale_m = site_network.preprocessor.scale_m

    def imitate(params: Params, batch: SourceBatch, key: jax.Array) -> jax.Array:
        inputs = draw_inputs(settings, key, batch.row, batch.centered_m / scale_m)
        return generator.apply({"params": params}, inputs)[1]

    def critic_total(
        params: Params, batch: SourceBatch, generated: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        score = lambda extract: critic.apply({"params": params}, extract)  # noqa: E731
        loss = critic_loss(score(batch.extract), score(generated))
        penalty = gradient_penalty(score, batch.extract, generated, key)
        return loss + settings.penalty_weight * penalty, -loss

    # Eq. 2's first addend, the frozen network's own error, has no gradient here and is left out;
    # the paper gives no weights for the three terms.
    def generator_total(
        params: Params, critic_params: Params, source: Params, batch: SourceBatch, key: jax.Array
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        generated = imitate(params, batch, key)
        adversarial = generator_loss(critic.apply({"params": critic_params}, generated))
        similarity = angular_similarity_loss(batch.extract, generated, margin=settings.margin)
        decoded_m = site_network.regress(source, generated)
        localization = localization_loss(decoded_m, batch.centered_m).mean()
        total = adversarial + settings.similarity_weight * similarity
        total += settings.localization_weight * localization
        return total, {"similarity": similarity, "localization": localization}

    def step(
        state: TrainState, batch: SourceBatch, key: jax.Array, context: Params
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        params, opt_state = state.params, state.opt_state

        def critic_step(carry: Any, key: jax.Array) -> Any:
            critic_params, critic_opt = carry
            noise_key, penalty_key = jax.random.split(key)
            generated = imitate(params["generator"], batch, noise_key)
            grad_fn = jax.grad(critic_total, has_aux=True)
            grads, distance = grad_fn(critic_params, batch, generated, penalty_key)
            updates, critic_opt = tx.update(grads, critic_opt)
            norm = gradient_norm(grads)
            return (optax.apply_updates(critic_params, updates), critic_opt), (distance, norm)

        key, generator_key = jax.random.split(key)
        (critic_params, critic_opt), (distances, norms) = jax.lax.scan(
            critic_step,
            (params["critic"], opt_state["critic"]),
            jax.random.split(key, settings.num_critic_steps),
        )
        grads, terms = jax.grad(generator_total, has_aux=True)(
            params["generator"], critic_params, context, batch, generator_key
        )
        updates, generator_opt = tx.update(grads, opt_state["generator"])
        generator_params = optax.apply_updates(params["generator"], updates)
        new = state._replace(
            params={"generator": generator_params, "critic": critic_params},
            opt_state={"generator": generator_opt, "critic": critic_opt},
        )
        return new, {
            "wasserstein": distances[-1],
            **terms,
            "critic_gradient_norm": norms.max(),
            "gradient_norm": gradient_norm(grads),
        }

    return step


def init_expert_state(
    generator: Generator, critic: Critic, settings: ConfigDict, source: SourceBatch
) -> TrainState:
    """Fresh generator and critic, with an optimiser each."""
    generator_key, critic_key, _ = _keys(settings)
    example = jnp.zeros((1, input_width(settings)), jnp.float32)
    params = {
        "generator": init_params(generator, generator_key, example),
        "critic": init_params(critic, critic_key, source.extract[:1]),
    }
    return make_state_of_parts(params, _optimizer(settings))


def _keys(settings: ConfigDict) -> jax.Array:
    """Of the generator, the critic and the training."""
    return jax.random.split(seed_key(settings.seed), 3)


def _optimizer(settings: ConfigDict) -> optax.GradientTransformation:
    return make_adam(settings.learning_rate, *_ADAM_BETAS)


def train_expert(
    job: SiteJob,
    generator: Generator,
    network_params: Params,
    source: SourceBatch,
    *,
    name: str,
    recorder: Recorder,
) -> Params:
    """Trains one source's surrogate teacher (phase 1), or loads it; it holds no source data."""
    settings = job.config.teacher
    critic = Critic(settings.hidden_width)
    state = init_expert_state(generator, critic, settings, source)
    trained = recorder.load_final(name, state.params["generator"])
    if trained is not None:
        return trained
    state = fit(
        make_expert_step(job.site_network, generator, critic, settings),
        state,
        source,
        _keys(settings)[2],
        epochs=settings.epochs,
        batch_size=min(job.config.train.batch_size, len(source.row)),
        name=name,
        recorder=recorder,
        context=network_params,
        mesh=job.mesh,
    )
    recorder.save_final(name, state.params["generator"], settings.epochs)
    return state.params["generator"]
