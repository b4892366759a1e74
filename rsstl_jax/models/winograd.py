"""Winograd's form of a 3 x 3 convolution: a quarter of its multiplications.

F(4 x 4, 3 x 3) of Lavin and Gray 2016 (arXiv:1509.09308): Y = A^T [(G g G^T) . (B^T d B)] A for
every tile d of 6 x 6 inputs, g a kernel and Y its 4 x 4 outputs. Tiles take more than twice the
memory of the images that they cover. So the batch is taken in chunks whose tiles stay in a
processor's cache, and the gradients compute the tiles of the inputs anew.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

OUTPUTS, INPUTS, WINDOW = 4, 6, 3  # of a tile, along one axis
CHUNK = 2**14  # tiles times channels; each has 6 x 6 numbers, 2.4 MB together

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
    factors = _transform(_KERNEL, kernel)
    chunks = _chunks(x, _chunk_size(x, kernel, margins))
    out = jax.lax.map(lambda chunk: _convolve(chunk, factors, margins), chunks)
    return _join(out, len(x)), (x, kernel)


def _backward(margins: Margins, saved: Any, gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    """In the input a convolution with the kernel turned; in the kernel a product of tiles."""
    x, kernel = saved
    size = _chunk_size(x, kernel, margins)
    factors = _transform(_KERNEL, jnp.flip(kernel, (0, 1)).swapaxes(-1, -2))
    around = tuple((WINDOW - 1 - first, WINDOW - 1 - last) for first, last in margins)

    def add(total: jax.Array, chunk: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        x, gradient = chunk
        of_kernel = jnp.einsum("pnc,pno->pco", _tiles(x, margins), _tiles_of_gradient(gradient))
        return total + of_kernel, _convolve(gradient, factors, around)

    zero = jnp.zeros((INPUTS**2, *kernel.shape[2:]), gradient.dtype)
    total, of_input = jax.lax.scan(add, zero, (_chunks(x, size), _chunks(gradient, size)))
    total = total.reshape(INPUTS, INPUTS, *kernel.shape[2:]).swapaxes(0, 1)
    return _join(of_input, len(x)), _transform(_KERNEL.T, total).swapaxes(0, 1)


convolve_by_tiles.defvjp(_forward, _backward)


def _num_tiles(extents: Sequence[int]) -> list[int]:
    """Along each axis."""
    return [-(-extent // OUTPUTS) for extent in extents]


def _output_sizes(x: jax.Array, margins: Margins) -> list[int]:
    """Along each axis, without the batch and the channels."""
    return [n + sum(pair) - WINDOW + 1 for n, pair in zip(x.shape[1:-1], margins, strict=True)]


def _chunk_size(x: jax.Array, kernel: jax.Array, margins: Margins) -> int:
    """How many images' tiles make about `CHUNK`."""
    of_image = math.prod(_num_tiles(_output_sizes(x, margins))) * max(kernel.shape[2:])
    return min(len(x), max(1, CHUNK // of_image))


def _chunks(x: jax.Array, size: int) -> jax.Array:
    """float[B, ...] to float[chunks, size, ...], the last one filled with zeros."""
    x = jnp.pad(x, [(0, -len(x) % size), *[(0, 0)] * (x.ndim - 1)])
    return x.reshape(-1, size, *x.shape[1:])


def _join(chunks: jax.Array, batch: int) -> jax.Array:
    return chunks.reshape(-1, *chunks.shape[2:])[:batch]


def _convolve(x: jax.Array, factors: jax.Array, margins: Margins) -> jax.Array:
    """float[B, H, W, C] with the transform of a kernel."""
    sizes = _output_sizes(x, margins)
    numbers = _num_tiles(sizes)
    products = _tiles(x, margins) @ factors.reshape(INPUTS**2, x.shape[-1], -1)
    products = products.reshape(INPUTS, INPUTS, len(x), *numbers, -1)
    out = _combine(_OUTPUT, _combine(_OUTPUT, products, axis=4), axis=2)
    out = out.reshape(len(x), *(OUTPUTS * number for number in numbers), -1)
    return out[:, : sizes[0], : sizes[1]]


def _tiles(x: jax.Array, margins: Margins) -> jax.Array:
    """B^T d B of all tiles, float[36, tiles, C]; both axes of a tile: columns, rows."""
    numbers = _num_tiles(_output_sizes(x, margins))
    pads = [
        (first, OUTPUTS * number + WINDOW - 1 - n - first)
        for n, number, (first, _) in zip(x.shape[1:-1], numbers, margins, strict=True)
    ]
    x = jnp.pad(x, [(0, 0), *pads, (0, 0)])
    for axis, number in zip((1, 3), numbers, strict=True):
        last = OUTPUTS * (number - 1) + 1
        starts = range(INPUTS)
        parts = [jax.lax.slice_in_dim(x, i, i + last, OUTPUTS, axis) for i in starts]
        x = _combine(_INPUT, parts, axis=0)
    return x.reshape(INPUTS**2, -1, x.shape[-1])


def _tiles_of_gradient(gradient: jax.Array) -> jax.Array:
    """A y A^T of the outputs' gradients, in the order of `_tiles`."""
    batch, *sizes, features = gradient.shape
    rows, columns = _num_tiles(sizes)
    pads = [(0, -size % OUTPUTS) for size in sizes]
    gradient = jnp.pad(gradient, [(0, 0), *pads, (0, 0)])
    gradient = gradient.reshape(batch, rows, OUTPUTS, columns, OUTPUTS, features)
    back = tuple(zip(*_OUTPUT, strict=True))
    half = _combine(back, jnp.unstack(gradient, axis=2), axis=0)
    return _combine(back, jnp.unstack(half, axis=4), axis=0).reshape(INPUTS**2, -1, features)


def _transform(matrix: np.ndarray, kernel: jax.Array) -> jax.Array:
    """Both first axes, rows and columns, to columns and rows."""
    by = jnp.asarray(matrix, kernel.dtype)
    return jnp.einsum("ri,cj,ijno->crno", by, by, kernel)


def _combine(matrix: Sequence[Sequence[int]], parts: Any, axis: int) -> jax.Array:
    """A matrix of whole numbers times a vector of arrays, one after the other along an axis."""
    # Without a barrier XLA computes them anew for everything that reads them.
    sums = [sum(n * parts[i] for i, n in enumerate(row) if n) for row in matrix]
    return jax.lax.optimization_barrier(jnp.stack(sums, axis=axis))
