"""Training steps under the settings of JAX that people debug with or need elsewhere."""

import gc
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from rsstl_jax.engine.replicas import stack
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.engine.site_network import make_locate_fn
from rsstl_jax.models.generator import make_generator
from rsstl_jax.phases.distillation import make_distillation
from rsstl_jax.phases.student_specs import STUDENTS, plan_student
from rsstl_jax.phases.teacher_set import TeacherSet
from rsstl_jax.site_agnostic.teacher_outputs import TeacherOutputs
from rsstl_jax.store.recorder import Recorder

NETWORKS = ("dnn", "cnnloc", "bayescnn", "baat", "agnostic")
FIELDS = {
    "model.bayescnn.channels": (2,),
    "model.bayescnn.dense_width": 8,
    "model.baat.num_tokens": 3,
    "model.baat.token_width": 8,
    "model.baat.num_blocks": 1,
    "model.baat.num_heads": 2,
    "model.baat.feed_width": 8,
    "model.cnnloc.pretrain_epochs": 0,
    "model.agnostic.num_access_points": 4,
    "model.agnostic.num_neighbours": 3,
    "model.agnostic.width": 8,
    "model.agnostic.num_blocks": 1,
    "model.agnostic.num_heads": 2,
    "model.agnostic.feed_width": 8,
    "distill.num_unlabelled": 3,
    "data.fraction": 0.5,
    "distill.weights.soft_target": 0.5,
}
STRICT = {"jax_numpy_dtype_promotion": "strict", "jax_numpy_rank_promotion": "raise"}
LEAKS = {"jax_check_tracer_leaks": True}
FLOAT64 = {"jax_enable_x64": True}
CHECKED = {"jax_debug_nans": True, "jax_debug_infs": True}


@contextmanager
def options(values):
    """Options of JAX inside a `with`."""
    before = {name: getattr(jax.config, name) for name in values}
    for name, value in values.items():
        jax.config.update(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


def make_distilling(network, folder, **fields):
    """(job, step, start, batch) of phase 2 under two teachers of each kind.

    `start` makes (state, key, context).
    """
    kind = "agnostic" if network == "agnostic" else "both"
    config = tiny.make_tiny_config(**FIELDS | {"network": network, "teacher.kind": kind} | fields)
    job = make_site_job(config, tiny.make_part())
    generator = make_generator(job.network, 8)
    code = jnp.zeros((1, config.teacher.latent_width + 2), jnp.float32)
    surrogates = [tiny.draw_params(generator, code, seed=seed) for seed in range(2)]
    rng = np.random.default_rng(0)
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)  # noqa: E731
    unlabelled = job.data.rss_dbm[:4]
    rows = len(job.train) + len(unlabelled)
    outputs = TeacherOutputs(draw(2, rows, 8), draw(2, rows, 8), draw(rows, 2), unlabelled)
    plan = plan_student(config, job.network, STUDENTS["distilled"])
    distillation = make_distillation(
        job,
        TeacherSet(generator, stack(surrogates), {}),
        {"student": (0, plan._replace(teacher_mask=(1.0,) * (2 if kind == "agnostic" else 4)))},
        recorder=Recorder(folder),
        outputs=outputs,
    )
    batch = jax.tree.map(lambda leaf: leaf[:6], job.data)
    return job, distillation.step, distillation.starts["student"], batch


# Flax draws the masks of its dropout in JAX's default dtype.
WITHOUT_DROPOUT = dict.fromkeys((f"model.{name}.dropout" for name in NETWORKS[:-1]), 0.0)
WITHOUT_DROPOUT["model.dnn.input_dropout"] = 0.0


def take_step(network, folder):
    _, step, start, batch = make_distilling(network, folder, **WITHOUT_DROPOUT)
    state, key, context = start()
    return jax.jit(step)(state, batch, key, context)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_step_promotes_nothing_and_leaks_nothing(network, tmp_path):
    with options(STRICT):
        _, step, start, batch = make_distilling(network, tmp_path)
        state, key, context = jax.eval_shape(start)
        # Of the step alone: the setting makes JAX trace everything anew, and look for tracers among
        # all objects that are not frozen.
        gc.freeze()
        try:
            with options(LEAKS):
                jax.eval_shape(step, state, batch, key, context)
        finally:
            gc.unfreeze()  # Hypothesis asks what refers to its generators.
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(batch))


def test_a_step_with_float64_enabled_stays_in_float32(tmp_path):
    """Of the DNN and of all terms; traced, not compiled."""
    with options(FLOAT64):
        _, step, start, batch = make_distilling("dnn", tmp_path, **WITHOUT_DROPOUT)
        state, key, context = jax.eval_shape(start)
        left = jax.eval_shape(step, state, batch, key, context)
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(left)}
    assert dtypes == {jnp.dtype("float32"), jnp.dtype("int32")}


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_a_step_with_float64_enabled_has_the_values_of_float32(network, tmp_path):
    with options(FLOAT64):
        state, metrics = take_step(network, tmp_path / "float64")
    wanted = take_step(network, tmp_path / "float32")
    for got, same in zip(jax.tree.leaves((state, metrics)), jax.tree.leaves(wanted), strict=True):
        assert got.dtype == same.dtype
        np.testing.assert_allclose(np.asarray(got), np.asarray(same), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_no_operation_of_a_step_makes_a_nan_or_an_infinity(network, tmp_path):
    """Operation by operation: JAX checks of a compiled program only what comes out of it."""
    with options(CHECKED):
        job, step, start, batch = make_distilling(network, tmp_path)
        state, key, context = start()
        make_locate_fn(job.site_network)(state.params["student"], job.train.rss_dbm)
        with jax.disable_jit():
            step(state, batch, key, context)
