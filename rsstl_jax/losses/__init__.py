"""The paper's losses as pure functions of arrays: no config, no jit, no parameters inside.

Each takes one teacher and one batch; `jax.vmap` over teachers or replicas is the caller's. Each
raises TypeError for arrays that are not floating-point, and ValueError for empty ones and for
shapes other than those that it names.
"""

from rsstl_jax.losses.adversarial import critic_loss, generator_loss, gradient_penalty
from rsstl_jax.losses.alignment import angular_similarity_loss
from rsstl_jax.losses.combine import combine, normalize_weights
from rsstl_jax.losses.functional import (
    functional_information,
    functional_information_loss,
    transmitting_matrix,
)
from rsstl_jax.losses.localization import localization_loss
from rsstl_jax.losses.mutual_information import (
    mutual_information_bound,
    mutual_information_loss,
    product_pairs,
)

__all__ = [
    "angular_similarity_loss",
    "combine",
    "critic_loss",
    "functional_information",
    "functional_information_loss",
    "generator_loss",
    "gradient_penalty",
    "localization_loss",
    "mutual_information_bound",
    "mutual_information_loss",
    "normalize_weights",
    "product_pairs",
    "transmitting_matrix",
]
