"""Phase 2, expert distilling: a student on the target, aligned with all teachers at once."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from rsstl_jax.data import Fingerprints
from rsstl_jax.losses import (
    angular_similarity_loss,
    combine,
    functional_information,
    functional_information_loss,
    localization_loss,
    mutual_information_loss,
    normalize_weights,
)
from rsstl_jax.models import Estimator, Generator, make_network
from rsstl_jax.train.initial import initial_params
from rsstl_jax.train.localizer import Localizer, make_batch
from rsstl_jax.train.loop import Step, fit
from rsstl_jax.train.recorder import Recorder
from rsstl_jax.train.specialise import make_localizer, training_plan
from rsstl_jax.train.state import TrainState, make_state
from rsstl_jax.train.surrogate import TeacherFn, make_teacher_fn
from rsstl_jax.types import Batch, Params, Representations

__all__ = [
    "Alignment",
    "DistillContext",
    "active_terms",
    "distill",
    "make_distill_step",
]


class DistillContext(NamedTuple):
    """What a distilling step reads and never writes; all of it is traced.

    Args:
        teachers: pytree of float[N, ...]. Stacked parameters of the teachers.
        weights: lambda of Eq. 12 by name of the term, before norming.
        margin: alpha of Eq. 1, radians.

    Example:
        >>> DistillContext({}, {"localization": 3.0}, 0.2).margin
        0.2
    """

    teachers: Params
    weights: dict[str, jax.Array | float]
    margin: jax.Array | float


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
            similarity = lambda z: angular_similarity_loss(student.extract, z, margin=margin)  # noqa: E731
            per_teacher["similarity"] = jax.vmap(similarity)(extract)
        if "mutual_information" in self.terms:
            joint, product = self.estimator.apply(
                {"params": estimator_params}, extract, student.extract, method="score_pairs"
            )
            per_teacher["mutual_information"] = jax.vmap(mutual_information_loss)(joint, product)
        if "functional_information" in self.terms:
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


def make_distill_step(
    localizer: Localizer,
    teachers: TeacherFn,
    alignment: Alignment,
    tx: optax.GradientTransformation,
) -> Step:
    """A step of student and estimator on J_overall (Eq. 12).

    J_overall = l1 J_MAE + l2 J_Sim + l3 J_MI + l4 J_FI, with l = lambda / sum(lambda); J_MI is
    the negative of Eq. 4's bound, which the estimator maximises together with the student.

    Differs: Alg. 3 never updates the estimator, which would leave it at chance.

    Args:
        localizer: the student at the target.
        teachers: what the teachers make of a batch.
        alignment: the terms.
        tx: the optimiser.

    Returns:
        step(state, batch, key, context) -> (state, metrics): parameters are {"student",
        "estimator"}, the context is a DistillContext, metrics are the unweighted terms,
        total and the gradient's norm.

    Example:
        >>> from rsstl_jax import default_config, load_site
        >>> localizer = make_localizer(default_config(), load_site("synthetic-office").train)
        >>> teachers = lambda params, key, batch: (params["frame"], params["extract"])
        >>> alignment = Alignment(Estimator(300), ("similarity",))
        >>> callable(make_distill_step(localizer, teachers, alignment, optax.adam(1e-3)))
        True
    """

    def loss_fn(
        params: Params,
        batch: Batch,
        taught: tuple[jax.Array, jax.Array],
        context: DistillContext,
        key: jax.Array,
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        student = localizer.represent(params["student"], batch.rss_dbm, key=key)
        predicted_m = student.location * localizer.preprocessor.scale_m
        error_m = localization_loss(predicted_m, batch.centered_m).mean()
        losses = {"localization": error_m + student.penalty}
        losses |= alignment.losses(params["estimator"], student, *taught, context.margin)
        weights = normalize_weights({term: context.weights[term] for term in losses})
        total, parts = combine({term: (weights[term], losses[term]) for term in losses})
        return total, parts

    def step(
        state: TrainState, batch: Batch, key: jax.Array, context: DistillContext
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        # The student's key is the stand-alone student's: same batches, augmentation and dropout.
        student_key, teacher_key = (jax.random.fold_in(key, i) for i in range(2))
        taught = jax.lax.stop_gradient(teachers(context.teachers, teacher_key, batch))
        grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
        (total, parts), grads = grad_fn(state.params, batch, taught, context, student_key)
        updates, opt_state = tx.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        metrics = {"total": total, **parts, "gradient_norm": optax.tree.norm(grads)}
        return state._replace(params=params, opt_state=opt_state), metrics

    return step


def distill(
    config: ConfigDict,
    train: Fingerprints,
    generator: Generator,
    teachers: Params,
    *,
    seed: int,
    name: str,
    recorder: Recorder,
) -> tuple[Localizer, Params]:
    """Trains the student on the target under its teachers (phase 2, Alg. 3).

    Initial parameters, batches, augmentation and dropout are those of the stand-alone student of
    the same seed, so that the two differ by the teachers alone.

    Args:
        config: the run's configuration.
        train: the target's train part.
        generator: the module that all teachers share.
        teachers: pytree of float[N, ...]. Their stacked parameters.
        seed: of the initial parameters and of the training's randomness.
        name: of the training.
        recorder: takes metrics and states; a training that has finished is loaded from it.

    Returns:
        (localizer, the student's parameters).

    Raises:
        DivergedError: if a term stops being finite.

    Example:
        >>> import tempfile
        >>> from rsstl_jax import load_site, make_config
        >>> from rsstl_jax.models import make_generator, make_network, stack_teachers
        >>> config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
        >>> generator = make_generator(make_network(config))
        >>> teacher = generator.init(jax.random.key(0), jnp.zeros((1, 128)))["params"]
        >>> train = load_site("synthetic-office").train
        >>> with tempfile.TemporaryDirectory() as workdir:
        ...     localizer, student = distill(
        ...         config, train, generator, stack_teachers([teacher]), seed=0, name="demo",
        ...         recorder=Recorder(workdir))
        >>> sorted(student)
        ['extractor', 'framer', 'regressor']
    """
    localizer = make_localizer(config, train)
    init_key, train_key = jax.random.split(jax.random.key(seed))
    estimator_key, noise_key = jax.random.split(jax.random.fold_in(init_key, 1))
    finished = recorder.load_final(name, localizer.shapes(train.num_access_points))
    if finished is not None:
        return localizer, finished
    student = initial_params(config, localizer, train, init_key, name=name, recorder=recorder)
    width = localizer.network.extract_width
    estimator = Estimator(width, config.distill.estimator_width)
    pair = jnp.zeros((1, width))
    params = {"student": student, "estimator": estimator.init(estimator_key, pair, pair)["params"]}
    alignment = Alignment(
        estimator, active_terms(config), config.distill.reduction, config.distill.num_iterations
    )
    scale_m = localizer.preprocessor.scale_m
    ask = make_teacher_fn(generator, config.teacher, scale_m=scale_m, noise_key=noise_key)
    batch_size, epochs, tx = training_plan(config, len(train))
    state = fit(
        make_distill_step(localizer, ask, alignment, tx),
        make_state(params, tx),
        make_batch(train, localizer.preprocessor),
        train_key,
        epochs=epochs,
        batch_size=batch_size,
        name=name,
        recorder=recorder,
        context=DistillContext(teachers, config.distill.weights.to_dict(), config.distill.margin),
    )
    recorder.save_final(name, state.params["student"], epochs)
    return localizer, state.params["student"]
