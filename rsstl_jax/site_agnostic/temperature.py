"""The temperature at which a site-agnostic network chooses among the positions of a site."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from rsstl_jax.engine.radio_map import RadioMap, deal_folds
from rsstl_jax.engine.replicas import stack
from rsstl_jax.engine.site_network import SiteNetwork
from rsstl_jax.losses import localization_loss
from rsstl_jax.models.site_agnostic.support import make_support
from rsstl_jax.models.site_agnostic.token_network import AgnosticNetwork
from rsstl_jax.types import Params

INVERSE_TEMPERATURES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
"""What is tried; the network was trained with 1."""

QUERIES_PER_FOLD = 100

MIN_CROSS_FITTED_POSITIONS = 20
"""With fewer positions than this there is nothing to choose by."""


def choose_temperature(site_network: SiteNetwork, members: Sequence[Params]) -> SiteNetwork:
    """The site network at the temperature that locates the site's own radio map best."""
    radio_map = site_network.survey
    if radio_map is None:
        raise ValueError("site_network has no radio map; take one of make_agnostic_site_network")
    ids = np.asarray(radio_map.place)
    if ids.max() + 1 < MIN_CROSS_FITTED_POSITIONS:
        return site_network
    members = stack(members)

    def measure(in_fold: np.ndarray, rows: jax.Array) -> list[jax.Array]:
        return [_errors(site_network.network, members, radio_map, jnp.asarray(~in_fold), rows).T]

    (errors,), rows = measure_folds(measure, ids, most=QUERIES_PER_FOLD, seed=0)
    return at_temperature(site_network, _choose(errors.T, ids[rows]))


def measure_folds(
    measure: Callable[[np.ndarray, jax.Array], Sequence[jax.Array]],
    ids: np.ndarray,
    *,
    most: int,
    seed: int,
) -> tuple[list[np.ndarray], np.ndarray]:
    """What `measure(is in the fold, rows)` gives for some rows of each fold, and these rows."""
    fold = deal_folds(ids)
    order = np.random.default_rng(seed).permutation(len(ids))
    rows = [order[fold[order] == number][:most] for number in range(fold.max() + 1)]
    results = []
    for number, of_fold in enumerate(rows):
        # Equal shapes are compiled once; what fills them up is dropped again.
        found = measure(fold == number, jnp.asarray(np.resize(of_fold, most)))
        results.append([np.asarray(leaf)[: len(of_fold)] for leaf in found])
    columns = zip(*results, strict=True)
    return [np.concatenate(column) for column in columns], np.concatenate(rows)


def at_temperature(site_network: SiteNetwork, inverse_temperature: float) -> SiteNetwork:
    """The site network at this temperature."""
    value = jnp.float32(inverse_temperature)
    return replace(site_network, support=site_network.support._replace(inverse_temperature=value))


@partial(jax.jit, static_argnums=0)
def _errors(
    network: AgnosticNetwork,
    members: Params,
    radio_map: RadioMap,
    valid: jax.Array,
    rows: jax.Array,
) -> jax.Array:
    """float[INVERSE_TEMPERATURES, B]: errors of the rows; the valid rows are the support."""
    support = make_support(*radio_map, valid)

    def locate(inverse_temperature: jax.Array, params: Params) -> jax.Array:
        tempered = support._replace(inverse_temperature=inverse_temperature)
        return network.apply({"params": params}, radio_map.level[rows], tempered).location

    # The tokens depend on neither and are made once.
    locate_each = jax.vmap(jax.vmap(locate, (None, 0)), (0, None))
    positions = locate_each(jnp.array(INVERSE_TEMPERATURES, jnp.float32), members).mean(axis=1)
    return jax.vmap(localization_loss, (0, None))(positions, radio_map.position[rows])


def _choose(errors: np.ndarray, ids: np.ndarray) -> float:
    """The best inverse temperature if it is clearly better than 1, by errors float[., n]."""
    per_position = pd.DataFrame(errors.T).groupby(ids).mean().to_numpy()
    gain = per_position[:, [INVERSE_TEMPERATURES.index(1.0)]] - per_position
    mean, error = gain.mean(axis=0), gain.std(axis=0, ddof=1) / np.sqrt(len(gain))
    # The gain of 1 itself is 0.
    clear = np.where(mean > error, mean, 0.0)
    return INVERSE_TEMPERATURES[clear.argmax()] if clear.any() else 1.0
