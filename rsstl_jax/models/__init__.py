"""Networks, surrogate teachers and the estimator: pure Flax modules, and the registry of networks.

What a project composes stands here; the layers of each network stand in its own module.
"""

from rsstl_jax.models.convolution import Convolution
from rsstl_jax.models.estimator import Estimator
from rsstl_jax.models.generator import Critic, Generator, make_generator, stack_teachers
from rsstl_jax.models.network import Network, Regressor
from rsstl_jax.models.registry import NETWORKS, make_network, model_section
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.models.site_agnostic.support import Support, make_support, power_centroid
from rsstl_jax.models.site_agnostic.token_network import AgnosticNetwork, make_agnostic

__all__ = [
    "NETWORKS",
    "AgnosticNetwork",
    "AgnosticSettings",
    "Convolution",
    "Critic",
    "Estimator",
    "Generator",
    "Network",
    "Regressor",
    "Support",
    "make_agnostic",
    "make_generator",
    "make_network",
    "make_support",
    "model_section",
    "power_centroid",
    "stack_teachers",
]
