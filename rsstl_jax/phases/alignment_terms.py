"""The alignment terms of phase 2: a student against all teachers at once.

J_Sim (Eq. 1), J_MI (Eq. 4) and J_FI (Eq. 11), each summed over the teachers. Change a term here;
its equation lies in `rsstl_jax.losses`, its weight meets it in `phases/distill_step.py`.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from ml_collections import ConfigDict

from rsstl_jax._numerics import check_known, check_rank, partition_freely, spread
from rsstl_jax.losses import (
    angular_similarity_loss,
    functional_information,
    functional_information_loss,
    mutual_information_loss,
)
from rsstl_jax.losses.alignment import check_margin
from rsstl_jax.models import Estimator, Network
from rsstl_jax.phases.gating import gated
from rsstl_jax.types import Params, Representations

TERMS = ("similarity", "mutual_information", "functional_information")
"""The alignment terms of Sec. 3.2, in the order of Eq. 12."""


@dataclass(frozen=True)
class Alignment:
    """How a student is aligned with its teachers: the three terms of Sec. 3.2.

    Args:
        estimator: Psi_theta, one for all teachers.
        terms: which of `TERMS` the program contains.
        num_iterations: power iterations of Alg. 1.
        similarity_over: "batch" for J_Sim of the mean cosine, as Eq. 1 prints it, or "sample" for
            the mean of each sample's.

    Example:
        >>> from rsstl_jax.phases.distill_step import DistillContext
        >>> alignment = Alignment(Estimator(2), ("similarity",))
        >>> extract = jnp.array([[1.0, 0.0]])
        >>> student = Representations(extract, extract, jnp.zeros((1, 2)))
        >>> context = DistillContext({}, {"similarity": 0.5}, margin=0.2)
        >>> losses = alignment.losses({}, student, extract[None], extract[None], context)
        >>> round(float(losses["similarity"]), 4)  # 1 - cos 0.2, the least there is
        0.0199
    """

    estimator: Estimator
    terms: tuple[str, ...]
    num_iterations: int = 10
    similarity_over: str = "batch"

    def __post_init__(self) -> None:
        if not isinstance(self.terms, str):
            object.__setattr__(self, "terms", tuple(self.terms))  # A list has no hash.
        if unknown := [term for term in self.terms if term not in TERMS]:
            raise ValueError(f"terms has {unknown}; choose from {', '.join(TERMS)}.")
        if self.similarity_over not in ("batch", "sample"):
            raise ValueError(
                f"similarity_over is {self.similarity_over!r}; it must be 'batch' or 'sample'."
            )

    def losses(
        self,
        estimator_params: Params,
        student: Representations,
        frame: jax.Array,
        extract: jax.Array,
        context: Any,
    ) -> dict[str, jax.Array]:
        """{term: scalar} of a batch, each summed over the teachers.

        A term whose weight is 0 is 0 and is not computed, though the weight is traced: one
        program serves students with it and without. The terms have derivatives in theta, the
        student and the margin; weights, mask and teachers count as constants.

        Args:
            estimator_params: theta.
            student: the student's representations of the batch.
            frame: float[N, B, F]. Z_G^F of N teachers.
            extract: float[N, B, D]. Z_G^E.
            context: DistillContext; read here: `weights`, `margin` and `teacher_mask`.
        """
        check_margin(context.margin)
        for term in self.terms:
            if term not in context.weights:
                raise ValueError(f"weights has no {term!r}; 0 leaves the term out.")
            name, weight = f"weight of {term!r}", context.weights[term]
            check_rank(name, weight, 0)
            may_weigh = lambda x: (x >= 0) & np.isfinite(x)  # noqa: E731
            check_known(name, weight, may_weigh, "finite and at least 0")
        if context.teacher_mask is not None:
            context = context._replace(teacher_mask=jnp.asarray(context.teacher_mask, float))
        if "mutual_information" in self.terms and not jax.tree.leaves(estimator_params):
            raise ValueError(
                "estimator_params is empty; mutual_information needs those that init_params of "
                "rsstl_jax.models.network makes, given to make_distill_state as estimator."
            )
        _check_teachers(student.extract, frame, extract, context.teacher_mask)
        arrays = (estimator_params, student, frame, extract, context)
        return partition_freely(self._losses, arrays, PartitionSpec())

    def _losses(
        self,
        estimator_params: Params,
        student: Representations,
        frame: jax.Array,
        extract: jax.Array,
        context: Any,
    ) -> dict[str, jax.Array]:
        mask, margin = context.teacher_mask, jnp.asarray(context.margin, float)
        if mask is not None:  # 0 * NaN is NaN: what is left out must not reach a gradient either.
            frame, extract = (jnp.where(mask[:, None, None] > 0, z, 0) for z in (frame, extract))
        # Each term with what it is differentiated in, and with its other inputs, whose gradients
        # are zero: they would be written and added up.
        arguments = {
            "similarity": (self._similarity, (student.extract, margin), (extract, mask)),
            "mutual_information": (
                self._mutual_information,
                (estimator_params, student.extract),
                (extract, mask),
            ),
            "functional_information": (
                self._functional_information,
                (student.frame, student.extract),
                (frame, extract, mask),
            ),
        }
        losses = {}
        for name in self.terms:
            term, inputs, constants = arguments[name]
            with jax.named_scope(name):
                losses[name] = gated(term, jnp.asarray(context.weights[name]), inputs, constants)
        return losses

    def _similarity(self, inputs: Any, constants: Any) -> jax.Array:
        """J_Sim, Eq. 1."""
        (student, margin), (extract, mask) = inputs, constants
        loss = partial(angular_similarity_loss, margin=margin)

        def with_one_teacher(student: jax.Array, teacher: jax.Array) -> jax.Array:
            if self.similarity_over == "batch":
                return loss(student, teacher)
            return jax.vmap(loss)(student[:, None], teacher[:, None]).mean()

        student = spread(student, 0, len(extract))
        return _sum_over_teachers(jax.vmap(with_one_teacher)(student, extract), mask)

    def _mutual_information(self, inputs: Any, constants: Any) -> jax.Array:
        """J_MI, the negative of Eq. 4's bound."""
        (theta, student), (extract, mask) = inputs, constants
        pairs = self.estimator.apply({"params": theta}, extract, student, method="score_pairs")
        return _sum_over_teachers(jax.vmap(mutual_information_loss)(*pairs), mask)

    def _functional_information(self, inputs: Any, constants: Any) -> jax.Array:
        """J_FI, Eq. 11."""
        frame, extract, mask = constants
        information = partial(functional_information, num_iterations=self.num_iterations)
        of_student, of_teachers = information(*inputs), jax.vmap(information)(frame, extract)
        gaps = functional_information_loss(
            jnp.broadcast_to(of_student, of_teachers.shape), of_teachers
        )
        return _sum_over_teachers(gaps, mask)


def _check_teachers(
    student: jax.Array, frame: jax.Array, extract: jax.Array, mask: jax.Array | None
) -> None:
    batch, *shapes = (np.shape(array) for array in (student, frame, extract))
    expected = (*shapes[0][:1], *batch[:1])
    if any(len(s) != 3 or 0 in s or s[:2] != expected for s in shapes):
        raise ValueError(
            f"frame has shape {shapes[0]} and extract {shapes[1]}; float[N, B, F] and "
            f"float[N, B, D] of N >= 1 teachers are expected, B as of the student's {batch}."
        )
    if mask is not None:
        if mask.shape != shapes[0][:1]:
            raise ValueError(f"teacher_mask has shape {mask.shape}; {shapes[0][:1]} is expected.")
        check_known("teacher_mask", mask, lambda x: (x == 0) | (x == 1), "of 1 and 0")


def _sum_over_teachers(values: jax.Array, mask: jax.Array | None) -> jax.Array:
    return (values if mask is None else jnp.where(mask > 0, values, 0)).sum()


def allowed_terms(config: ConfigDict, network: Network) -> tuple[str, ...]:
    """The terms that make sense for the network: J_FI for Lipschitz ones only, unless forced."""
    lipschitz = network.lipschitz or config.distill.force_functional_information
    return tuple(term for term in TERMS if lipschitz or term != "functional_information")
