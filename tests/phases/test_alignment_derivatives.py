"""In what the alignment terms have derivatives, in either mode, and in which dtype."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rsstl_jax import Representations
from rsstl_jax.losses import angular_similarity_loss
from rsstl_jax.models import Estimator
from rsstl_jax.phases.alignment_terms import Alignment
from rsstl_jax.phases.distill_step import DistillContext

ESTIMATOR = Estimator(8, 8)  # J_Sim does not ask it


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


STUDENT = Representations(normal(0, 6, 8), normal(1, 6, 8), normal(2, 6, 2))
FRAME, EXTRACT = normal(3, 3, 6, 8), normal(4, 3, 6, 8)


def similarity_of(margin, weight=1.0, student=STUDENT, extract=EXTRACT, frame=FRAME, mask=None):
    context = DistillContext({}, {"similarity": weight}, margin, mask)
    alignment = Alignment(ESTIMATOR, ["similarity"])  # a list of terms is as good as a tuple
    assert hash(alignment) == hash(Alignment(ESTIMATOR, ("similarity",)))
    return alignment.losses({}, student, frame, extract, context)["similarity"]


def test_the_margin_has_the_derivative_of_the_loss():
    def written_out(margin):
        return sum(angular_similarity_loss(STUDENT.extract, z, margin=margin) for z in EXTRACT)

    expected = jax.jit(jax.grad(written_out))(0.3)
    assert abs(expected) > 0.1
    backward, forward = (jax.jit(f(similarity_of)) for f in (jax.grad, jax.jacfwd))
    np.testing.assert_allclose(backward(0.3, 1.0), expected, rtol=1e-5)
    np.testing.assert_allclose(forward(0.3, 1.0), expected, rtol=1e-5)
    assert backward(0.3, 0.0) == 0.0


def test_weights_and_teachers_count_as_constants():
    slopes = jax.jit(jax.grad(similarity_of, (1, 3)))
    by_weight, by_teachers = slopes(0.3, 1.0, STUDENT, EXTRACT)
    assert by_weight == 0.0
    np.testing.assert_array_equal(by_teachers, np.zeros_like(EXTRACT))


@pytest.mark.parametrize("dtypes", [("float16", "float32"), ("float32", "bfloat16")])
def test_a_gradient_has_the_dtype_of_its_leaf(dtypes):
    student = jax.tree.map(lambda leaf: leaf.astype(dtypes[0]), STUDENT)
    slopes = jax.jit(jax.grad(similarity_of, 2))
    gradient = slopes(0.3, 1.0, student, EXTRACT.astype(dtypes[1]))
    assert {leaf.dtype for leaf in jax.tree.leaves(gradient)} == {jnp.dtype(dtypes[0])}
    expected = slopes(0.3, 1.0, STUDENT, EXTRACT).extract
    np.testing.assert_allclose(gradient.extract.astype(float), expected, rtol=0.05, atol=1e-3)


def test_a_margin_out_of_range_raises():
    with pytest.raises(ValueError, match=r"margin must be an angle in \[0, pi/2\)"):
        similarity_of(-0.3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mask": jnp.ones((3, 1))}, r"teacher_mask has shape \(3, 1\); \(3,\) is expected"),
        ({"mask": [1.0]}, r"teacher_mask has shape \(1,\)"),
        ({"mask": 1.0}, r"teacher_mask has shape \(\)"),
        ({"weight": jnp.nan}, "weight of 'similarity' must be finite and at least 0, got nan"),
        ({"weight": -1.0}, "weight of 'similarity' must be finite and at least 0, got -1.0"),
        ({"weight": np.ones(1)}, r"weight of 'similarity' must have 0 axes, got shape \(1,\)"),
        *(({"mask": [1, odd, 0]}, "teacher_mask must be of 1 and 0") for odd in (0.5, -1, np.nan)),
        ({"frame": FRAME[0], "extract": EXTRACT[0]}, r"frame has shape \(6, 8\)"),
        ({"frame": FRAME[:2]}, r"frame has shape \(2, 6, 8\) and extract \(3, 6, 8\)"),
        ({"frame": FRAME[:, :4], "extract": EXTRACT[:, :4]}, r"B as of the student's \(6, 8\)"),
        ({"frame": FRAME[:0], "extract": EXTRACT[:0]}, "of N >= 1 teachers are expected"),
    ],
)
def test_what_are_no_teachers_masks_or_weights_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        similarity_of(0.3, **given)


def test_teachers_of_another_batch_are_refused_by_every_term():
    """J_FI alone has a value for them."""
    alignment = Alignment(ESTIMATOR, ("functional_information",))
    context = DistillContext({}, {"functional_information": 1.0}, 0.3)
    with pytest.raises(ValueError, match=r"B as of the student's \(6, 8\)"):
        alignment.losses({}, STUDENT, FRAME[:, :4], EXTRACT[:, :4], context)


@pytest.mark.parametrize("mask", [[0, 1, 0], [False, True, False]])
def test_a_mask_may_be_a_list(mask):
    with jax.numpy_dtype_promotion("strict"):
        masked = similarity_of(0.3, mask=mask)
    assert masked == similarity_of(0.3, extract=EXTRACT[1:2], frame=FRAME[1:2])
