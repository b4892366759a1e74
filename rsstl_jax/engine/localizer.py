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
from rsstl_jax.data.preprocess import Preprocessor
from rsstl_jax.data.site import Fingerprints
from rsstl_jax.engine.radio_map import Survey, count_places, draw_support
from rsstl_jax.models.network import Network
from rsstl_jax.types import Batch, Params, Representations

__all__ = ["Localizer", "make_batch", "make_locator", "make_predictor", "predict_m"]

EVALUATION_ROWS = 1024


@dataclass(frozen=True, repr=False)
class Localizer:
    """What stays fixed while a network is trained at one site.

    Args:
        network: the network.
        preprocessor: encoding, origin and scale, fitted on the site's train part.
        augmentation: keyword arguments of `augment_rss`, in dB, for training.
        support: arrays computed once from the train part, for a network that is given them.
        survey: the train part that supports are drawn from in training, for such a network.

    Example:
        >>> from rsstl_jax import default_config, load_site, make_network
        >>> from rsstl_jax.data import fit_preprocessor
        >>> train = load_site("synthetic-office").train
        >>> localizer = Localizer(make_network(default_config()), fit_preprocessor(train))
        >>> params = localizer.init(jax.random.key(0), train.num_access_points)
        >>> localizer.represent(params, jnp.asarray(train.rss_dbm[:5])).location.shape
        (5, 2)
    """

    network: Network
    preprocessor: Preprocessor
    augmentation: Mapping[str, float] = field(default_factory=dict)
    support: Any = None
    survey: Survey | None = None

    def __repr__(self) -> str:
        prep = self.preprocessor
        east_m, north_m = prep.origin_m
        return (
            f"<Localizer: {self.network}, {prep.encoding} encoding,\n"
            f"origin ({east_m:.2f}, {north_m:.2f}) m, scale {prep.scale_m:.2f} m, "
            f"{'no support' if self.support is None else 'with support'}>"
        )

    def init(self, key: jax.Array, num_access_points: int) -> Params:
        """Fresh parameters of the network for a site of `num_access_points`."""
        return self.network.init(key, jnp.zeros((1, num_access_points)), self.support)["params"]

    def shapes(self, num_access_points: int) -> Params:
        """Shapes and dtypes of those parameters, without computing them."""
        return jax.eval_shape(lambda: self.init(jax.random.key(0), num_access_points))

    def most_at_once(self, num_samples: int) -> int:
        """How many of so many fingerprints a training step may have.

        With a survey at most half as many as it has places, because those of a batch are hidden
        from its support; all of them else.
        """
        if self.survey is None:
            return num_samples
        return min(num_samples, count_places(self.survey) // 2)

    def for_step(self, key: jax.Array, survey: Survey | None, asked: jax.Array) -> "Localizer":
        """The localizer that a training step is taken with.

        Args:
            key: typed key of the step.
            survey: the localizer's own, as an argument of the compiled program.
            asked: int[B]. Rows of the train part in the batch.

        Returns:
            Localizer; where there is a survey, with a support drawn from it that has no
            fingerprint from the place of an asked one.
        """
        if survey is None:
            return self
        return replace(self, support=draw_support(jax.random.fold_in(key, 7), survey, asked))

    def represent(
        self, params: Params, rss_dbm: jax.Array, *, key: jax.Array | None = None
    ) -> Representations:
        """The network's representations of a batch.

        Args:
            params: the network's parameters.
            rss_dbm: float[B, A]. dBm, NaN where undetected.
            key: given in training: augmentation and dropout are drawn from it.

        Returns:
            Representations of the batch.
        """
        rngs = None
        if key is not None:
            augment_key, dropout_key = jax.random.split(key)
            rss_dbm = augment_rss(augment_key, rss_dbm, **self.augmentation)
            rngs = {"dropout": dropout_key}
        encoded = self.preprocessor.encode(rss_dbm)
        return self.network.apply(
            {"params": params}, encoded, self.support, train=key is not None, rngs=rngs
        )

    def regress(self, params: Params, extract: jax.Array) -> jax.Array:
        """Centred place in metres, float[B, 2], that the regressor reads off a representation."""
        place = self.network.apply({"params": params}, extract, method="regress")
        return place * self.preprocessor.scale_m


def make_batch(part: Fingerprints, preprocessor: Preprocessor) -> Batch:
    """A whole part as arrays on the device."""
    return Batch(
        jnp.asarray(part.rss_dbm),
        jnp.asarray(preprocessor.center(part.position_m)),
        jnp.arange(len(part)),
    )


def in_chunks(function: Any, rows: jax.Array) -> Any:
    """Applies a function of a batch to all rows, so many at a time that memory stays flat."""
    pieces = [function(rows[i : i + EVALUATION_ROWS]) for i in range(0, len(rows), EVALUATION_ROWS)]
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *pieces)


def make_predictor(localizer: Localizer, part: Fingerprints) -> Callable[[Params], np.ndarray]:
    """What `predict_m` does, for many students of one network: compiled once."""
    rss_dbm, locate = jnp.asarray(part.rss_dbm), make_locator(localizer)
    return lambda params: locate(params, rss_dbm)


def make_locator(localizer: Localizer) -> Callable[[Params, ArrayLike], np.ndarray]:
    """From readings to places, compiled once for every number of rows."""

    @jax.jit
    def run(params: Params, support: Any, rows: jax.Array) -> jax.Array:
        # As an argument: a site's fingerprints are no constants of a program.
        return replace(localizer, support=support).represent(params, rows).location

    def locate(params: Params, rss_dbm: ArrayLike) -> np.ndarray:
        places = in_chunks(partial(run, params, localizer.support), jnp.asarray(rss_dbm))
        return localizer.preprocessor.uncenter(np.asarray(places) * localizer.preprocessor.scale_m)

    return locate


def predict_m(localizer: Localizer, params: Params, part: Fingerprints) -> np.ndarray:
    """The places that a trained network gives for a part."""
    found, wanted = (
        jax.tree.map(lambda leaf: leaf.shape, tree)
        for tree in (params, localizer.shapes(part.num_access_points))
    )
    if found != wanted:
        raise ValueError(
            f"params are not of this network with the {part.num_access_points} access points of "
            f"{part.dataset}; they were trained with others"
        )
    return make_predictor(localizer, part)(params)
