"""Networks, surrogate teachers and the estimator: pure Flax modules, and the registry of networks.

What a project composes stands here; the layers of each network stand in its own module.
"""

from rsstl_jax.models.estimator import Estimator
from rsstl_jax.models.generator import Critic, Generator, make_generator
from rsstl_jax.models.network import Network, Regressor
from rsstl_jax.models.registry import NETWORKS, make_network

__all__ = [
    "NETWORKS",
    "Critic",
    "Estimator",
    "Generator",
    "Network",
    "Regressor",
    "make_generator",
    "make_network",
]
