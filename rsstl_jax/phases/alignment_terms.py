"""The alignment terms of phase 2: a student against all teachers at once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from rsstl_jax._numerics import spread
from rsstl_jax.losses import (
    angular_similarity_loss,
    functional_information,
    functional_information_loss,
    mutual_information_loss,
)
from rsstl_jax.models import Estimator, make_network
from rsstl_jax.types import Params, Representations

__all__ = ["TERMS", "Alignment", "active_terms", "allowed_terms", "if_positive"]

TERMS = ("similarity", "mutual_information", "functional_information")
"""The alignment terms of Sec. 3.2, in the order of Eq. 12."""


@dataclass(frozen=True)
class Alignment:
    """How a student is aligned with its teachers: the three terms of Sec. 3.2.

    Args:
        estimator: Psi_theta, one for all teachers.
        terms: which of `TERMS` the program contains.
        reduction: "sum" over the teachers, as Eq. 4 and 11 print it, or "mean".
        num_iterations: power iterations of Alg. 1.
        similarity_over: "batch" for J_Sim of the mean cosine, as Eq. 1 prints it, or "sample" for
            the mean of each sample's.

    Example:
        >>> Alignment(Estimator(300), ("similarity",)).reduction
        'sum'
    """

    estimator: Estimator
    terms: tuple[str, ...]
    reduction: str = "sum"
    num_iterations: int = 10
    similarity_over: str = "batch"

    def losses(
        self,
        estimator_params: Params,
        student: Representations,
        frame: jax.Array,
        extract: jax.Array,
        context: Any,
    ) -> dict[str, jax.Array]:
        """The alignment terms of a batch, each reduced over the teachers.

        A term whose weight is 0 is 0 and is not computed, though the weight is traced: one
        program serves students with it and without (under `vmap`, where every branch is taken,
        it is computed and dropped). No gradient flows into the teachers' representations.

        Args:
            estimator_params: theta.
            student: the student's representations of the batch.
            frame: float[N, B, F]. Z_G^F of N teachers.
            extract: float[N, B, D]. Z_G^E.
            context: DistillContext; read here: `weights`, `margin` and `teacher_mask`.

        Returns:
            {term: scalar} of `terms`.
        """

        own, mask = student.extract, context.teacher_mask
        # Each term with what it is differentiated in, and what is given to it: a gradient that is
        # zero would still be written and added up.
        terms = {
            "similarity": (self._similarity, own, (extract, context.margin, mask)),
            "mutual_information": (self._mutual, (estimator_params, own), (extract, mask)),
            "functional_information": (
                self._functional,
                (student.frame, own),
                (frame, extract, mask),
            ),
        }
        losses = {}
        for term in self.terms:
            function, trained, taught = terms[term]
            with jax.named_scope(term):
                weight = jnp.asarray(context.weights[term])
                losses[term] = _gated(function, weight, trained, taught)
        return losses

    def _similarity(self, student: jax.Array, taught: Any) -> jax.Array:
        extract, margin, mask = taught
        of_pairs = partial(angular_similarity_loss, margin=margin)

        def of_one(own: jax.Array, z: jax.Array) -> jax.Array:
            if self.similarity_over == "batch":
                return of_pairs(own, z)
            return jax.vmap(of_pairs)(own[:, None], z[:, None]).mean()

        return self._reduced(jax.vmap(of_one)(spread(student, 0, len(extract)), extract), mask)

    def _mutual(self, trained: Any, taught: Any) -> jax.Array:
        (theta, student), (extract, mask) = trained, taught
        pairs = self.estimator.apply({"params": theta}, extract, student, method="score_pairs")
        return self._reduced(jax.vmap(mutual_information_loss)(*pairs), mask)

    def _functional(self, trained: Any, taught: Any) -> jax.Array:
        frame, extract, mask = taught
        of_student = self._functional_information(*trained)
        of_teachers = jax.vmap(self._functional_information)(frame, extract)
        gaps = functional_information_loss(
            jnp.broadcast_to(of_student, of_teachers.shape), of_teachers
        )
        return self._reduced(gaps, mask)

    def _reduced(self, values: jax.Array, mask: jax.Array | None) -> jax.Array:
        total = (values if mask is None else jnp.where(mask > 0, values, 0)).sum()
        if self.reduction == "sum":
            return total
        return total / (values.size if mask is None else mask.sum())

    def _functional_information(self, frame: jax.Array, extract: jax.Array) -> jax.Array:
        return functional_information(frame, extract, num_iterations=self.num_iterations)


def allowed_terms(config: ConfigDict) -> tuple[str, ...]:
    """The terms that make sense for the network: J_FI for Lipschitz ones only, unless forced."""
    lipschitz = make_network(config).lipschitz or config.distill.force_functional_information
    return TERMS if lipschitz else TERMS[:-1]


def active_terms(config: ConfigDict) -> tuple[str, ...]:
    """The allowed terms whose weight is not 0."""
    return tuple(name for name in allowed_terms(config) if config.distill.weights[name] > 0)


def if_positive(
    weight: jax.Array | float,
    compute: Callable[[], Any],
    otherwise: Callable[[], Any] | None = None,
) -> Any:
    """What `compute` returns where a traced weight is above 0, else other arrays, uncomputed."""
    if otherwise is None:
        shapes = jax.eval_shape(compute)
        otherwise = lambda: jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)  # noqa: E731
    return jax.lax.cond(jnp.asarray(weight) > 0, compute, otherwise)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _gated(
    function: Callable[[Any, Any], jax.Array], weight: jax.Array, trained: Any, fixed: Any
) -> jax.Array:
    """function(trained, fixed), or an uncomputed 0 where the weight is not above 0."""
    return if_positive(weight, lambda: function(trained, fixed))


def _gated_forward(
    function: Callable[[Any, Any], jax.Array], weight: jax.Array, trained: Any, fixed: Any
) -> tuple[jax.Array, Any]:
    value, grads = if_positive(weight, lambda: jax.value_and_grad(function)(trained, fixed))
    return value, (grads, jax.tree.map(jnp.zeros_like, (weight, fixed)))


def _gated_backward(
    function: Callable[[Any, Any], jax.Array], saved: Any, cotangent: jax.Array
) -> tuple[jax.Array, Any, Any]:
    grads, (weight, fixed) = saved
    return weight, jax.tree.map(lambda leaf: cotangent * leaf, grads), fixed


_gated.defvjp(_gated_forward, _gated_backward)
