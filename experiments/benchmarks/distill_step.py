"""The distilling step of this package, on drawn fingerprints, and two plainer forms of it."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from rsstl_jax import make_config
from rsstl_jax.data import Fingerprints
from rsstl_jax.engine.loop import Step, make_epochs
from rsstl_jax.engine.replicas import stack
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.engine.site_network import make_batch
from rsstl_jax.engine.train_state import TrainState, make_optimizer
from rsstl_jax.models import Estimator
from rsstl_jax.models.generator import make_generator
from rsstl_jax.phases.alignment_terms import TERMS, Alignment
from rsstl_jax.phases.distill_step import DistillContext, make_distill_state, make_distill_step
from rsstl_jax.phases.generators import make_teacher_fn
from rsstl_jax.types import Batch

BATCH, WIDTH, LATENT, HIDDEN, ESTIMATOR = 128, 300, 128, 256, 512
ACCESS_POINTS = 520  # of UJIIndoorLoc
_LARGE, _REPEATED = (512, 512, 512), 40
FORMS = ("ours", "Python loop over teachers", "estimator not split")


def draw_site(num_rows: int, *, detected: float = 0.1, seed: int = 0) -> Fingerprints:
    """Drawn fingerprints of UJIIndoorLoc's width, of which a fraction of the readings is there."""
    rng = np.random.default_rng(seed)
    rss_dbm = rng.uniform(-95, -35, (num_rows, ACCESS_POINTS)).astype(np.float32)
    rss_dbm[rng.random(rss_dbm.shape) > detected] = np.nan
    position_m = rng.uniform(0, 100, (num_rows, 2))
    names = tuple(f"AP{i}" for i in range(ACCESS_POINTS))
    return Fingerprints("drawn", "train", rss_dbm, position_m, None, None, names)


class _LoopAlignment(Alignment):
    """Teacher by teacher in Python, as a port of the printed algorithm would have it."""

    def losses(self, estimator_params, student, frame, extract, context):  # type: ignore[no-untyped-def]
        parts = [
            super(_LoopAlignment, self).losses(
                estimator_params, student, frame[i : i + 1], extract[i : i + 1], context
            )
            for i in range(len(frame))
        ]
        return jax.tree.map(lambda *values: sum(values), *parts)


class _PlainEstimator(nn.Module):
    """A perceptron on the concatenation, called twice for each teacher; nothing shared."""

    extract_width: int

    def setup(self) -> None:
        self.layers = nn.Dense(ESTIMATOR), nn.Dense(ESTIMATOR), nn.Dense(1)

    def __call__(self, teacher: jax.Array, student: jax.Array) -> jax.Array:
        first, second, last = self.layers
        pair = jnp.concatenate([teacher, student], axis=-1)
        return last(nn.relu(second(nn.relu(first(pair)))))[..., 0]

    def score_pairs(self, teacher: jax.Array, student: jax.Array) -> tuple[jax.Array, jax.Array]:
        rolled = jnp.roll(student, -1, axis=0)
        joint = jnp.stack([self(one, student) for one in teacher])
        return joint, jnp.stack([self(one, rolled) for one in teacher])


class Job(NamedTuple):
    """A distilling step and all that it is called with."""

    step: Step
    state: TrainState
    data: Batch
    key: jax.Array
    context: DistillContext


def make_job(form: str = "ours", *, num_teachers: int = 2, num_steps: int = 20) -> Job:
    """The distilling step of the paper's DNN with all terms, on `num_steps` batches."""
    config = make_config("paper", target="uji", sources="uts,tampere")
    train = draw_site(num_steps * BATCH)
    site_network = make_site_job(config, train).site_network
    generator = make_generator(site_network.network)
    keys = jax.random.split(jax.random.key(0), num_teachers)
    code = jnp.zeros((1, LATENT))
    teachers = stack([generator.init(key, code)["params"] for key in keys])
    estimator = (_PlainEstimator if form == FORMS[2] else Estimator)(WIDTH)
    alignment = Alignment(estimator, TERMS)
    if form == FORMS[1]:
        alignment = _LoopAlignment(**vars(replace(alignment)))
    pair = jnp.zeros((1, WIDTH))
    student = site_network.init(jax.random.key(1), ACCESS_POINTS)
    theta = estimator.init(jax.random.key(2), pair, pair)["params"]
    tx = make_optimizer(1e-3, "constant", 1)
    ask = make_teacher_fn(generator, config.teacher, scale_m=site_network.preprocessor.scale_m)
    step = make_distill_step(site_network, ask, alignment, tx)
    data = make_batch(train, site_network.preprocessor)
    weights = {term: config.distill.weights[term] for term in ("localization", *TERMS)}
    context = DistillContext(teachers, weights, config.distill.margin)
    return Job(step, make_distill_state(student, theta, tx), data, jax.random.key(4), context)


def make_run(form: str = "ours", **sizes: int) -> Callable[[], Any]:
    """One call: an epoch of `make_job`, compiled."""
    step, state, data, key, context = make_job(form, **sizes)
    run = make_epochs(step, batch_size=BATCH, num_epochs=1)

    def call() -> None:
        nonlocal state
        state = jax.block_until_ready(run(state, data, key, context))[0]

    return call


def matrix_products() -> Counter[tuple[int, int, int]]:
    """The matrix products of a step under two teachers: how many of which rows, inner, columns."""
    n, b, w = 2, BATCH, WIDTH

    def layer(rows: int, inputs: int, outputs: int, *, of_input: bool = True) -> list[Any]:
        """A layer and its gradients; an input that needs none saves the third product."""
        both = [(rows, inputs, outputs), (inputs, rows, outputs)]
        return [*both, (rows, outputs, inputs)] if of_input else both

    products = [
        *layer(b, ACCESS_POINTS, w, of_input=False),
        *layer(b, w, w),
        *layer(b, w, w),
        *layer(b, w, 2),
        (b, LATENT, n * w),  # Generators, all from the same noise
        *n * [(b, w, HIDDEN), (b, HIDDEN, w)],
        *layer(n * b, w, ESTIMATOR, of_input=False),
        *layer(b, w, ESTIMATOR),
        *layer(2 * n * b, ESTIMATOR, ESTIMATOR),
        *layer(2 * n * b, ESTIMATOR, 1),
        *(n + 1) * [(b, w, b)],  # Eq. 8
        *2 * [(b, b, w)],
    ]
    return Counter(products)


def make_floor_runs() -> dict[Any, Callable[[], Any]]:
    """What the floor is made of: each matrix product and its mirror, one of 512, and a copy."""
    # As much as a step reads of parameters, gradients and both moments, again and again in place.
    vector = jnp.ones(4 * _num_params())

    def repeat(change: Callable[[jax.Array], jax.Array], start: jax.Array) -> Callable[[], Any]:
        body = lambda x, _: (change(x), None)  # noqa: E731
        run = jax.jit(lambda x: jax.lax.scan(body, x, None, length=_REPEATED)[0])
        return lambda: jax.block_until_ready(run(start))

    def product(rows: int, inner: int, columns: int) -> Callable[[], Any]:
        there, back = jnp.full((inner, columns), 1e-3), jnp.full((columns, inner), 1e-3)
        return repeat(lambda x: x @ there @ back, jnp.full((rows, inner), 1e-3))

    runs = {shape: product(*shape) for shape in {_LARGE, *matrix_products()}}
    return {"copy": repeat(lambda x: 0.5 * x + 1, vector), **runs}


def floor_s(seconds: Mapping[Any, float]) -> dict[str, float]:
    """Seconds of a step's matrix products and of Adam's memory traffic, by `make_floor_runs`."""
    products = matrix_products()
    of_one = {shape: seconds[shape] / (2 * _REPEATED) for shape in (_LARGE, *products)}
    of_multiplication = of_one[_LARGE] / math.prod(_LARGE)
    of_pass = seconds["copy"] / (2 * 4 * _REPEATED)  # over an array as long as the parameters
    return {
        "matrix products, each at the rate of its size": sum(
            count * of_one[shape] for shape, count in products.items()
        ),
        "matrix products, all at the rate of 512 x 512": sum(
            count * math.prod(shape) * of_multiplication for shape, count in products.items()
        ),
        # Adam reads parameter, gradient and both moments, and writes all but the gradient.
        "optimiser's memory traffic": 7 * of_pass,
    }


def _num_params() -> int:
    """Those of student and estimator."""
    student = (ACCESS_POINTS + 1) * WIDTH + 2 * (WIDTH + 1) * WIDTH + 2 * (WIDTH + 1)
    return student + (2 * WIDTH + 1) * ESTIMATOR + (ESTIMATOR + 1) * ESTIMATOR + ESTIMATOR + 1
