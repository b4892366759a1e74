"""Eq. 4: the Jensen-Shannon bound, and the product pairs of Algorithm 3."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads
from scipy import integrate, stats

from rsstl_jax.losses import mutual_information_bound, mutual_information_loss, product_pairs


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([(1,), (5,), (5, 1)]))
def test_matches_the_reference(seed, shape):
    joint, product = np.random.default_rng(seed).normal(0, 4, (2, *shape)).astype(np.float32)
    expected = reference.mutual_information_bound(joint, product)
    np.testing.assert_allclose(mutual_information_bound(joint, product), expected, rtol=1e-5)
    np.testing.assert_allclose(mutual_information_loss(joint, product), -expected, rtol=1e-5)


def test_blind_estimator_gives_minus_two_log_two():
    bound = mutual_information_bound(jnp.zeros((4, 1)), jnp.zeros((4, 1)))
    np.testing.assert_allclose(bound, -2 * math.log(2), rtol=1e-6)


def gaussian_scores(shift, count):
    """Optimal scores at the mid-quantiles of N(shift, 1), the 'joint', and N(0, 1).

    The optimal score is the log density ratio: shift x - shift^2 / 2.
    """
    quantiles = stats.norm.ppf((np.arange(count) + 0.5) / count)
    return shift * (quantiles + shift) - shift**2 / 2, shift * quantiles - shift**2 / 2


@pytest.mark.parametrize("shift", [0.5, 1.0, 3.0])
def test_optimal_estimator_of_two_gaussians_reaches_the_divergence(shift):
    """At the log density ratio the bound is 2 JSD(P, Q) - 2 ln 2, JSD by quadrature."""

    def integrand(x):
        p, q = stats.norm.pdf(x, shift), stats.norm.pdf(x)
        return 0.5 * p * math.log(2 * p / (p + q)) + 0.5 * q * math.log(2 * q / (p + q))

    divergence, _ = integrate.quad(integrand, -12.0, 12.0 + shift)
    with jax.enable_x64(True):
        joint, product = gaussian_scores(shift, 20_000)
        bound = mutual_information_bound(joint, product)
        np.testing.assert_allclose(bound, 2 * divergence - 2 * math.log(2), atol=1e-4)
        for worse in (0.5, 0.9, 1.1, 2.0):
            assert mutual_information_bound(worse * joint, worse * product) < bound


def test_extreme_scores_stay_finite_in_value_and_gradient():
    """softplus(1e4) = 1e4 where exp would overflow: bound = -1e4 - 1e4."""
    wrong = jnp.array([1e4])
    value, gradient = jax.value_and_grad(mutual_information_bound, argnums=(0, 1))(-wrong, wrong)
    np.testing.assert_allclose(value, -2e4)
    np.testing.assert_allclose(gradient, ([1.0], [-1.0]))


def test_gradient_matches_finite_differences():
    with jax.enable_x64(True):
        scores = np.random.default_rng(0).normal(size=(2, 5))
        check_grads(jax.jit(mutual_information_bound), tuple(scores), order=1, rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(5)), st.permutations(range(5)))
def test_permuting_either_side_changes_nothing(seed, first, second):
    joint, product = np.random.default_rng(seed).normal(size=(2, 5)).astype(np.float32)
    permuted = mutual_information_bound(joint[np.array(first)], product[np.array(second)])
    np.testing.assert_allclose(permuted, mutual_information_bound(joint, product), rtol=1e-5)


def test_vmap_over_teachers_sums_to_the_printed_equation():
    joint, product = np.random.default_rng(3).normal(size=(2, 3, 5)).astype(np.float32)
    expected = sum(map(reference.mutual_information_bound, joint, product))
    ours = jax.jit(jax.vmap(mutual_information_bound))(joint, product).sum()
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(5,), (4, 3), (1, 3), (2, 3, 2)])
def test_product_pairs_roll_the_batch(shape):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    np.testing.assert_array_equal(product_pairs(x), reference.product_pairs(x))


def test_product_pairs_pair_no_sample_with_itself_and_keep_the_marginal():
    x = jnp.arange(6.0)
    rolled = product_pairs(x)
    assert (rolled != x).all()
    np.testing.assert_array_equal(jnp.sort(rolled), x)
    with pytest.raises(ValueError, match="x must have a batch axis"):
        product_pairs(1.0)
