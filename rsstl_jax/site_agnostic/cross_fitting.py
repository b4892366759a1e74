"""What is chosen at a site by cross-fitting: the temperature, and how much is retrieved."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

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
RETRIEVALS = ((0.0, 1.0), (0.3, 4.0), (0.3, 32.0))
"""What is tried, retrievals by weight and power; it was trained with 1 and the first."""

QUERIES_PER_FOLD = 100

MIN_CROSS_FITTED_POSITIONS = 20
"""With fewer positions than this there is nothing to choose by."""


class Chosen(NamedTuple):
    """The numbers of `Support` that are chosen at a site."""

    inverse_temperature: float | jax.Array = 1.0
    retrieval: float | jax.Array = 0.0
    retrieval_power: float | jax.Array = 1.0


def choose_at_site(site_network: SiteNetwork, members: Sequence[Params]) -> SiteNetwork:
    """The site network with the numbers that locate the site's own radio map best."""
    radio_map = site_network.survey
    assert radio_map is not None, "make_agnostic_site_network gives it one"
    ids = np.asarray(radio_map.place)
    if ids.max() + 1 < MIN_CROSS_FITTED_POSITIONS:
        return site_network
    members = stack(members)

    def measure(in_fold: np.ndarray, rows: jax.Array) -> list[jax.Array]:
        return [_errors(site_network.network, members, radio_map, jnp.asarray(~in_fold), rows).T]

    (errors,), rows = measure_folds(measure, ids, most=QUERIES_PER_FOLD, seed=0)
    return with_chosen(site_network, _choose(errors.T, ids[rows]))


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


def with_chosen(site_network: SiteNetwork, chosen: Chosen) -> SiteNetwork:
    """The site network with these numbers."""
    numbers = {name: jnp.float32(value) for name, value in chosen._asdict().items()}
    return replace(site_network, support=site_network.support._replace(**numbers))


def chosen_of(site_network: SiteNetwork) -> Chosen:
    """The numbers of a site network."""
    return Chosen(*(float(getattr(site_network.support, name)) for name in Chosen._fields))


@partial(jax.jit, static_argnums=0)
def _errors(
    network: AgnosticNetwork,
    members: Params,
    radio_map: RadioMap,
    valid: jax.Array,
    rows: jax.Array,
) -> jax.Array:
    """float[INVERSE_TEMPERATURES, RETRIEVALS, B]: errors of rows; the support is what is valid."""
    support = make_support(*radio_map, valid)

    def locate(chosen: Chosen, params: Params) -> jax.Array:
        of_choice = support._replace(**chosen._asdict())
        return network.apply({"params": params}, radio_map.level[rows], of_choice).location

    def locate_each(*choices: Chosen) -> jax.Array:
        # The tokens depend on neither temperature nor parameters and are made once.
        stacked = jax.tree.map(lambda *numbers: jnp.array(numbers, jnp.float32), *choices)
        return jax.vmap(jax.vmap(locate, (None, 0)), (0, None))(stacked, members).mean(axis=1)

    # A position is linear in the weight of the retrieval.
    trained = locate_each(*(Chosen(t) for t in INVERSE_TEMPERATURES))
    retrieved = locate_each(*(Chosen(1.0, 1.0, power) for _, power in RETRIEVALS))
    weight = jnp.array([w for w, _ in RETRIEVALS], jnp.float32)[None, :, None, None]
    positions = (1 - weight) * trained[:, None] + weight * retrieved[None]
    errors = partial(localization_loss, actual=radio_map.position[rows])
    return jax.vmap(jax.vmap(errors))(positions)


def _choose(errors: np.ndarray, ids: np.ndarray) -> Chosen:
    """The temperature, then the retrieval at it, by errors float[temperatures, retrievals, n]."""
    # Not both at once: the best of many pairs at one site's phones is worse at another phone.
    best = _clearly_best(errors[:, 0], ids, INVERSE_TEMPERATURES.index(1.0))
    retrieval = RETRIEVALS[_clearly_best(errors[best], ids, 0)]
    return Chosen(INVERSE_TEMPERATURES[best], *retrieval)


def _clearly_best(errors: np.ndarray, ids: np.ndarray, reference: int) -> int:
    """The best row if it is clearly better than the reference, by errors float[., n]."""
    per_position = pd.DataFrame(errors.T).groupby(ids).mean().to_numpy()
    gain = per_position[:, [reference]] - per_position
    mean, error = gain.mean(axis=0), gain.std(axis=0, ddof=1) / np.sqrt(len(gain))
    # The gain of the reference itself is 0.
    clear = np.where(mean > error, mean, 0.0)
    return int(clear.argmax()) if clear.any() else reference
