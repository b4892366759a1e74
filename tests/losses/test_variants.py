"""Every loss with and without jit, and under vmap: value, shape and dtype as in NumPy."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import reference
from absl.testing import parameterized

from rsstl_jax import losses
from rsstl_jax.spectral import top_eigenvalue, top_singular_value

NUM_TEACHERS, BATCH = 3, 5
TANH = {
    "first": np.random.default_rng(1).normal(size=(4, 3)),
    "bias": np.random.default_rng(2).normal(size=3),
    "last": np.random.default_rng(3).normal(size=3),
}


def draw(*shape, seed=0):
    """Mostly positive numbers, as behind a ReLU; the first axis is that of the teachers."""
    rng = np.random.default_rng([seed, *shape])
    return rng.normal(1, 1, (NUM_TEACHERS, *shape)).astype(np.float32)


def penalty(x):
    """Real and generated samples are the same ones: what lies between is known."""
    params = {name: jnp.asarray(array, x.dtype) for name, array in TANH.items()}

    def critic(x):
        return jnp.tanh(x @ params["first"] + params["bias"][None]) @ params["last"]

    return losses.gradient_penalty(critic, x, x, jax.random.key(0))


def overall(weights, values):
    normalised = losses.normalize_weights(dict(enumerate(weights)))
    return losses.combine({str(n): (normalised[n], value) for n, value in enumerate(values)})[0]


def squares(a):
    return np.asarray(a, np.float64).T @ a


FRAME, EXTRACT, OTHER = draw(BATCH, 6), draw(BATCH, 4), draw(BATCH, 4, seed=1)
JOINT, PRODUCT = draw(BATCH), draw(BATCH, seed=1)
POSITION, ACTUAL = draw(BATCH, 2), draw(BATCH, 2, seed=1)
# Name, function, the same in NumPy, arrays.
CASES = (
    (
        "angular_similarity_loss",
        losses.angular_similarity_loss,
        lambda s, t: reference.angular_similarity_loss(s, t, 0.2),
        (EXTRACT, OTHER),
    ),
    ("combine", overall, reference.overall_loss, (np.abs(draw(4)), draw(4, seed=1))),
    ("critic_loss", losses.critic_loss, reference.critic_loss, (JOINT, PRODUCT)),
    (
        "functional_information",
        losses.functional_information,
        lambda z_in, z_out: reference.functional_information(z_in, z_out, 10),
        (FRAME, EXTRACT),
    ),
    (
        "functional_information_loss",
        losses.functional_information_loss,
        reference.functional_information_loss,
        (JOINT, PRODUCT),
    ),
    ("generator_loss", losses.generator_loss, reference.generator_loss, (JOINT,)),
    (
        "gradient_penalty",
        penalty,
        lambda x: reference.tanh_critic_gradient_penalty(x, **TANH),
        (EXTRACT,),
    ),
    (
        "localization_loss",
        losses.localization_loss,
        reference.localization_loss,
        (POSITION, ACTUAL),
    ),
    (
        "mutual_information_bound",
        losses.mutual_information_bound,
        reference.mutual_information_bound,
        (JOINT, PRODUCT),
    ),
    (
        "mutual_information_loss",
        losses.mutual_information_loss,
        lambda joint, product: -reference.mutual_information_bound(joint, product),
        (JOINT, PRODUCT),
    ),
    (
        "normalize_weights",
        losses.normalize_weights,
        lambda weights: weights / sum(map(float, weights)),
        (np.abs(draw(4)),),
    ),
    ("product_pairs", losses.product_pairs, reference.product_pairs, (EXTRACT,)),
    (
        "transmitting_matrix",
        losses.transmitting_matrix,
        reference.transmitting_matrix,
        (FRAME, EXTRACT),
    ),
    (
        "top_eigenvalue",
        lambda a: top_eigenvalue(a.T @ a, num_iterations=60).value,
        lambda a: np.linalg.eigvalsh(squares(a))[-1],
        (EXTRACT,),
    ),
    (
        "top_singular_value",
        lambda a: top_singular_value(a, num_iterations=60).value,
        lambda a: np.sqrt(np.linalg.eigvalsh(squares(a))[-1]),
        (EXTRACT,),
    ),
)


def test_every_loss_is_among_the_cases():
    assert set(losses.__all__) <= {name for name, *_ in CASES}


class LossVariants(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True)
    @parameterized.named_parameters(*CASES)
    def test_one_teacher(self, function, expected_fn, arrays):
        first = [array[0] for array in arrays]
        value = self.variant(function)(*first)
        chex.assert_type(value, jnp.float32)
        np.testing.assert_allclose(value, expected_fn(*first), rtol=1e-5, atol=1e-6)
        chex.assert_shape(value, np.shape(expected_fn(*first)))

    @chex.variants(with_jit=True)
    @parameterized.named_parameters(*CASES)
    def test_vmap_over_teachers_equals_a_loop(self, function, expected_fn, arrays):
        values = self.variant(jax.vmap(function))(*arrays)
        expected = np.stack([expected_fn(*one) for one in zip(*arrays, strict=True)])
        chex.assert_equal_shape([values, expected])
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)

    @chex.variants(with_jit=True)
    @parameterized.named_parameters(*CASES)
    def test_gradient_is_finite_and_like_its_argument(self, function, expected_fn, arrays):
        first = [array[0] for array in arrays]
        number = tuple(range(len(first)))
        gradients = self.variant(jax.grad(lambda *x: function(*x).sum(), number))(*first)
        chex.assert_trees_all_equal_shapes_and_dtypes(list(gradients), first)
        chex.assert_tree_all_finite(gradients)
