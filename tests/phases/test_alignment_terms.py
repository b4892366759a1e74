"""The alignment of a student with stacked teachers equals a loop over them; Eq. 12 by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import differing, draw_params, make_part, make_tiny_config

from rsstl_jax import Representations, make_network
from rsstl_jax.engine.replicas import stack
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.engine.site_network import make_batch
from rsstl_jax.losses import (
    angular_similarity_loss,
    functional_information,
    functional_information_loss,
    mutual_information_loss,
    product_pairs,
)
from rsstl_jax.models import Estimator, make_generator
from rsstl_jax.phases.alignment_terms import Alignment
from rsstl_jax.phases.distill_step import DistillContext, make_distill_state, make_distill_step
from rsstl_jax.phases.student_specs import StudentSpec, plan_student

TERMS = ("similarity", "mutual_information", "functional_information")
NUM_TEACHERS, BATCH, WIDTH = 3, 6, 8
ESTIMATOR = Estimator(WIDTH, 8)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


STUDENT = Representations(normal(0, BATCH, WIDTH), normal(1, BATCH, WIDTH), normal(2, BATCH, 2))
FRAME, EXTRACT = normal(3, NUM_TEACHERS, BATCH, WIDTH), normal(4, NUM_TEACHERS, BATCH, WIDTH)
THETA = draw_params(ESTIMATOR, STUDENT.extract, STUDENT.extract)
WITH_ALL = Alignment(ESTIMATOR, TERMS)


def losses_of(alignment, margin=0.3, **weights):
    context = DistillContext({}, dict.fromkeys(TERMS, 1.0) | weights, margin)
    return jax.jit(alignment.losses)(THETA, STUDENT, FRAME, EXTRACT, context)


@functools.cache
def together():
    return losses_of(WITH_ALL)


def terms_of_teacher(student, frame, extract, num_iterations=10):
    score = lambda z_g, z_s: ESTIMATOR.apply({"params": THETA}, z_g, z_s)  # noqa: E731
    fi = functools.partial(functional_information, num_iterations=num_iterations)
    z_s = student.extract
    joint, product = score(extract, z_s), score(extract, product_pairs(z_s))
    return {
        "similarity": angular_similarity_loss(z_s, extract, margin=0.3),
        "mutual_information": mutual_information_loss(joint, product),
        "functional_information": functional_information_loss(
            fi(student.frame, z_s), fi(frame, extract)
        ),
    }


@pytest.mark.parametrize("num_iterations", [10, 2])
def test_stacked_teachers_equal_a_loop_over_them(num_iterations):
    losses = losses_of(Alignment(ESTIMATOR, TERMS, num_iterations))
    of_teacher = jax.jit(functools.partial(terms_of_teacher, num_iterations=num_iterations))
    expected = [of_teacher(STUDENT, *teacher) for teacher in zip(FRAME, EXTRACT, strict=True)]
    assert losses.keys() == expected[0].keys()
    for term in TERMS:
        values = np.array([terms[term] for terms in expected], np.float64)
        assert np.ptp(values) > 1e-3  # the teachers differ, so that their order would show
        np.testing.assert_allclose(losses[term], values.sum(), rtol=1e-5, err_msg=term)


@pytest.mark.parametrize("term", TERMS)
def test_a_term_by_itself_is_the_same_and_the_others_are_not_computed(term):
    alone = losses_of(Alignment(ESTIMATOR, (term,)))
    assert alone.keys() == {term}
    np.testing.assert_allclose(alone[term], together()[term], rtol=1e-6)


@pytest.mark.parametrize("term", TERMS)
def test_a_term_of_weight_zero_is_zero_and_leaves_the_others_as_they_are(term):
    weights = {name: float(name != term) for name in TERMS}
    losses = losses_of(WITH_ALL, **weights)
    assert losses.pop(term) == 0.0
    for other, value in losses.items():
        np.testing.assert_allclose(value, together()[other], rtol=1e-6)


def test_terms_of_weight_zero_hide_what_is_not_finite():
    """They are not computed, so that NaN from a teacher reaches no gradient."""
    context = DistillContext({}, dict.fromkeys(TERMS, 0.0), 0.3)
    broken = jnp.full_like(EXTRACT, jnp.nan)

    @jax.jit
    @jax.grad
    def gradients_of(student, context):
        return sum(WITH_ALL.losses(THETA, student, FRAME, broken, context).values())

    gradients = gradients_of(STUDENT, context)
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(gradients))


@pytest.mark.parametrize("left_out", [1.0, np.nan, np.inf])
@pytest.mark.parametrize("term", TERMS)
def test_masked_teachers_take_no_part(term, left_out):
    """The second of three left out equals a stack of the two others, whatever it holds."""
    some, alignment = np.array([0, 2]), Alignment(ESTIMATOR, (term,))
    three = [z.at[1].multiply(left_out) for z in (FRAME, EXTRACT)]
    context = DistillContext({}, {term: 1.0}, 0.3, jnp.array([1.0, 0.0, 1.0]))
    loss = lambda student, teachers, c: alignment.losses(THETA, student, *teachers, c)[term]  # noqa: E731
    both = jax.jit(jax.value_and_grad(loss))
    masked = both(STUDENT, three, context)
    two = both(STUDENT, (FRAME[some], EXTRACT[some]), context._replace(teacher_mask=None))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), masked, two)


@pytest.mark.parametrize("term", TERMS)
def test_gradients_are_those_of_the_term_written_out(term):
    """The gradient that is taken inside the branch, against autodiff through a loop."""
    of_gate = jax.jit(
        jax.grad(
            lambda student: Alignment(ESTIMATOR, (term,)).losses(
                THETA, student, FRAME, EXTRACT, DistillContext({}, {term: 1.0}, 0.3)
            )[term]
        )
    )(STUDENT)

    def written_out(student):
        teachers = zip(FRAME, EXTRACT, strict=True)
        return sum(terms_of_teacher(student, *teacher)[term] for teacher in teachers)

    expected = jax.jit(jax.grad(written_out))(STUDENT)
    for name in ("frame", "extract"):
        found, want = getattr(of_gate, name), getattr(expected, name)
        np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-7, err_msg=name)


def test_terms_of_weight_zero_are_left_out():
    config = make_tiny_config(**{"distill.weights.mutual_information": 0.0})
    plan = functools.partial(plan_student, config, make_network(config))
    assert plan(StudentSpec()).terms == ("similarity", "functional_information")
    assert plan(StudentSpec(dict.fromkeys(TERMS, 0.0))).terms == ()


class Distilling:
    """One step on a whole small site, with teachers that do not stop the gradient themselves."""

    def __init__(self):
        part = make_part()
        self.site_network = make_site_job(make_tiny_config(), part).site_network
        self.batch = make_batch(part, self.site_network.preprocessor)
        self.generator = make_generator(self.site_network.network, 8)
        draws = [draw_params(self.generator, jnp.zeros((1, 4)), seed=i) for i in range(2)]
        self.teachers = stack(draws)
        self.codes = normal(5, len(part), 4)
        self.tx = optax.adam(1e-3)
        example = jnp.zeros((1, part.num_access_points))
        student = draw_params(self.site_network.network, example)
        self.state = make_distill_state(student, THETA, self.tx)

    def ask(self, params, key, batch):
        ask_one = lambda one: self.generator.apply({"params": one}, self.codes)  # noqa: E731
        return jax.vmap(ask_one)(params)

    def step(self, terms, weights=(3.0, 0.5, 0.25, 1.25), teachers=None):
        alignment = Alignment(ESTIMATOR, terms)
        step = make_distill_step(self.site_network, self.ask, alignment, self.tx)
        named = dict(zip(("localization", *TERMS), weights, strict=True))
        context = DistillContext(self.teachers if teachers is None else teachers, named, 0.2)
        return step(self.state, self.batch, jax.random.key(0), context)


@pytest.fixture(scope="module")
def distilling():
    return Distilling()


@pytest.fixture(scope="module")
def stepped(distilling):
    return jax.jit(lambda: distilling.step(TERMS))()


def test_the_total_is_eq_12_with_weights_of_sum_one(stepped):
    """(3, 0.5, 0.25, 1.25) have the sum 5: 0.6, 0.1, 0.05 and 0.25."""
    metrics = {term: float(value) for term, value in stepped[1].items()}
    assert metrics.keys() == {"total", "gradient_norm", "localization", *TERMS}
    expected = 0.6 * metrics["localization"] + 0.1 * metrics["similarity"]
    expected += 0.05 * metrics["mutual_information"] + 0.25 * metrics["functional_information"]
    np.testing.assert_allclose(metrics["total"], expected, rtol=1e-6)


@pytest.fixture(scope="module")
def stepped_without_estimator(distilling):
    return jax.jit(lambda: distilling.step(("functional_information",)))()


def test_weights_are_normed_over_the_terms_that_are_computed(stepped_without_estimator):
    """3 and 1.25 have the sum 4.25, whatever the weights of what is left out."""
    metrics = stepped_without_estimator[1]
    named = {"total", "gradient_norm", "localization", "functional_information"}
    assert metrics.keys() == named
    expected = (3 * metrics["localization"] + 1.25 * metrics["functional_information"]) / 4.25
    np.testing.assert_allclose(metrics["total"], expected, rtol=1e-6)


def test_a_step_updates_all_of_student_and_estimator(distilling, stepped):
    changed = differing(stepped[0].params, distilling.state.params)
    everything = {
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, _ in jax.tree.leaves_with_path(distilling.state.params)
    }
    # The scores' last bias has the gradient mean(sigmoid) of opposite signs, small but not zero.
    assert changed == everything


def test_the_estimator_learns_from_its_own_term_alone(distilling, stepped_without_estimator):
    changed = differing(stepped_without_estimator[0].params, distilling.state.params)
    assert changed and all(path.startswith("student/") for path in changed)


def test_the_estimators_step_raises_the_bound(distilling):
    """Twenty steps with the student's own weight next to nothing."""
    alignment = Alignment(ESTIMATOR, ("mutual_information",))
    step = jax.jit(
        make_distill_step(distilling.site_network, distilling.ask, alignment, distilling.tx)
    )
    context = DistillContext(
        distilling.teachers, {"localization": 1e-6, "mutual_information": 1.0}, 0.2
    )
    state, losses = distilling.state, []
    for _ in range(20):
        state, metrics = step(state, distilling.batch, jax.random.key(0), context)
        losses.append(float(metrics["mutual_information"]))
    assert losses[-1] < losses[0] - 0.01


def test_no_gradient_reaches_the_teachers(distilling):
    @jax.jit
    def gradients(teachers):
        of_step = lambda params: distilling.step(TERMS, teachers=params)[1]["total"]  # noqa: E731
        # A loss of what they say does have one.
        of_loss = lambda params: angular_similarity_loss(  # noqa: E731
            own.extract, distilling.ask(params, None, None)[1][0]
        )
        own = distilling.site_network.represent(
            distilling.state.params["student"], distilling.batch.rss_dbm
        )
        return jax.grad(of_step)(teachers), jax.grad(of_loss)(teachers)

    of_step, of_loss = gradients(distilling.teachers)
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(of_step))
    assert any((leaf != 0).any() for leaf in jax.tree.leaves(of_loss))


def test_words_that_alignment_does_not_know_are_refused():
    for terms in (("similarty",), "similarity"):
        with pytest.raises(ValueError, match=r"terms has .*; choose from similarity, "):
            Alignment(ESTIMATOR, terms)
    with pytest.raises(ValueError, match="'samples'; it must be 'batch' or 'sample'"):
        Alignment(ESTIMATOR, TERMS, similarity_over="samples")


def test_similarity_over_samples_is_the_mean_of_each_samples_loss():
    sample = Alignment(ESTIMATOR, TERMS[:1], similarity_over="sample")
    of_pair = jax.jit(lambda s, z: angular_similarity_loss(s[None], z[None], margin=0.3))
    expected = sum(
        np.mean([of_pair(s, z) for s, z in zip(STUDENT.extract, extract, strict=True)])
        for extract in EXTRACT
    )
    found = losses_of(sample)["similarity"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert abs(float(found) - float(together()["similarity"])) > 1e-3


@pytest.mark.parametrize("others", [{}, {"similarity": 0.0}])
def test_a_term_of_ones_own_is_given_the_teachers_and_the_estimator(others):
    class Seen(Alignment):
        def losses(self, estimator_params, student, frame, extract, context):
            return dict.fromkeys(others, jnp.zeros(())) | {
                "seen": extract.mean() * estimator_params["w"]
            }

    part, tx = make_part(), optax.sgd(1.0)
    site_network = make_site_job(make_tiny_config(), part).site_network
    ones = lambda teachers, key, batch: (jnp.ones((1, len(batch.row), 8)),) * 2  # noqa: E731
    step = make_distill_step(site_network, ones, Seen(None, tuple(others)), tx)
    student = site_network.init(jax.random.key(0), part.num_access_points)
    context = DistillContext({}, {"localization": 1.0, **others, "seen": 1.0}, 0.2)
    state = make_distill_state(student, {"w": jnp.ones(())}, tx)
    batch = make_batch(part.take(range(8)), site_network.preprocessor)
    state, metrics = jax.jit(step)(state, batch, jax.random.key(1), context)
    assert float(metrics["seen"]) == 1.0
    assert float(state.params["estimator"]["w"]) == 0.5  # a step of its half of the weight
