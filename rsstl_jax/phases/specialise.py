"""Phase 0, and the stand-alone student: a network trained on J_MAE alone."""

import jax
import optax
from ml_collections import ConfigDict

from rsstl_jax.data import Fingerprints, fit_preprocessor
from rsstl_jax.engine.localizer import Localizer, make_batch
from rsstl_jax.engine.loop import Step, effective_batch_size, fit
from rsstl_jax.engine.radio_map import Survey, count_places, make_survey, whole_support
from rsstl_jax.engine.train_state import TrainState, descend, make_optimizer, make_state
from rsstl_jax.engine.train_state import learning_rate as configured_rate
from rsstl_jax.errors import DataError
from rsstl_jax.losses import localization_loss
from rsstl_jax.models import make_network
from rsstl_jax.phases.autoencoder import initial_params
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Batch, Params

__all__ = [
    "fit_network",
    "make_localizer",
    "make_specialise_step",
    "specialise",
    "training_plan",
]

MIN_PLACES = 4
"""Places that a network with a support needs: two to ask about, two to be told of."""


def make_localizer(config: ConfigDict, train: Fingerprints) -> Localizer:
    """The configured network at a site."""
    if len(train) < 2:
        raise DataError(
            f"{train.dataset} {train.part}: has one fingerprint; a network needs at least two, "
            "because the terms of its training compare them"
        )
    network, augmentation = make_network(config), dict(config.augment.items())
    if network.uses_support:
        linear = fit_preprocessor(train, encoding="linear")
        survey = make_survey(train, linear)
        if (num_places := count_places(survey)) < MIN_PLACES:
            raise DataError(
                f"{train.dataset} {train.part}: has fingerprints of {num_places} places; a network "
                f"that is given some of them to locate the others needs at least {MIN_PLACES}"
            )
        return Localizer(network, linear, augmentation, whole_support(survey), survey)
    pre = fit_preprocessor(train, encoding=config.input.encoding, exponent=config.input.exponent)
    return Localizer(network, pre, augmentation)


def training_plan(
    config: ConfigDict,
    localizer: Localizer,
    num_samples: int,
    *,
    learning_rate: float | None = None,
) -> tuple[int, int, optax.GradientTransformation]:
    """How a network is trained at a site of so many fingerprints."""
    batch_size = effective_batch_size(config.train.batch_size, localizer.most_at_once(num_samples))
    num_steps = config.train.epochs * (num_samples // batch_size)
    rate = configured_rate(config) if learning_rate is None else learning_rate
    tx = make_optimizer(rate, config.train.schedule, num_steps)
    return batch_size, config.train.epochs, tx


def make_specialise_step(localizer: Localizer, tx: optax.GradientTransformation) -> Step:
    """A step of a network on J_MAE alone: the mean Euclidean error in metres."""

    def loss_fn(params: Params, batch: Batch, key: jax.Array, survey: Survey | None) -> jax.Array:
        own = localizer.for_step(key, survey, batch.row)
        out = own.represent(params, batch.rss_dbm, key=jax.random.fold_in(key, 0))
        predicted = out.location * localizer.preprocessor.scale_m
        return localization_loss(predicted, batch.centered_m).mean()

    def step(
        state: TrainState, batch: Batch, key: jax.Array, survey: Survey | None
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        return descend(state, tx, lambda params: loss_fn(params, batch, key, survey))

    return step


def fit_network(
    config: ConfigDict,
    localizer: Localizer,
    train: Fingerprints,
    params: Params,
    key: jax.Array,
    *,
    name: str,
    recorder: Recorder,
) -> Params:
    """Trains a network on J_MAE by the site's plan, from given parameters, and saves the result."""
    batch_size, epochs, tx = training_plan(config, localizer, len(train))
    state = fit(
        make_specialise_step(localizer, tx),
        make_state(params, tx),
        make_batch(train, localizer.preprocessor),
        key,
        epochs=epochs,
        batch_size=batch_size,
        name=name,
        recorder=recorder,
        context=localizer.survey,
    )
    recorder.save_final(name, state.params, epochs)
    return state.params


def specialise(
    config: ConfigDict, train: Fingerprints, *, seed: int, name: str, recorder: Recorder
) -> tuple[Localizer, Params]:
    """Trains the configured network at a site on its own fingerprints (phase 0)."""
    localizer = make_localizer(config, train)
    init_key, train_key = jax.random.split(jax.random.key(seed))
    finished = recorder.load_final(name, localizer.shapes(train.num_access_points))
    if finished is not None:
        return localizer, finished
    params = initial_params(config, localizer, train, init_key, name=name, recorder=recorder)
    return localizer, fit_network(
        config, localizer, train, params, train_key, name=name, recorder=recorder
    )
