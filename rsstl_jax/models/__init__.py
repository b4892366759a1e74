"""Networks, teachers and the estimator: pure Flax modules; the registry."""

from rsstl_jax.models.baat import make_baat, token_penalties
from rsstl_jax.models.bayescnn import make_bayescnn
from rsstl_jax.models.cnnloc import make_cnnloc
from rsstl_jax.models.convolution import Convolution
from rsstl_jax.models.dnn import DenseFramer, DenseStack, make_dnn
from rsstl_jax.models.estimator import Estimator
from rsstl_jax.models.generator import Critic, Generator, make_generator, stack_teachers
from rsstl_jax.models.network import Network, Regressor
from rsstl_jax.models.registry import NETWORKS, make_network, model_section
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.models.site_agnostic.support import Support, make_support, power_centroid
from rsstl_jax.models.site_agnostic.token_network import (
    AgnosticNetwork,
    SetExtractor,
    TokenFramer,
    TokenRegressor,
    make_agnostic,
    make_configured_agnostic,
)
from rsstl_jax.models.site_agnostic.tokens import Tokens, make_tokens

__all__ = [
    "NETWORKS",
    "AgnosticNetwork",
    "AgnosticSettings",
    "Convolution",
    "Critic",
    "DenseFramer",
    "DenseStack",
    "Estimator",
    "Generator",
    "Network",
    "Regressor",
    "SetExtractor",
    "Support",
    "TokenFramer",
    "TokenRegressor",
    "Tokens",
    "make_agnostic",
    "make_baat",
    "make_bayescnn",
    "make_cnnloc",
    "make_configured_agnostic",
    "make_dnn",
    "make_generator",
    "make_network",
    "make_support",
    "make_tokens",
    "model_section",
    "power_centroid",
    "stack_teachers",
    "token_penalties",
]
