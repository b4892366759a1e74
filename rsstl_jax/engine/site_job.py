"""One value for a training at a site, built once after validation and handed down."""

from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np
import optax
from flax.errors import InvalidRngError
from jax.sharding import Mesh
from ml_collections import ConfigDict

from rsstl_jax.data import Fingerprints, fit_preprocessor
from rsstl_jax.engine.mesh import make_mesh
from rsstl_jax.engine.site_network import SiteNetwork, make_batch, make_supported_site_network
from rsstl_jax.engine.train_state import make_optimizer
from rsstl_jax.errors import ConfigError, DataError
from rsstl_jax.models import Network, make_network
from rsstl_jax.types import Batch, Params

MIN_SUPPORT_POSITIONS = 4
"""Positions that a network with a support needs: two to locate, two to locate them with."""


@dataclass(frozen=True, eq=False)
class SiteJob:
    """A network that is trained at a site: its data, its preprocessing and its plan."""

    config: ConfigDict  # the site's: input, augmentation and schedule are its own
    train: Fingerprints
    site_network: SiteNetwork  # fitted on the train part

    @property
    def network(self) -> Network:
        return self.site_network.network

    @property
    def epochs(self) -> int:
        return self.config.train.epochs

    @property
    def learning_rate(self) -> float:
        """Adam's step size at the start: the site's times the network's own factor."""
        return self.config.train.learning_rate * self.network.learning_rate_factor

    @cached_property
    def batch_size(self) -> int:
        """The configured number, or as many fingerprints as one step can have here."""
        most, survey = len(self.train), self.site_network.survey
        if survey is not None:
            # Half of the positions: those of a batch are hidden from its support.
            most = min(most, len(np.unique(np.asarray(survey.place))) // 2)
        return min(self.config.train.batch_size, most)

    @property
    def num_steps(self) -> int:
        return self.epochs * (len(self.train) // self.batch_size)

    @property
    def mesh(self) -> Mesh | None:
        """The devices that the site's trainings run on; None: the default device."""
        return make_mesh(self.config.run.mesh)

    @cached_property
    def data(self) -> Batch:
        return make_batch(self.train, self.site_network.preprocessor)

    @cached_property
    def shapes(self) -> Params:
        """Shapes and dtypes of the network's parameters here."""
        return self.site_network.shapes(self.train.num_access_points)

    def init(self, key: jax.Array) -> Params:
        return self.site_network.init(key, self.train.num_access_points)

    def optimizer(self, learning_rate: float | None = None) -> optax.GradientTransformation:
        """The optimiser of the whole training; by default at the job's own learning rate."""
        rate = self.learning_rate if learning_rate is None else learning_rate
        return make_optimizer(rate, self.config.train.schedule, self.num_steps)


def make_site_job(config: ConfigDict, train: Fingerprints) -> SiteJob:
    """The configured network at a site; refuses what cannot be learnt from."""
    if not isinstance(train, Fingerprints):
        raise DataError(
            f"train is a {type(train).__name__}; fingerprints are expected, as site.train"
        )
    if len(train) < 2:
        raise DataError(
            f"{train.dataset} {train.part}: has one fingerprint; a network needs at least two, "
            "because the terms of its training compare them"
        )
    network, augmentation = make_network(config), dict(config.augment.items())
    num_positions = len(np.unique(train.position_m, axis=0))
    if network.uses_support and num_positions < MIN_SUPPORT_POSITIONS:
        raise DataError(
            f"{train.dataset} {train.part}: has fingerprints of {num_positions} positions; a "
            "network that is given some of them to locate the others needs at least "
            f"{MIN_SUPPORT_POSITIONS}"
        )
    if network.uses_support:
        site_network = make_supported_site_network(network, train, augmentation)
    else:
        how = {"encoding": config.input.encoding, "exponent": config.input.exponent}
        site_network = SiteNetwork(network, fit_preprocessor(train, **how), augmentation)
    job = SiteJob(config, train, site_network)
    # A network that cannot take these fingerprints, or too few devices, raise here.
    _ = job.mesh
    check_outputs(site_network, job.shapes, train.num_access_points)
    return job


def check_outputs(site_network: SiteNetwork, params: Params, num_access_points: int) -> None:
    """ConfigError for a network that cannot locate two fingerprints, or not without a key."""
    rss_dbm = jax.ShapeDtypeStruct((2, num_access_points), np.float32)
    jax.eval_shape(site_network.represent, params, rss_dbm, key=jax.random.key(0))
    try:
        jax.eval_shape(site_network.represent, params, rss_dbm)
    except InvalidRngError as error:
        raise ConfigError(
            f"a part of {site_network.network!r} draws random numbers without train=True, as in "
            f"Dropout(rate, deterministic=not train): {error}"
        ) from error
