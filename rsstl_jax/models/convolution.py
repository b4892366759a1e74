"""Convolution in one or two dimensions, and the maximum over windows, fast in compiled loops."""

import itertools
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

METHODS = ("auto", "convolution", "patches")
LONG_WINDOW = 12


class Convolution(nn.Module):
    """A convolution with stride 1 and a bias, channels last.

    All methods compute the same from the same parameters. "convolution" is XLA's own, whose
    gradients are slow on CPUs inside a compiled training loop; "patches" copies the windows side by
    side and multiplies once. "auto" takes XLA's on a GPU. On a CPU it takes XLA's with gradients
    written in forms that are fast there, and patches for a single channel, for a single output
    position and under `jax.vmap`; along one axis a window of `LONG_WINDOW` or more is trained by
    its discrete Fourier transform. "auto" has no forward-mode derivative there: the other two have.

    Args:
        features: output channels O.
        window: extent of the kernel along each spatial axis.
        padding: "VALID" or "SAME" (zeros around).
        method: one of `METHODS`.

    Raises:
        ValueError: on call, if the method is unknown.

    Example:
        >>> params = {"kernel": jnp.ones((2, 1, 1)), "bias": jnp.zeros(1)}
        >>> x = jnp.array([1.0, 2.0, 4.0]).reshape(1, 3, 1)
        >>> print(Convolution(1, (2,)).apply({"params": params}, x).ravel())
        [3. 6.]
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
        if self.method == "patches" or (on_cpu and is_small):
            out = _product(x, kernel, margins)
        elif on_cpu:
            out = _convolve_in_loop(x, kernel, margins)
        elif self.method in METHODS:
            out = _convolve(x, kernel, margins)
        else:
            raise ValueError(f"method is {self.method!r}; it must be in {', '.join(METHODS)}")
        return out + bias.reshape((1,) * (out.ndim - 1) + (-1,))


def max_of_windows(image: jax.Array) -> jax.Array:
    """The maximum over 2 x 2, stride 2: `nn.max_pool`, whose gradient is slow on CPUs.

    An odd last row or column is left out. The gradient of a tie is shared.
    """
    rows, columns = (extent // 2 * 2 for extent in image.shape[1:3])
    corners = [image[:, i:rows:2, j:columns:2] for i, j in itertools.product(range(2), range(2))]
    return jnp.maximum(jnp.maximum(*corners[:2]), jnp.maximum(*corners[2:]))


Margins = tuple[tuple[int, int], ...]


def _convolve(x: jax.Array, kernel: jax.Array, margins: Margins) -> jax.Array:
    """float[B, ..., C] with float[..., C, O] to float[B, ..., O]."""
    spatial = "HW"[: len(margins)]
    numbers = (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C")
    strides = (1,) * len(margins)
    return jax.lax.conv_general_dilated(x, kernel, strides, margins, dimension_numbers=numbers)


def _product(x: jax.Array, kernel: jax.Array, margins: Margins) -> jax.Array:
    return _patches(x, kernel.shape[:-2], margins) @ kernel.reshape(-1, kernel.shape[-1])


def _patches(x: jax.Array, window: Sequence[int], margins: Margins) -> jax.Array:
    """float[B, ..., window * C]: at each position the inputs under the kernel, row by row."""
    x = jnp.pad(x, [(0, 0), *margins, (0, 0)])
    sizes = [size - extent + 1 for size, extent in zip(x.shape[1:-1], window, strict=True)]
    if set(sizes) == {1}:
        return x.reshape(x.shape[0], *sizes, -1)
    windows = [
        x[(slice(None), *(slice(o, o + size) for o, size in zip(offset, sizes, strict=True)))]
        for offset in itertools.product(*map(range, window))
    ]
    return jnp.concatenate(windows, axis=-1)


# XLA's CPU compiler brings convolutions into their fast form in the entry computation alone. Inside
# a loop only those are fast that are written in it: channels last, stride 1, no dilation.


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolve_in_loop(x: jax.Array, kernel: jax.Array, margins: Margins) -> jax.Array:
    return _unless_batched(partial(_convolve, margins=margins), partial(_product, margins=margins))(
        x, kernel
    )


def _forward(x: jax.Array, kernel: jax.Array, margins: Margins) -> tuple[jax.Array, Any]:
    if len(margins) == 1 and len(kernel) >= LONG_WINDOW:
        return jax.vjp(partial(_convolve_by_frequency, margins=margins), x, kernel)
    return _convolve_in_loop(x, kernel, margins), (x, kernel)


def _backward(margins: Margins, saved: Any, gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    if callable(saved):
        return saved(gradient)
    x, kernel = saved

    def of_both(x: jax.Array, kernel: jax.Array, gradient: jax.Array) -> Any:
        return _input_gradient(kernel, gradient, margins), _kernel_gradient(
            x, gradient, kernel.shape, margins
        )

    def by_product(x: jax.Array, kernel: jax.Array, gradient: jax.Array) -> Any:
        return jax.vjp(partial(_product, margins=margins), x, kernel)[1](gradient)

    return _unless_batched(of_both, by_product)(x, kernel, gradient)


_convolve_in_loop.defvjp(_forward, _backward)


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


def _input_gradient(kernel: jax.Array, gradient: jax.Array, margins: Margins) -> jax.Array:
    window = kernel.shape[:-2]
    turned = jnp.flip(kernel, range(len(window))).swapaxes(-1, -2)
    around = tuple((w - 1 - a, w - 1 - b) for w, (a, b) in zip(window, margins, strict=True))
    return _convolve(gradient, turned, around)


def _kernel_gradient(x: jax.Array, gradient: jax.Array, shape: Any, margins: Margins) -> jax.Array:
    """Along one axis a convolution whose channels are the batch, in an image one product."""
    if len(margins) == 1:
        by_channel = _convolve(x.swapaxes(0, -1), jnp.moveaxis(gradient, 0, -2), margins)
        return jnp.moveaxis(by_channel, 0, -2)
    # The input is shifted along the columns and the gradient along the rows: less memory than
    # patches, and a product that is nearly square.
    height, width, channels, features = shape
    x = jnp.pad(x, [(0, 0), *margins, (0, 0)])
    columns = [x[:, :, j : j + gradient.shape[2]] for j in range(width)]
    rows = [jnp.pad(gradient, [(0, 0), (i, height - 1 - i), (0, 0), (0, 0)]) for i in range(height)]
    product = _transposed_product(*(jnp.concatenate(parts, axis=-1) for parts in (columns, rows)))
    return product.reshape(width, channels, height, features).transpose(2, 0, 1, 3)


def _transposed_product(x: jax.Array, y: jax.Array) -> jax.Array:
    """float[..., M] with float[..., N] to float[M, N]; in groups of a batch, which are faster."""
    groups = math.gcd(x.shape[0], 8)
    x, y = (array.reshape(groups, -1, array.shape[-1]) for array in (x, y))
    return jnp.einsum("gim,gin->gmn", x, y).sum(axis=0)


def _unless_batched(function: Any, batched: Any) -> Any:
    """The function, or the other one wherever `jax.vmap` gives its arguments a further axis."""
    either = jax.custom_batching.custom_vmap(function)

    @either.def_vmap
    def rule(axis_size: int, in_batched: list[bool], *arguments: jax.Array) -> Any:
        out = jax.vmap(batched, [0 if own else None for own in in_batched])(*arguments)
        return out, jax.tree.map(lambda _: True, out)

    return either
