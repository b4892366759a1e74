"""Phase 2, expert distilling: a student on the target, aligned with all teachers at once."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from rsstl_jax.data import Fingerprints
from rsstl_jax.losses import combine, localization_loss, normalize_weights
from rsstl_jax.models import Estimator, Generator
from rsstl_jax.train.alignment import Alignment, active_terms
from rsstl_jax.train.initial import initial_params
from rsstl_jax.train.localizer import Localizer, make_batch
from rsstl_jax.train.loop import Step, fit
from rsstl_jax.train.recorder import Recorder
from rsstl_jax.train.specialise import make_localizer, training_plan
from rsstl_jax.train.state import TrainState, make_state
from rsstl_jax.train.surrogate import TeacherFn, make_teacher_fn
from rsstl_jax.types import Batch, Params

__all__ = [
    "DistillContext",
    "Distillation",
    "distill",
    "make_distill_step",
    "prepare_distillation",
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
        with jax.named_scope("student"):
            student = localizer.represent(params["student"], batch.rss_dbm, key=key)
        with jax.named_scope("localization"):
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
        with jax.named_scope("teachers"):
            taught = jax.lax.stop_gradient(teachers(context.teachers, teacher_key, batch))
        grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
        (total, parts), grads = grad_fn(state.params, batch, taught, context, student_key)
        with jax.named_scope("optimizer"):
            updates, opt_state = tx.update(grads, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
        metrics = {"total": total, **parts, "gradient_norm": optax.tree.norm(grads)}
        return state._replace(params=params, opt_state=opt_state), metrics

    return step


class Distillation(NamedTuple):
    """A distillation that is ready to train.

    Args:
        step: from `make_distill_step`.
        state: at epoch 0.
        context: what every step reads.

    Example:
        >>> Distillation._fields
        ('step', 'state', 'context')
    """

    step: Step
    state: TrainState
    context: DistillContext


def prepare_distillation(
    config: ConfigDict,
    localizer: Localizer,
    train: Fingerprints,
    generator: Generator,
    teachers: Params,
    *,
    student: Params,
    key: jax.Array,
) -> Distillation:
    """Everything that `distill` hands to the loop.

    Args:
        config: the run's configuration; read here: `distill`, `teacher`, `train`, `network`.
        localizer: the student's network at the target.
        train: the target's train part.
        generator: the module that all teachers share.
        teachers: pytree of float[N, ...]. Their stacked parameters.
        student: the student's initial parameters.
        key: typed key that those were drawn from; the estimator's and the fixed noise's follow.

    Returns:
        Distillation.

    Example:
        >>> from rsstl_jax import load_site, make_config
        >>> from rsstl_jax.models import make_generator, make_network, stack_teachers
        >>> config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
        >>> generator = make_generator(make_network(config))
        >>> teacher = generator.init(jax.random.key(0), jnp.zeros((1, 128)))["params"]
        >>> train, key = load_site("synthetic-office").train, jax.random.key(1)
        >>> localizer = make_localizer(config, train)
        >>> job = prepare_distillation(
        ...     config, localizer, train, generator, stack_teachers([teacher]),
        ...     student=localizer.init(key, train.num_access_points), key=key)
        >>> sorted(job.state.params)
        ['estimator', 'student']
    """
    estimator_key, noise_key = jax.random.split(jax.random.fold_in(key, 1))
    width = localizer.network.extract_width
    estimator = Estimator(width, config.distill.estimator_width)
    pair = jnp.zeros((1, width))
    params = {"student": student, "estimator": estimator.init(estimator_key, pair, pair)["params"]}
    alignment = Alignment(
        estimator, active_terms(config), config.distill.reduction, config.distill.num_iterations
    )
    scale_m = localizer.preprocessor.scale_m
    ask = make_teacher_fn(generator, config.teacher, scale_m=scale_m, noise_key=noise_key)
    tx = training_plan(config, len(train))[2]
    weights, margin = config.distill.weights.to_dict(), config.distill.margin
    return Distillation(
        make_distill_step(localizer, ask, alignment, tx),
        make_state(params, tx),
        DistillContext(teachers, weights, margin),
    )


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
    finished = recorder.load_final(name, localizer.shapes(train.num_access_points))
    if finished is not None:
        return localizer, finished
    init_key, train_key = jax.random.split(jax.random.key(seed))
    student = initial_params(config, localizer, train, init_key, name=name, recorder=recorder)
    job = prepare_distillation(
        config, localizer, train, generator, teachers, student=student, key=init_key
    )
    batch_size, epochs, _ = training_plan(config, len(train))
    state = fit(
        job.step,
        job.state,
        make_batch(train, localizer.preprocessor),
        train_key,
        epochs=epochs,
        batch_size=batch_size,
        name=name,
        recorder=recorder,
        context=job.context,
    )
    recorder.save_final(name, state.params["student"], epochs)
    return localizer, state.params["student"]
