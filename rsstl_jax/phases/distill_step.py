"""The distilling step of phase 2: one student under all its teachers (Alg. 3)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from rsstl_jax.engine.loop import Step
from rsstl_jax.engine.radio_map import RadioMap
from rsstl_jax.engine.site_network import SiteNetwork
from rsstl_jax.engine.train_state import TrainState, gradient_norm, make_state_of_parts
from rsstl_jax.losses import combine, localization_loss, normalize_weights
from rsstl_jax.phases.alignment_terms import TERMS, Alignment
from rsstl_jax.phases.gating import if_positive
from rsstl_jax.types import Batch, Params, TeacherFn

# What gives the estimator no gradient; J_MI, and any term of one's own, may.
_WITHOUT_ESTIMATOR = ("localization", "soft_target", "similarity", "functional_information")


class DistillContext(NamedTuple):
    """What a distilling step reads and never writes; all of it is traced.

    Students that differ in these values alone, and in their seed, share one compiled program.

    Args:
        teachers: pytree of float[N, ...]. Stacked parameters of the teachers.
        weights: lambda of Eq. 12 by name of the term, before norming; 0 leaves a term out.
        margin: alpha of Eq. 1, radians.
        teacher_mask: float[N] of 1 and 0, which teachers take part; None: all.
        learning_rate: what the optimiser's updates are multiplied by.
        noise_key: typed key that the teachers are given at every step, for "fixed" noise; None:
            a key of its own at every step.
        soft_target_m: float[R + U, 2]. The position that teachers predict for each fingerprint,
            centred, metres; None: they predict none.
        unlabelled: U fingerprints with their pseudo-labels, of which some are drawn at every step;
            `row`, that of the soft target, goes on from R. None: there are none.
        survey: that of the site network, for a network that uses a support; None: there is none.

    Example:
        >>> DistillContext({}, {"localization": 3.0}, 0.2).learning_rate
        1.0
    """

    teachers: Params
    weights: dict[str, jax.Array | float]
    margin: jax.Array | float
    teacher_mask: jax.Array | None = None
    learning_rate: jax.Array | float = 1.0
    noise_key: jax.Array | None = None
    soft_target_m: jax.Array | None = None
    unlabelled: Batch | None = None
    survey: RadioMap | None = None


def make_distill_state(
    student: Params, estimator: Params, tx: optax.GradientTransformation
) -> TrainState:
    """The state a distilling step begins with; student and estimator have an optimiser each."""
    return make_state_of_parts({"student": student, "estimator": estimator}, tx)


def make_distill_step(
    site_network: SiteNetwork,
    teachers: TeacherFn,
    alignment: Alignment,
    tx: optax.GradientTransformation,
    *,
    num_unlabelled: int = 0,
) -> Step:
    """A step of student and estimator on J_overall (Eq. 12).

    J_overall = l1 J_MAE + l2 J_Sim + l3 J_MI + l4 J_FI, with l = lambda / sum(lambda); J_MI is
    the negative of Eq. 4's bound, which the estimator maximises together with the student. If
    teachers predict positions, l5 times the mean distance to these is added. Unlabelled
    fingerprints take part in all terms but J_MAE.

    Differs: Alg. 3 never updates the estimator, which would leave it at chance.

    Args:
        site_network: the student at the target.
        teachers: what the teachers make of a batch.
        alignment: the terms.
        tx: the optimiser; `DistillContext.learning_rate` multiplies its updates.
        num_unlabelled: fingerprints of `DistillContext.unlabelled` that are drawn for a step.

    Returns:
        step(state, batch, key, context) -> (state, metrics): the state is that of
        `make_distill_state`, the context a DistillContext, metrics are the unweighted terms,
        total and the gradient's norm. It raises a ValueError where unlabelled fingerprints are to
        be drawn and the context has none, where a term has no weight, where a weight's term is
        none of the step's or the paper's, where a batch has more fingerprints than there are soft
        targets or arrays of unequal length, or where teachers return no (frame, extract).

    Example:
        >>> from rsstl_jax import load_site, make_config
        >>> from rsstl_jax.engine.site_job import make_site_job
        >>> from rsstl_jax.models import Estimator
        >>> config = make_config("paper", target="synthetic-office", sources="synthetic-mall")
        >>> job = make_site_job(config, load_site("synthetic-office").train)
        >>> def teachers(params, key, batch):  # a teacher of one's own: the same for every batch
        ...     return jnp.ones((1, len(batch.row), 300)), jnp.ones((1, len(batch.row), 300))
        >>> alignment, tx = Alignment(Estimator(300), ("similarity",)), optax.sgd(1e-3)
        >>> step = make_distill_step(job.site_network, teachers, alignment, tx)
        >>> state = make_distill_state(job.init(jax.random.key(0)), {}, tx)
        >>> context = DistillContext({}, {"localization": 3.0, "similarity": 0.5}, margin=0.2)
        >>> batch = jax.tree.map(lambda leaf: leaf[:8], job.data)
        >>> state, metrics = jax.jit(step)(state, batch, jax.random.key(1), context)
        >>> sorted(metrics)
        ['gradient_norm', 'localization', 'similarity', 'total']
        >>> weighted = (3.0 * metrics["localization"] + 0.5 * metrics["similarity"]) / 3.5  # Eq. 12
        >>> bool(jnp.isclose(metrics["total"], weighted))
        True
    """

    def loss_fn(
        params: Params,
        batch: Batch,
        taught: tuple[jax.Array, jax.Array],
        context: DistillContext,
        key: jax.Array,
        num_labelled: int,
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        with jax.named_scope("student"):
            network = site_network.for_step(key, context.survey, batch.row[:num_labelled])
            student = network.represent(params["student"], batch.rss_dbm, key=key)
            predicted_m = student.location * site_network.preprocessor.scale_m
        losses = {}
        with jax.named_scope("localization"):
            labelled = slice(num_labelled)
            error_m = localization_loss(predicted_m[labelled], batch.centered_m[labelled])
            losses["localization"] = error_m.mean()
        if context.soft_target_m is not None:
            with jax.named_scope("soft_target"):
                soft_target_m = _soft_targets_of(context.soft_target_m, batch.row, num_labelled)
                distance_m = localization_loss(predicted_m, soft_target_m)
                losses["soft_target"] = distance_m.mean()
        terms = alignment.losses(params["estimator"], student, *taught, context)
        if taken := sorted(losses.keys() & terms):
            raise ValueError(f"a term is called {taken[0]!r}, as one of the step; rename it.")
        losses |= terms
        _check_weighed(context.weights, losses)
        # Eq. 12: J_overall = l1 J_MAE + l2 J_Sim + l3 J_MI + l4 J_FI (+ l5 times the soft target),
        # with l = lambda / sum(lambda); a term that no student of the run weighs is absent.
        weights = normalize_weights({term: context.weights[term] for term in losses})
        return combine({term: (weights[term], losses[term]) for term in losses})

    def update(part: str, state: TrainState, grads: Params, rate: Any) -> tuple[Params, Any]:
        params = state.params[part]
        updates, opt_state = tx.update(grads[part], state.opt_state[part], params)
        updates = jax.tree.map(lambda leaf: rate * leaf, updates)
        return optax.apply_updates(params, updates), opt_state

    def step(
        state: TrainState, batch: Batch, key: jax.Array, context: DistillContext
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        # All students of a seed share this key: same batches, augmentation and dropout.
        student_key, teacher_key, unlabelled_key = (jax.random.fold_in(key, i) for i in range(3))
        num_labelled = len(batch.row)
        if unequal := [leaf.shape for leaf in batch if len(leaf) != num_labelled]:
            raise ValueError(f"a batch has {num_labelled} rows and an array {unequal[0]}")
        if num_unlabelled > 0:
            batch = _with_unlabelled(batch, context.unlabelled, unlabelled_key, num_unlabelled)
        if context.noise_key is not None:
            teacher_key = context.noise_key
        with jax.named_scope("teachers"):
            taught = if_positive(
                _sum_of_weights(context, without=("localization", "soft_target")),
                lambda: _taught(teachers(context.teachers, teacher_key, batch)),
            )
        grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
        (total, losses), grads = grad_fn(
            state.params, batch, taught, context, student_key, num_labelled
        )
        with jax.named_scope("optimizer"):
            rate = context.learning_rate
            student, student_opt = update("student", state, grads, rate)
            estimator, estimator_opt = if_positive(
                _sum_of_weights(context, without=_WITHOUT_ESTIMATOR),
                lambda: update("estimator", state, grads, rate),
                otherwise=lambda: (state.params["estimator"], state.opt_state["estimator"]),
            )
        state = state._replace(
            params={"student": student, "estimator": estimator},
            opt_state={"student": student_opt, "estimator": estimator_opt},
        )
        return state, {"total": total, **losses, "gradient_norm": gradient_norm(grads)}

    return step


def _check_weighed(weights: dict[str, Any], losses: dict[str, Any]) -> None:
    """Terms of the paper that the step leaves out may have a weight, which then counts for none."""
    if missing := losses.keys() - weights:
        raise ValueError(f"weights has no {sorted(missing)[0]!r}; 0 leaves the term out.")
    if unknown := weights.keys() - losses - {*TERMS}:
        raise ValueError(
            f"weights has {sorted(unknown)[0]!r}, which is no term of this step: "
            f"{', '.join(losses)}."
        )


def _soft_targets_of(soft_target_m: jax.Array, row: jax.Array, least: int) -> jax.Array:
    """The soft targets of a batch; NaN for a row that is not there: JAX would take the last one."""
    if soft_target_m.ndim != 2 or soft_target_m.shape[1] != 2 or len(soft_target_m) < least:
        raise ValueError(
            f"soft_target_m has shape {soft_target_m.shape}; [n, 2] is expected, a row for each "
            f"fingerprint that rows of batches number, so at least {least}."
        )
    return soft_target_m.at[row].get(mode="fill", fill_value=jnp.nan)


def _taught(taught: Any) -> tuple[jax.Array, jax.Array]:
    """What teachers make of a batch, as a constant."""
    if not isinstance(taught, tuple | list) or len(taught) != 2:
        shapes = jax.tree.map(jnp.shape, taught)
        raise ValueError(f"teachers must return (frame, extract), got arrays of shape {shapes}")
    frame, extract = jax.lax.stop_gradient(taught)
    return frame, extract


def _sum_of_weights(context: DistillContext, *, without: tuple[str, ...]) -> jax.Array | float:
    """What all other terms weigh together, those of one's own among them."""
    return sum(jnp.asarray(w) for term, w in context.weights.items() if term not in without)


def _with_unlabelled(batch: Batch, pool: Batch | None, key: jax.Array, number: int) -> Batch:
    """The batch with so many unlabelled fingerprints behind it."""
    if pool is None:
        raise ValueError(f"num_unlabelled is {number} and the context's unlabelled is None")
    drawn = jax.random.randint(key, (number,), 0, len(pool.row), jnp.int32)
    return jax.tree.map(lambda leaf, more: jnp.concatenate([leaf, more[drawn]]), batch, pool)
