"""All ways of computing a convolution, against each other and against a loop."""

import itertools
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from rsstl_jax.models import winograd
from rsstl_jax.models.convolution import LONG_WINDOW, METHODS, Convolution, max_of_windows

CASES = [
    ((2, 9, 3), (4,), "VALID"),
    ((2, 9, 3), (5,), "SAME"),
    # 3 x 3: tiles of 4 x 4 outputs that are mostly empty, whole ones, and parts.
    ((2, 5, 6, 3), (3, 3), "SAME"),
    ((2, 4, 8, 3), (3, 3), "SAME"),
    ((2, 7, 9, 3), (3, 3), "SAME"),
    ((2, 6, 9, 3), (3, 3), "VALID"),
    ((2, 5, 6, 3), (2, 4), "VALID"),
    ((2, 6, 5, 3), (2, 4), "SAME"),
    ((2, 9, 3), (9,), "VALID"),
    ((2, 3, 4, 3), (3, 4), "VALID"),
    # From LONG_WINDOW on: an even and an odd extent, and one that zeros are put around.
    ((2, 26, 3), (12,), "VALID"),
    ((2, 27, 3), (13,), "VALID"),
    ((2, 14, 3), (12,), "SAME"),
]


def by_loops(x, kernel, bias, padding):
    """Cross-correlation in NumPy float64, one output at a time."""
    window = kernel.shape[:-2]
    if padding == "SAME":
        x = np.pad(x, [(0, 0), *(((w - 1) // 2, w // 2) for w in window), (0, 0)])
    sizes = [s - w + 1 for s, w in zip(x.shape[1:-1], window, strict=True)]
    out = np.zeros((x.shape[0], *sizes, kernel.shape[-1]))
    for b, *place in itertools.product(range(x.shape[0]), *map(range, sizes)):
        total = bias.copy()
        for offset in itertools.product(*map(range, window)):
            seen = x[(b, *(p + o for p, o in zip(place, offset, strict=True)))]
            total += seen @ kernel[offset]
        out[(b, *place)] = total
    return out


def layers(window, padding):
    return [Convolution(4, window, padding, method) for method in METHODS]


def draw(*shape):
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


def draw_params(shape, window, *replicas):
    kernel = draw(*replicas, *window, shape[-1], 4) / np.float32(shape[-1] * np.prod(window)) ** 0.5
    return {"params": {"kernel": kernel, "bias": draw(*replicas, 4)}}


def gradients(layer, params, x):
    """Of a loss whose gradient in the outputs is no constant, in the parameters and the input."""
    return jax.grad(lambda p, x: jnp.square(layer.apply(p, x)).sum(), (0, 1))(params, x)


def values_and_gradients(window, padding):
    """A function of parameters and input: what each method computes, for one program of all."""

    def function(params, x):
        methods = layers(window, padding)
        return [(layer.apply(params, x), gradients(layer, params, x)) for layer in methods]

    return function


@pytest.mark.parametrize(("shape", "window", "padding"), CASES)
def test_all_methods_equal_a_loop_and_their_gradients_agree(shape, window, padding):
    x, params = draw(*shape), draw_params(shape, window)
    kernel, bias = (np.asarray(params["params"][k], np.float64) for k in ("kernel", "bias"))
    expected = by_loops(np.asarray(x, np.float64), kernel, bias, padding)
    found = jax.jit(values_and_gradients(window, padding))(params, x)
    for value, _ in found:
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
    (_, of_auto), (_, of_direct), (_, of_patches) = found
    chex.assert_trees_all_close(of_auto, of_direct, rtol=1e-4, atol=1e-4)
    chex.assert_trees_all_close(of_patches, of_direct, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shared", [True, False], ids=["one input", "an input each"])
@pytest.mark.parametrize(("shape", "window", "padding"), CASES)
def test_replicas_under_vmap_have_the_values_and_gradients_of_each_alone(
    shape, window, padding, shared
):
    x = draw(*shape) if shared else draw(3, *shape)
    axes = (0, None if shared else 0)
    of_replicas = jax.jit(jax.vmap(values_and_gradients(window, padding), axes))
    auto, direct, patches = of_replicas(draw_params(shape, window, 3), x)
    chex.assert_trees_all_equal(auto[0], patches[0])
    for _, of_method in (auto, patches):
        chex.assert_trees_all_close(of_method, direct[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("shape", "window", "padding"), CASES)
def test_auto_trains_without_the_convolutions_that_are_slow_in_a_loop(shape, window, padding):
    x, params = draw(*shape), draw_params(shape, window)
    auto, direct, _ = layers(window, padding)

    def number_of_convolutions(layer):
        text = jax.jit(lambda p, x: gradients(layer, p, x)).lower(params, x).as_text()
        return text.count("stablehlo.convolution")

    assert (number_of_convolutions(direct), number_of_convolutions(auto)) == (3, 0)


@pytest.mark.parametrize(("size", "by_tiles"), [(3, True), (4, True), (5, False), (6, True)])
def test_tiles_that_would_be_filled_by_less_than_half_are_not_used(size, by_tiles):
    x = draw(1, size, size, 3)
    text = str(jax.make_jaxpr(layers((3, 3), "SAME")[0].apply)(draw_params(x.shape, (3, 3)), x))
    assert ("custom_vjp_call" in text) is by_tiles


@pytest.mark.parametrize("chunk", [1, 48], ids=["an image each", "two, the last with one"])
def test_chunks_of_a_batch_have_the_values_and_gradients_of_the_whole(monkeypatch, chunk):
    monkeypatch.setattr(winograd, "CHUNK", chunk)
    x, params = draw(5, 7, 9, 3), draw_params((5, 7, 9, 3), (3, 3))
    by_chunks, direct, _ = jax.jit(values_and_gradients((3, 3), "SAME"))(params, x)
    chex.assert_trees_all_close(by_chunks, direct, rtol=1e-4, atol=1e-4)
    of_one = Convolution(4, (3, 3), "SAME")
    text = str(jax.make_jaxpr(partial(gradients, of_one))(params, x))
    assert f"length={5 if chunk == 1 else 3}" in text


def test_forward_mode_is_refused_by_auto_and_taken_by_the_others():
    x = draw(2, 26, 3)
    auto, direct, patches = layers((LONG_WINDOW,), "VALID")
    params = draw_params(x.shape, (LONG_WINDOW,))
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda x: auto.apply(params, x), (x,), (x,))
    slopes = jax.jit(
        lambda x: [jax.jvp(partial(m.apply, params), (x,), (x,))[1] for m in (direct, patches)]
    )
    chex.assert_trees_all_close(*slopes(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("extents", [(4, 6), (5, 7), (2, 3)])
def test_the_maximum_of_windows_is_flaxs(extents):
    image = draw(2, *extents, 3)
    weight = draw(2, extents[0] // 2, extents[1] // 2, 3)

    def value_and_gradient(pool):
        return jax.jit(jax.value_and_grad(lambda image: (pool(image) * weight).sum()))(image)

    chex.assert_trees_all_equal(
        value_and_gradient(max_of_windows),
        value_and_gradient(lambda image: nn.max_pool(image, (2, 2), strides=(2, 2))),
    )


def test_a_tie_shares_its_gradient_and_nan_is_kept():
    image = jnp.array([1.0, 1.0, 1.0, 0.0]).reshape(1, 2, 2, 1)
    gradient = jax.jit(jax.grad(lambda image: max_of_windows(image).sum()))(image)
    assert gradient.ravel().tolist() == [0.25, 0.25, 0.5, 0.0]
    for corner in range(4):
        broken = image.ravel().at[corner].set(jnp.nan).reshape(image.shape)
        assert jnp.isnan(max_of_windows(broken))
