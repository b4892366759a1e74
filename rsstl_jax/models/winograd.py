"""Winograd's form of a 3 x 3 convolution: a quarter of its multiplications.

F(4 x 4, 3 x 3) of Lavin and Gray 2016 (arXiv:1509.09308): Y = A^T [(G g G^T) . (B^T d B)] A for
every tile d of 6 x 6 inputs, g a kernel and Y its 4 x 4 outputs.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

OUTPUTS, INPUTS, WINDOW = 4, 6, 3  # of a tile, along one axis

_INPUT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_KERNEL = np.array(
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], np.float64
) / [[24]]
_OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


Margins = tuple[tuple[int, int], ...]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolve_by_tiles(x: jax.Array, kernel: jax.Array, margins: Margins) -> jax.Array:
    """float[B, H, W, C] with float[3, 3, C, O], zeros around x, to float[B, H', W', O]."""
    return _forward(x, kernel, margins)[0]


def _forward(x: jax.Array, kernel: jax.Array, margins: Margins) -> tuple[jax.Array, Any]:
    batch, *extents, channels = x.shape
    sizes = [n + sum(pair) - WINDOW + 1 for n, pair in zip(extents, margins, strict=True)]
    numbers = [-(-size // OUTPUTS) for size in sizes]
    pads = [
        (first, OUTPUTS * number + WINDOW - 1 - n - first)
        for n, number, (first, _) in zip(extents, numbers, margins, strict=True)
    ]
    x = jnp.pad(x, [(0, 0), *pads, (0, 0)])
    for axis, number in zip((1, 3), numbers, strict=True):
        last = OUTPUTS * (number - 1) + 1
        starts = range(INPUTS)
        parts = [jax.lax.slice_in_dim(x, i, i + last, OUTPUTS, axis) for i in starts]
        x = _combine(_INPUT, parts, axis=0)
    # Both axes of a tile: [columns, rows, ...].
    tiles = x.reshape(INPUTS**2, -1, channels)
    products = tiles @ _transform(_KERNEL, kernel).reshape(INPUTS**2, channels, -1)
    products = products.reshape(INPUTS, INPUTS, batch, *numbers, -1)
    out = _combine(_OUTPUT, _combine(_OUTPUT, products, axis=4), axis=2)
    out = out.reshape(batch, *(OUTPUTS * number for number in numbers), -1)
    return out[:, : sizes[0], : sizes[1]], (tiles, kernel)


def _backward(margins: Margins, saved: Any, gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    """In the input a convolution with the kernel turned; in the kernel a product of tiles."""
    tiles, kernel = saved
    turned = jnp.flip(kernel, (0, 1)).swapaxes(-1, -2)
    around = tuple((WINDOW - 1 - first, WINDOW - 1 - last) for first, last in margins)
    of_input = convolve_by_tiles(gradient, turned, around)
    batch, *sizes, features = gradient.shape
    numbers = [-(-size // OUTPUTS) for size in sizes]
    pads = [(0, OUTPUTS * n - size) for n, size in zip(numbers, sizes, strict=True)]
    gradient = jnp.pad(gradient, [(0, 0), *pads, (0, 0)])
    gradient = gradient.reshape(batch, numbers[0], OUTPUTS, numbers[1], OUTPUTS, features)
    back = tuple(zip(*_OUTPUT, strict=True))
    half = _combine(back, jnp.unstack(gradient, axis=2), axis=0)
    whole = _combine(back, jnp.unstack(half, axis=4), axis=0).reshape(INPUTS**2, -1, features)
    of_tiles = jnp.einsum("pnc,pno->pco", tiles, whole)
    of_tiles = of_tiles.reshape(INPUTS, INPUTS, *kernel.shape[2:])
    return of_input, _transform(_KERNEL.T, of_tiles.swapaxes(0, 1)).swapaxes(0, 1)


convolve_by_tiles.defvjp(_forward, _backward)


def _transform(matrix: np.ndarray, kernel: jax.Array) -> jax.Array:
    """Both first axes, rows and columns, to columns and rows."""
    by = jnp.asarray(matrix, kernel.dtype)
    return jnp.einsum("ri,cj,ijno->crno", by, by, kernel)


def _combine(matrix: Sequence[Sequence[int]], parts: Any, axis: int) -> jax.Array:
    """A matrix of whole numbers times a vector of arrays, one after the other along an axis."""
    # Without a barrier XLA computes them anew for everything that reads them.
    sums = [sum(n * parts[i] for i, n in enumerate(row) if n) for row in matrix]
    return jax.lax.optimization_barrier(jnp.stack(sums, axis=axis))
