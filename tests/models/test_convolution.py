"""All ways of computing a convolution, against each other and against a loop."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rsstl_jax.models import Convolution
from rsstl_jax.models.convolution import METHODS

CASES = [
    ((2, 9, 3), (4,), "VALID"),
    ((2, 9, 3), (5,), "SAME"),
    ((2, 5, 6, 3), (3, 3), "SAME"),
    ((2, 5, 6, 3), (2, 4), "VALID"),
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


@pytest.mark.parametrize(("shape", "window", "padding"), CASES)
def test_all_methods_equal_a_loop(shape, window, padding):
    x = jax.random.normal(jax.random.key(0), shape)
    params = layers(window, padding)[0].init(jax.random.key(1), x)
    params = jax.tree.map(lambda leaf: leaf + 0.1, params)
    kernel, bias = (np.asarray(params["params"][k], np.float64) for k in ("kernel", "bias"))
    expected = by_loops(np.asarray(x, np.float64), kernel, bias, padding)
    for layer in layers(window, padding):
        np.testing.assert_allclose(layer.apply(params, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("shape", "window", "padding"), CASES)
def test_gradients_agree_under_vmap_over_replicas(shape, window, padding):
    x = jax.random.normal(jax.random.key(0), shape)
    _, direct, patches = layers(window, padding)
    params = jax.vmap(direct.init, (0, None))(jax.random.split(jax.random.key(1), 3), x)

    def gradient(layer):
        return jax.vmap(jax.grad(lambda p: jnp.square(layer.apply(p, x)).sum()))(params)

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3),
        gradient(direct),
        gradient(patches),
    )


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match="'fft'; it must be in auto, convolution, patches"):
        Convolution(4, (3,), method="fft").init(jax.random.key(0), jnp.ones((1, 9, 1)))
