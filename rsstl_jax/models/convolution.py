"""Convolution in one or two dimensions, and the maximum over windows, fast in compiled loops.

XLA's CPU compiler brings convolutions into their fast form in the entry computation alone. Inside
a loop their gradients are slow, so that training takes another form of the same sums: 3 x 3
windows in Winograd's form where they fill its tiles by half, windows of `LONG_WINDOW` or more along
one axis by their discrete Fourier transform; these have no forward-mode derivative. All others are
patches, windows copied side by side and multiplied once; so are single channels and positions.
"""

import itertools
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from rsstl_jax.models.winograd import OUTPUTS, Margins, convolve_by_tiles

METHODS = ("auto", "convolution", "patches")
LONG_WINDOW = 12


class Convolution(nn.Module):
    """A convolution with stride 1 and a bias, channels last; padding is "VALID" or "SAME", zeros.

    All of `METHODS` compute the same from the same parameters; "auto" takes XLA's on a GPU.
    """

    features: int
    window: Sequence[int]
    padding: str = "VALID"
    method: str = "auto"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (*self.window, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
        same = self.padding == "SAME"
        margins = tuple(((w - 1) // 2 * same, w // 2 * same) for w in self.window)
        on_cpu = self.method == "auto" and jax.default_backend() == "cpu"
        # Of a single channel or position patches are not much larger than the image.
        is_small = x.shape[-1] == 1 or (not same and x.shape[1:-1] == tuple(self.window))
        sizes = [
            n - w + 1 + sum(m) for n, w, m in zip(x.shape[1:-1], self.window, margins, strict=True)
        ]
        form = _training_form(self.window, sizes) if on_cpu and not is_small else None
        if form is not None:
            out = _convolve_trained_by(x, kernel, margins, form)
        elif on_cpu or self.method == "patches":
            out = _product(x, kernel, margins)
        else:
            out = _convolve(x, kernel, margins)
        return out + bias.reshape((1,) * (out.ndim - 1) + (-1,))


def max_of_windows(image: jax.Array) -> jax.Array:
    """The maximum over 2 x 2, stride 2: `nn.max_pool`, whose gradient is slow on CPUs.

    An odd last row or column is left out. The gradient of a tie is shared.
    """
    rows, columns = (extent // 2 * 2 for extent in image.shape[1:3])
    corners = [image[:, i:rows:2, j:columns:2] for i, j in itertools.product(range(2), range(2))]
    return jnp.maximum(jnp.maximum(*corners[:2]), jnp.maximum(*corners[2:]))


def _convolve(x: jax.Array, kernel: jax.Array, margins: Margins) -> jax.Array:
    """float[B, ..., C] with float[..., C, O] to float[B, ..., O]."""
    spatial = "HW"[: len(margins)]
    numbers = (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C")
    strides = (1,) * len(margins)
    return jax.lax.conv_general_dilated(x, kernel, strides, margins, dimension_numbers=numbers)


def _product(x: jax.Array, kernel: jax.Array, margins: Margins) -> jax.Array:
    """`_convolve` as one product of the windows, copied side by side, with the kernel."""
    x = jnp.pad(x, [(0, 0), *margins, (0, 0)])
    window, by = kernel.shape[:-2], kernel.reshape(-1, kernel.shape[-1])
    sizes = [size - extent + 1 for size, extent in zip(x.shape[1:-1], window, strict=True)]
    if set(sizes) == {1}:
        return x.reshape(x.shape[0], *sizes, -1) @ by
    windows = [
        x[(slice(None), *(slice(o, o + size) for o, size in zip(offset, sizes, strict=True)))]
        for offset in itertools.product(*map(range, window))
    ]
    if x.shape[-1] > 1:
        return jnp.concatenate(windows, axis=-1) @ by
    # Of one channel the kernel's gradient is twice as fast with the windows' axis first.
    out = jnp.stack(windows).reshape(len(windows), -1).T @ by
    return out.reshape(x.shape[0], *sizes, -1)


def _training_form(window: Sequence[int], sizes: Sequence[int]) -> Any:
    if tuple(window) == (3, 3):
        in_tiles = math.prod(-(-size // OUTPUTS) * OUTPUTS for size in sizes)
        return convolve_by_tiles if in_tiles <= 2 * math.prod(sizes) else None
    return _convolve_by_frequency if len(window) == 1 and window[0] >= LONG_WINDOW else None


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _convolve_trained_by(x: jax.Array, kernel: jax.Array, margins: Margins, form: Any) -> jax.Array:
    """`_convolve`, patches under `jax.vmap`; whose gradients, and value with them, are a form's."""
    convolve = jax.custom_batching.custom_vmap(partial(_convolve, margins=margins))

    @convolve.def_vmap
    def rule(axis_size: int, in_batched: list[bool], *arguments: jax.Array) -> Any:
        axes = [0 if own else None for own in in_batched]
        return jax.vmap(partial(_product, margins=margins), axes)(*arguments), True

    return convolve(x, kernel)


def _forward(x: jax.Array, kernel: jax.Array, margins: Margins, form: Any) -> tuple[jax.Array, Any]:
    return jax.vjp(partial(form, margins=margins), x, kernel)


def _backward(margins: Margins, form: Any, vjp: Any, gradient: jax.Array) -> Any:
    return vjp(gradient)


_convolve_trained_by.defvjp(_forward, _backward)


def _convolve_by_frequency(x: jax.Array, kernel: jax.Array, margins: Margins) -> jax.Array:
    """`_convolve` along one axis as a product for each frequency, with fewer multiplications."""
    x = jnp.pad(x, [(0, 0), *margins, (0, 0)]).swapaxes(0, 1)
    size, num_positions = len(x), len(x) - len(kernel) + 1
    frequency = np.arange(size // 2 + 1)[:, None]
    angle = 2 * np.pi * frequency * np.arange(size) / size
    # A real signal has each frequency but these two twice, as a pair of conjugates.
    once = (frequency == 0) | (2 * frequency == size)
    weight = np.where(once, 1, 2) / size

    def transform(matrix: np.ndarray, signal: jax.Array) -> jax.Array:
        product = jnp.asarray(matrix, x.dtype) @ signal.reshape(len(signal), -1)
        return product.reshape(-1, *signal.shape[1:])

    (a, b), (c, d) = (
        (transform(np.cos(angle[:, : len(s)]), s), transform(-np.sin(angle[:, : len(s)]), s))
        for s in (x, kernel)
    )
    # (a + bi) times the conjugate of c + di, in three real products.
    ac, bd, mixed = a @ c, b @ d, (a + b) @ (c - d)
    back = (weight * angle_of for angle_of in (np.cos(angle), -np.sin(angle)))
    cosines, sines = (matrix[:, :num_positions].T for matrix in back)
    out = transform(cosines, ac + bd) + transform(sines, mixed - ac + bd)
    return out.swapaxes(0, 1)
