"""How sharply a site-agnostic network chooses among the places of a site."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from rsstl_jax.engine.localizer import Localizer
from rsstl_jax.engine.radio_map import Survey, deal_folds
from rsstl_jax.engine.replicas import stack
from rsstl_jax.losses import localization_loss
from rsstl_jax.models import AgnosticNetwork, make_support
from rsstl_jax.types import Params

__all__ = ["SHARPNESS", "sharpen"]

SHARPNESS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
"""What is tried; 1 is what the network was trained with."""

NUM_ASKED = 100
"""Fingerprints of each fold of the survey that are located to choose."""

MIN_PLACES = 20
"""With fewer places than this there is nothing to choose by."""


def sharpen(localizer: Localizer, members: Sequence[Params]) -> Localizer:
    """A site-agnostic network at a site, as sharp as its survey asks for."""
    survey = localizer.survey
    if survey is None:
        raise ValueError("localizer has no survey; take one of make_agnostic_localizer")
    place = np.asarray(survey.place)
    if place.max() + 1 < MIN_PLACES:
        return localizer
    fold = deal_folds(place)
    measure = partial(_errors, localizer.network, stack(members), survey)
    order = np.random.default_rng(0).permutation(len(place))
    asked = [order[fold[order] == number][:NUM_ASKED] for number in range(fold.max() + 1)]
    errors = [
        # Equal shapes are compiled once; what fills them up is dropped again.
        measure(jnp.asarray(fold != number), jnp.asarray(np.resize(rows, NUM_ASKED)))[
            :, : len(rows)
        ]
        for number, rows in enumerate(asked)
    ]
    chosen = _choose(np.concatenate(errors, axis=1), place[np.concatenate(asked)])
    return replace(localizer, support=localizer.support._replace(sharpness=jnp.float32(chosen)))


@partial(jax.jit, static_argnums=0)
def _errors(
    network: AgnosticNetwork, members: Params, survey: Survey, valid: jax.Array, rows: jax.Array
) -> jax.Array:
    """float[SHARPNESS, B]: errors of the rows of a survey; its valid rows are the support."""
    support = make_support(*survey, valid)

    def locate(sharpness: jax.Array, params: Params) -> jax.Array:
        sharp = support._replace(sharpness=sharpness)
        return network.apply({"params": params}, survey.level[rows], sharp).location

    # The tokens depend on neither and are made once.
    of_members = jax.vmap(jax.vmap(locate, (None, 0)), (0, None))
    places = of_members(jnp.array(SHARPNESS), members).mean(axis=1)
    return jax.vmap(localization_loss, (0, None))(places, survey.position[rows])


def _choose(errors: np.ndarray, place: np.ndarray) -> float:
    """One of `SHARPNESS`, by errors float[SHARPNESS, n] of fingerprints of these places."""
    of_place = pd.DataFrame(errors.T).groupby(place).mean().to_numpy()
    gain = of_place[:, [SHARPNESS.index(1.0)]] - of_place
    mean, error = gain.mean(axis=0), gain.std(axis=0, ddof=1) / np.sqrt(len(gain))
    # That of 1 itself is 0.
    clear = np.where(mean > error, mean, 0.0)
    return SHARPNESS[clear.argmax()] if clear.any() else 1.0
