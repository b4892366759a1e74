"""A network at a site: from dBm to representations and to metres."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from rsstl_jax.data.augment import augment_rss
from rsstl_jax.data.preprocess import UNDETECTED_DBM, Preprocessor, fit_preprocessor, to_device
from rsstl_jax.data.site import Fingerprints
from rsstl_jax.engine.radio_map import (
    RadioMap,
    draw_support,
    full_support,
    make_radio_map,
)
from rsstl_jax.models.network import Network, init_params
from rsstl_jax.types import Batch, Params, Representations

EVALUATION_ROWS = 1024


@dataclass(frozen=True, eq=False, repr=False)
class SiteNetwork:
    """What stays fixed while a network is trained at one site."""

    network: Network
    preprocessor: Preprocessor
    augmentation: Mapping[str, float] = field(default_factory=dict)  # arguments of `augment_rss`
    support: Any = None  # arrays made once of the train part, for a network that is given them
    survey: RadioMap | None = None  # what supports are drawn from in training, for such a network

    def init(self, key: jax.Array, num_access_points: int) -> Params:
        """Fresh parameters of the network for a site of `num_access_points`."""
        encoded = jnp.zeros((1, num_access_points), jnp.float32)
        return init_params(self.network, key, encoded, self.support)

    def shapes(self, num_access_points: int) -> Params:
        """Shapes and dtypes of those parameters, without computing them."""
        return jax.eval_shape(lambda: self.init(jax.random.key(0), num_access_points))

    def for_step(self, key: jax.Array, survey: RadioMap | None, rows: jax.Array) -> "SiteNetwork":
        """The site network of a training step on these rows of the train part, int[B].

        Where there is a survey, its support is drawn anew, without the rows' own positions.
        """
        if survey is None:
            return self
        return replace(self, support=draw_support(jax.random.fold_in(key, 7), survey, rows))

    def represent(
        self, params: Params, rss_dbm: jax.Array, *, key: jax.Array | None = None
    ) -> Representations:
        """The network's representations of float[B, A], dBm, NaN or below the floor: undetected.

        A key is given in training: augmentation, dropout and what else parts draw come from it.
        """
        rngs = None
        if key is not None:
            augment_key, dropout_key = jax.random.split(key)
            rss_dbm = augment_rss(
                augment_key, rss_dbm, **self.augmentation, undetected_dbm=UNDETECTED_DBM
            )
            # Flax takes "params" for every other name that a part gives make_rng, such as "noise".
            rngs = {"dropout": dropout_key, "params": jax.random.fold_in(dropout_key, 0)}
        encoded = self.preprocessor.encode(rss_dbm)
        return self.network.apply(
            {"params": params}, encoded, self.support, train=key is not None, rngs=rngs
        )

    def regress(self, params: Params, extract: jax.Array) -> jax.Array:
        """The centred position, float[B, 2] in metres, that the regressor reads off extracts."""
        position = self.network.apply({"params": params}, extract, method="regress")
        return position * self.preprocessor.scale_m


def make_supported_site_network(
    network: Network, train: Fingerprints, augmentation: Mapping[str, float] | None = None
) -> SiteNetwork:
    """A network that is given a support at a site, whose train part is its radio map."""
    preprocessor = fit_preprocessor(train, encoding="linear")
    radio_map = make_radio_map(train, preprocessor)
    support = full_support(radio_map)
    return SiteNetwork(network, preprocessor, augmentation or {}, support, radio_map)


def make_batch(part: Fingerprints, preprocessor: Preprocessor) -> Batch:
    """A whole part as arrays on the device."""
    return Batch(
        to_device(part.rss_dbm),
        jnp.asarray(preprocessor.center(part.position_m)),
        jnp.arange(len(part), dtype=jnp.int32),
    )


def in_chunks(function: Any, rows: jax.Array) -> Any:
    """Applies a function of a batch to all rows, so many at a time that memory stays flat."""
    pieces = [function(rows[i : i + EVALUATION_ROWS]) for i in range(0, len(rows), EVALUATION_ROWS)]
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *pieces)


def make_locate_fn(site_network: SiteNetwork) -> Callable[[Params, ArrayLike], np.ndarray]:
    """locate(params, float[n, A] dBm) -> float64[n, 2] m, compiled once per number of rows."""

    @jax.jit
    def run(params: Params, support: Any, rows: jax.Array) -> jax.Array:
        # As an argument: a site's fingerprints are no constants of a program.
        return replace(site_network, support=support).represent(params, rows).location

    def locate(params: Params, rss_dbm: ArrayLike) -> np.ndarray:
        rows = to_device(np.asarray(rss_dbm, np.float32))
        units = in_chunks(partial(run, params, site_network.support), rows)
        return site_network.preprocessor.uncenter(
            np.asarray(units) * site_network.preprocessor.scale_m
        )

    return locate


def predict_m(site_network: SiteNetwork, params: Params, part: Fingerprints) -> np.ndarray:
    """Positions float64[n, 2] that a trained network gives for a part, metres."""
    return make_locate_fn(site_network)(params, part.rss_dbm)
