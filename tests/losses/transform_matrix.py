"""Every public loss under every transform, in every dtype, on every kind of mesh.

Needs eight devices: `test_loss_contract.py` runs it in a process that has them.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export
from jax.sharding import AxisType, PartitionSpec
from tiny import draw_params

from rsstl_jax import Representations, losses
from rsstl_jax.models import Estimator
from rsstl_jax.phases.alignment_terms import TERMS, Alignment
from rsstl_jax.phases.distill_step import DistillContext
from rsstl_jax.spectral import top_eigenvalue, top_singular_value

NUM_DEVICES, NUM_TEACHERS, BATCH, WIDTH = 8, 2, 16, 4
# Of values and gradients against float64; bfloat16 and float16 round inputs and results.
TOLERANCE = {"float16": 1e-2, "bfloat16": 3e-2, "float32": 2e-5, "float64": 1e-9}
MESHES = ("one device", "shard_map", "explicit")
ESTIMATOR = Estimator(WIDTH, 8)
THETA = draw_params(ESTIMATOR, jnp.zeros((1, WIDTH)), jnp.zeros((1, WIDTH)))


def penalty(x):
    """Real and generated samples are the same ones: the weights of a key drop out."""
    critic = lambda x: jnp.sum(jnp.tanh(x), axis=1)  # noqa: E731
    return losses.gradient_penalty(critic, x, x, jax.random.key(0))


def overall(x, y):
    weights = losses.normalize_weights({"first": jnp.sum(jnp.square(x)), "second": 2.0})
    return losses.combine(
        {"first": (weights["first"], jnp.mean(x)), "second": (weights["second"], jnp.mean(y))}
    )[0]


def gram(x):
    return jnp.mean(x[:, :, None] * x[:, None, :], axis=0) / WIDTH


def gram_product(x, v):
    x = x.astype(v.dtype)
    return jnp.mean(x * jnp.mean(x * v[None, :], axis=1, keepdims=True), axis=0)


def eigenvalue_of_callable(x):
    matvec = functools.partial(gram_product, x)
    return top_eigenvalue(matvec, dim=WIDTH, num_iterations=40).value.astype(x.dtype)


def theta_like(x):
    return jax.tree.map(lambda leaf: leaf.astype(x.dtype), THETA)


def scored(teacher, student):
    pair = (teacher, student)
    return ESTIMATOR.apply({"params": theta_like(student)}, *pair, method="score_pairs")


def aligned(term):
    def loss(student_frame, student, frame, extract):
        context = DistillContext({}, {term: 1.0}, 0.3)
        taught = Representations(student_frame, student, student[:, :2])
        alignment = Alignment(ESTIMATOR, (term,))
        return alignment.losses(theta_like(student), taught, frame, extract, context)[term]

    return loss


def draw(*shape, seed):
    """Mostly positive numbers, as behind a ReLU."""
    return np.random.default_rng([seed, *shape]).normal(1, 1, shape)


SAMPLES = [draw(BATCH, WIDTH, seed=seed) for seed in (0, 1)]
TEACHERS = [draw(NUM_TEACHERS, BATCH, WIDTH, seed=seed) for seed in (2, 3)]
SCORES = [x[:, 0] for x in SAMPLES]
# Function and arrays of each public loss, and of what is composed of them.
CASES = {
    "angular_similarity_loss": (losses.angular_similarity_loss, SAMPLES),
    "combine": (overall, SCORES),
    "critic_loss": (losses.critic_loss, SCORES),
    "functional_information": (losses.functional_information, SAMPLES),
    "functional_information_loss": (losses.functional_information_loss, SCORES),
    "generator_loss": (losses.generator_loss, SCORES[:1]),
    "gradient_penalty": (penalty, SAMPLES[:1]),
    "localization_loss": (losses.localization_loss, SAMPLES),
    "mutual_information_bound": (losses.mutual_information_bound, SCORES),
    "mutual_information_loss": (losses.mutual_information_loss, SCORES),
    "normalize_weights": (lambda x: losses.normalize_weights(jnp.abs(x)), SCORES[:1]),
    "product_pairs": (losses.product_pairs, SAMPLES[:1]),
    "transmitting_matrix": (losses.transmitting_matrix, SAMPLES),
    "top_eigenvalue": (lambda x: top_eigenvalue(gram(x), num_iterations=40).value, SAMPLES[:1]),
    "top_eigenvalue of a callable": (eigenvalue_of_callable, SAMPLES[:1]),
    "top_singular_value": (
        lambda x: top_singular_value(x / 8, num_iterations=40).value,
        SAMPLES[:1],
    ),
    "Estimator.score_pairs": (scored, (TEACHERS[1], SAMPLES[1])),
    **{f"Alignment.losses {term}": (aligned(term), (*SAMPLES, *TEACHERS)) for term in TERMS},
}


def summed(function):
    """A function of the sum over all that a function returns, and of that itself."""

    def total(*arrays):
        value = function(*arrays)
        leaves = enumerate(jax.tree.leaves(value))
        return sum(jnp.sum(jnp.cos(i + leaf.astype(float))) for i, leaf in leaves), value

    return total


def transformed(function, composed):
    """{transform: result} of a function and of a sum over all that it returns."""

    def total(*arrays):
        return summed(function)(*arrays)[0]

    def results(*arrays):
        every = tuple(range(len(arrays)))
        gradient, value = jax.grad(summed(function), every, has_aux=True)(*arrays)
        found = {"value": value, "grad": gradient}
        if composed:
            of_replicas = jax.vmap(jax.grad(jax.checkpoint(total), every))
            found["vmap of checkpoint"] = of_replicas(*(jnp.stack([x, x]) for x in arrays))
            found["jacfwd"] = jax.jacfwd(total, every)(*arrays)  # jvp along every axis
        else:
            found["jvp"] = jax.jvp(total, arrays, tuple(jnp.cos(x) for x in arrays))[1]
        return found

    return results


def batch_axis(x):
    return x.ndim - 2 if x.ndim == 3 else 0


def in_shards(function, arrays):
    """The function of each shard by itself, with a new first axis over them."""
    mesh = jax.make_mesh((NUM_DEVICES,), ("batch",), axis_types=(AxisType.Auto,))
    specs = tuple(PartitionSpec(*[None] * batch_axis(x), "batch") for x in arrays)
    alone = lambda *x: jax.tree.map(lambda leaf: leaf[None], function(*x))  # noqa: E731
    mapped = jax.shard_map(alone, mesh=mesh, in_specs=specs, out_specs=PartitionSpec("batch"))
    return jax.jit(mapped)(*arrays)


def on_explicit_axes(function, arrays):
    mesh = jax.make_mesh((NUM_DEVICES,), ("batch",), axis_types=(AxisType.Explicit,))
    specs = [PartitionSpec(*[None] * batch_axis(x), "batch") for x in arrays]
    placed = [
        jax.device_put(x, jax.NamedSharding(mesh, spec))
        for x, spec in zip(arrays, specs, strict=True)
    ]
    return jax.jit(function)(*placed)


def split(x):
    """The shards of an array, along a new first axis."""
    return np.stack(np.split(x, NUM_DEVICES, batch_axis(x)))


def run(name, dtype, mesh):
    function, arrays = CASES[name]
    arrays = [jnp.asarray(x, dtype) for x in arrays]
    # Compiling takes long: transforms are composed on the meshes in one dtype, elsewhere in others.
    function = transformed(function, composed=(mesh == "one device") != (dtype == "float32"))
    if mesh == "shard_map":
        return in_shards(function, arrays)
    if mesh == "explicit":
        return on_explicit_axes(function, arrays)
    return jax.jit(function)(*arrays)


@functools.cache
def program(name, sharded):
    """Value and gradient, as compiled once for arrays in float64 on one device."""

    def value_and_gradient(*arrays):
        function, every = summed(CASES[name][0]), tuple(range(len(arrays)))
        gradient, value = jax.grad(function, every, has_aux=True)(*arrays)
        return value, gradient

    return jax.jit(jax.vmap(value_and_gradient) if sharded else value_and_gradient)


def in_float64(name, dtype):
    """The arrays of a case with the digits that the dtype holds."""
    return [np.asarray(jnp.asarray(x, dtype), np.float64) for x in CASES[name][1]]


def derivative_along_cosines(gradient, arrays, sharded):
    """What `transformed` calls jvp, by the gradient; in shards for each shard."""
    products = [g * np.cos(x) for g, x in zip(gradient, arrays, strict=True)]
    return sum(p.reshape(NUM_DEVICES if sharded else 1, -1).sum(axis=1) for p in products)


def assert_close(found, wanted, dtype, what, scale=0.1):
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    tolerance = TOLERANCE[dtype]
    for leaf, want in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(
            np.asarray(leaf, np.float64),
            want,
            rtol=tolerance,
            atol=tolerance * max(np.abs(want).max(), scale),
            err_msg=what,
        )


def test_every_public_loss_is_in_the_matrix():
    assert set(losses.__all__) <= CASES.keys()


@pytest.mark.parametrize("mesh", MESHES)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", CASES)
def test_all_transforms_agree(name, dtype, mesh):
    sharded = mesh == "shard_map"
    with jax.enable_x64(True):
        arrays = in_float64(name, dtype)
        arrays = [split(x) for x in arrays] if sharded else arrays
        value, gradient = jax.device_get(program(name, sharded)(*arrays))
        # A program may forbid that dtypes are promoted by themselves.
        with jax.numpy_dtype_promotion("strict"):
            found = run(name, dtype, mesh)
    for leaf in jax.tree.leaves((found["value"], found["grad"])):
        assert leaf.dtype == dtype
    twice = jax.tree.map(lambda leaf: np.stack([leaf] * 2, int(sharded)), gradient)
    along = derivative_along_cosines(gradient, arrays, sharded)
    wanted = {
        "value": value,
        "grad": gradient,
        "jvp": along if sharded else along[0],
        "vmap of checkpoint": twice,
        "jacfwd": gradient,
    }
    # A derivative along a direction is a sum of terms that may cancel.
    scales = {"jvp": max(0.1, sum(np.abs(leaf).sum() for leaf in gradient))}
    for transform, result in found.items():
        assert_close(result, wanted[transform], dtype, transform, scales.get(transform, 0.1))


@pytest.mark.parametrize("name", CASES)
def test_exported_programs_take_batches_of_any_size(name):
    function, arrays = CASES[name]
    arrays = [jnp.asarray(x, jnp.float32) for x in arrays]
    names = [f"{'_, ' * batch_axis(x)}batch, ..." for x in arrays]
    shapes = export.symbolic_args_specs(arrays, names)
    with jax.numpy_dtype_promotion("strict"):
        program = export.export(jax.jit(transformed(function, composed=False)))(*shapes)
    wanted = jax.jit(transformed(function, composed=False))(*arrays)
    assert_close(program.call(*arrays), jax.device_get(wanted), "float32", name)


def test_devices_that_share_a_batch_find_the_gradient_of_the_whole():
    """In theta and the margin, which all of them have: the sum over devices is taken once."""
    axes = (AxisType.Auto,)
    mesh = jax.make_mesh((NUM_DEVICES,), ("batch",), axis_types=axes)
    arrays = [jnp.asarray(x, jnp.float32) for x in (*SAMPLES, *TEACHERS)]
    specs = [PartitionSpec(*[None] * batch_axis(x), "batch") for x in arrays]

    def overall(theta, margin, student_frame, student, frame, extract):
        context = DistillContext({}, dict.fromkeys(TERMS, 1.0), margin)
        taught = Representations(student_frame, student, student[:, :2])
        terms = Alignment(ESTIMATOR, TERMS).losses(theta, taught, frame, extract, context)
        return sum(terms.values())

    def shared(*arguments):
        return jax.lax.pmean(overall(*arguments), "batch")

    replicated = (PartitionSpec(), PartitionSpec())
    in_parts = jax.shard_map(
        lambda *arguments: jax.grad(shared, (0, 1))(*arguments),
        mesh=mesh,
        in_specs=(*replicated, *specs),
        out_specs=replicated,
    )
    found = jax.jit(in_parts)(THETA, 0.3, *arrays)
    each = jax.vmap(jax.grad(overall, (0, 1)), (None, None, 0, 0, 0, 0))
    parts = jax.jit(each)(THETA, 0.3, *(jnp.asarray(split(x)) for x in arrays))
    wanted = jax.tree.map(lambda leaf: leaf.mean(axis=0), parts)
    assert abs(float(wanted[1])) > 0.1
    assert_close(found, jax.device_get(wanted), "float32", "gradient")


def test_a_callable_whose_rows_lie_on_explicit_axes_has_its_eigenvalue():
    mesh = jax.make_mesh((NUM_DEVICES,), ("batch",), axis_types=(AxisType.Explicit,))
    matrix = jnp.asarray(SAMPLES[0] @ SAMPLES[0].T, jnp.float32)
    placed = jax.device_put(matrix, jax.NamedSharding(mesh, PartitionSpec("batch")))
    found = jax.jit(lambda m: top_eigenvalue(lambda v: m @ v, dim=BATCH).value)(placed)
    np.testing.assert_allclose(found, top_eigenvalue(matrix).value, rtol=1e-5)
