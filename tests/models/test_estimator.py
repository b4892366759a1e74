"""Psi_theta: splitting its first layer over teacher and student changes nothing."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import draw_params

from rsstl_jax.losses import product_pairs
from rsstl_jax.models import Estimator


@pytest.fixture(scope="module")
def scored():
    """Three teachers, seven samples, five features; biases that are not zero."""
    estimator = Estimator(5, hidden_width=16)
    rng = np.random.default_rng(0)
    teacher = rng.normal(size=(3, 7, 5)).astype(np.float32)
    student = rng.normal(size=(7, 5)).astype(np.float32)
    params = {"params": draw_params(estimator, teacher[0], student)}
    pairs = jax.jit(partial(estimator.apply, method="score_pairs"))(params, teacher, student)
    return estimator, params, teacher, student, pairs


def test_parameters_counted_by_hand():
    """600 -> 512 -> 512 -> 1."""
    pair = jax.ShapeDtypeStruct((1, 300), jnp.float32)
    params = jax.eval_shape(Estimator(300).init, jax.random.key(0), pair, pair)
    total = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert total == (600 * 512 + 512) + (512 * 512 + 512) + (512 + 1)


def test_the_first_layer_is_drawn_as_one_kernel_over_both_inputs():
    """LeCun's variance of the concatenation, 1 / 600; each half alone would have 1 / 300."""
    pair = jnp.zeros((1, 300))
    kernel = jax.jit(Estimator(300).init)(jax.random.key(0), pair, pair)["params"]["kernel"]
    for half in ("teacher", "student"):
        assert kernel[half].shape == (300, 512)
        assert 600 * np.var(kernel[half]) == pytest.approx(1, abs=0.05)


def test_score_is_a_perceptron_on_the_concatenation(scored):
    estimator, params, teacher, student, _ = scored
    own = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params["params"])
    x = np.concatenate([teacher[0], student], axis=1).astype(np.float64)
    kernel = np.concatenate([own["kernel"]["teacher"], own["kernel"]["student"]])
    x = np.maximum(x @ kernel + own["bias"], 0)
    x = np.maximum(x @ own["second"]["kernel"] + own["second"]["bias"], 0)
    expected = (x @ own["last"]["kernel"] + own["last"]["bias"])[:, 0]
    scores = jax.jit(estimator.apply)(params, teacher[0], student)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


def test_joint_pairs_equal_one_call_per_teacher(scored):
    estimator, params, teacher, student, (joint, _) = scored
    plain = [jax.jit(estimator.apply)(params, one, student) for one in teacher]
    np.testing.assert_allclose(joint, plain, rtol=1e-5, atol=1e-6)


def test_product_pairs_equal_one_call_per_teacher_on_the_rolled_batch(scored):
    estimator, params, teacher, student, (joint, product) = scored
    rolled = product_pairs(student)
    plain = [jax.jit(estimator.apply)(params, one, rolled) for one in teacher]
    np.testing.assert_allclose(product, plain, rtol=1e-5, atol=1e-6)
    assert np.abs(joint - product).max() > 0.1


def test_gradients_of_the_split_equal_those_of_the_plain_form(scored):
    estimator, params, teacher, student, _ = scored

    def split(params, student):
        joint, product = estimator.apply(params, teacher, student, method="score_pairs")
        return jnp.sum(jnp.sin(joint)) + jnp.sum(jnp.cos(product))

    def plain(params, student):
        call = jax.vmap(estimator.apply, (None, 0, None))
        joint, product = (call(params, teacher, x) for x in (student, product_pairs(student)))
        return jnp.sum(jnp.sin(joint)) + jnp.sum(jnp.cos(product))

    ours, expected = (jax.jit(jax.grad(f, argnums=(0, 1)))(params, student) for f in (split, plain))
    for leaf, other in zip(jax.tree.leaves(ours), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(leaf, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("teachers", "pairs"),
    [((3, 6, 5), (6, 5)), ((7, 5), (7, 4)), ((3, 7, 4), (3, 7, 5))],
    ids=["another batch", "another width or axis", "an axis too many"],
)
def test_representations_that_do_not_pair_are_an_error(scored, teachers, pairs):
    estimator, params, _, student, _ = scored
    with pytest.raises(AssertionError, match=r"teacher must be float\[N, B, D\]"):
        estimator.apply(params, jnp.zeros(teachers), student, method="score_pairs")
    with pytest.raises(AssertionError, match=r"teacher must be float\[N, B, D\]"):
        wide = jnp.zeros((3, 6, 2 * student.shape[1]))
        estimator.apply(params, wide, wide[0], method="score_pairs")
    with pytest.raises(AssertionError, match=r"teacher \(.*, student \(.*: both must be float"):
        estimator.apply(params, jnp.zeros(pairs), student)
