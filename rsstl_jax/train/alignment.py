"""The alignment terms of phase 2: a student against all teachers at once."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from rsstl_jax.losses import (
    angular_similarity_loss,
    functional_information,
    functional_information_loss,
    mutual_information_loss,
)
from rsstl_jax.models import Estimator, make_network
from rsstl_jax.types import Params, Representations

__all__ = ["Alignment", "active_terms"]


@dataclass(frozen=True)
class Alignment:
    """How a student is aligned with its teachers: the three terms of Sec. 3.2.

    Args:
        estimator: Psi_theta, one for all teachers.
        terms: which of "similarity", "mutual_information", "functional_information" are computed.
        reduction: "sum" over the teachers, as Eq. 4 and 11 print it, or "mean".
        num_iterations: power iterations of Alg. 1.

    Example:
        >>> Alignment(Estimator(300), ("similarity",)).reduction
        'sum'
    """

    estimator: Estimator
    terms: tuple[str, ...]
    reduction: str = "sum"
    num_iterations: int = 10

    def losses(
        self,
        estimator_params: Params,
        student: Representations,
        frame: jax.Array,
        extract: jax.Array,
        margin: jax.Array | float,
    ) -> dict[str, jax.Array]:
        """The alignment terms of a batch, each reduced over the teachers.

        Args:
            estimator_params: theta.
            student: the student's representations of the batch.
            frame: float[N, B, F]. Z_G^F of N teachers.
            extract: float[N, B, D]. Z_G^E.
            margin: alpha of Eq. 1, radians.

        Returns:
            {term: scalar} of `terms`.
        """
        per_teacher: dict[str, jax.Array] = {}
        if "similarity" in self.terms:
            with jax.named_scope("similarity"):
                similarity = lambda z: angular_similarity_loss(student.extract, z, margin=margin)  # noqa: E731
                per_teacher["similarity"] = jax.vmap(similarity)(extract)
        if "mutual_information" in self.terms:
            with jax.named_scope("mutual_information"):
                pairs = self.estimator.apply(
                    {"params": estimator_params}, extract, student.extract, method="score_pairs"
                )
                per_teacher["mutual_information"] = jax.vmap(mutual_information_loss)(*pairs)
        if "functional_information" in self.terms:
            with jax.named_scope("functional_information"):
                of_student = self._functional_information(student.frame, student.extract)
                of_teachers = jax.vmap(self._functional_information)(frame, extract)
                per_teacher["functional_information"] = functional_information_loss(
                    jnp.broadcast_to(of_student, of_teachers.shape), of_teachers
                )
        reduce = jnp.sum if self.reduction == "sum" else jnp.mean
        return {term: reduce(values) for term, values in per_teacher.items()}

    def _functional_information(self, frame: jax.Array, extract: jax.Array) -> jax.Array:
        return functional_information(frame, extract, num_iterations=self.num_iterations)


def active_terms(config: ConfigDict) -> tuple[str, ...]:
    """The alignment terms whose weight is not 0; J_FI for Lipschitz networks only, unless forced.

    Args:
        config: the run's configuration; read here: `distill`, `network`.

    Returns:
        Their names.

    Example:
        >>> from rsstl_jax import default_config
        >>> active_terms(default_config())
        ('similarity', 'mutual_information', 'functional_information')
    """
    names = ["similarity", "mutual_information"]
    if make_network(config).lipschitz or config.distill.force_functional_information:
        names.append("functional_information")
    return tuple(name for name in names if config.distill.weights[name] > 0)
