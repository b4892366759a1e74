"""Winograd's form of a 3 x 3 convolution: a quarter of its multiplications.

F(4 x 4, 3 x 3) of Lavin and Gray 2016 (arXiv:1509.09308): Y = A^T [(G g G^T) . (B^T d B)] A for
every tile d of 6 x 6 inputs, g a kernel and Y its 4 x 4 outputs.
"""

from collections.abc import Sequence

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


def convolve_by_tiles(
    x: jax.Array, kernel: jax.Array, margins: Sequence[tuple[int, int]]
) -> jax.Array:
    """float[B, H, W, C] with float[3, 3, C, O], zeros around x, to float[B, H', W', O].

    Its derivatives are products of tiles too. One pass an axis: XLA would compute the passes anew
    for everything that reads them, hence the barriers.
    """
    batch, *extents, channels = x.shape
    sizes = [n + sum(pair) - WINDOW + 1 for n, pair in zip(extents, margins, strict=True)]
    numbers = [-(-size // OUTPUTS) for size in sizes]
    pads = [
        (first, OUTPUTS * number + WINDOW - 1 - n - first)
        for n, number, (first, _) in zip(extents, numbers, margins, strict=True)
    ]
    x = jnp.pad(x, [(0, 0), *pads, (0, 0)])
    tiled = _combine(_INPUT, _tile(x, 1, numbers[0]), axis=0)
    tiled = _combine(_INPUT, _tile(tiled, 3, numbers[1]), axis=0)
    # Both axes are [column of a tile, row of a tile, ...].
    transform = jnp.asarray(_KERNEL, x.dtype)
    kernel = jnp.einsum("ri,cj,ijno->crno", transform, transform, kernel)
    features = kernel.shape[-1]
    products = tiled.reshape(INPUTS**2, -1, channels) @ kernel.reshape(
        INPUTS**2, channels, features
    )
    products = products.reshape(INPUTS, INPUTS, batch, *numbers, features)
    half = _combine(_OUTPUT, products, axis=4)
    out = jnp.stack(_rows(_OUTPUT, half), axis=2)
    out = out.reshape(batch, *(OUTPUTS * number for number in numbers), features)
    return out[:, : sizes[0], : sizes[1]]


def _tile(x: jax.Array, axis: int, number: int) -> list[jax.Array]:
    """What the tiles along an axis have at each of their six places."""
    last = OUTPUTS * (number - 1) + 1
    return [jax.lax.slice_in_dim(x, i, i + last, OUTPUTS, axis) for i in range(INPUTS)]


def _rows(
    matrix: Sequence[Sequence[int]], parts: Sequence[jax.Array] | jax.Array
) -> list[jax.Array]:
    """A matrix of small whole numbers times a vector of arrays."""
    return [sum(n * parts[i] for i, n in enumerate(row) if n) for row in matrix]  # type: ignore[misc]


def _combine(
    matrix: Sequence[Sequence[int]], parts: Sequence[jax.Array] | jax.Array, axis: int
) -> jax.Array:
    return jax.lax.optimization_barrier(jnp.stack(_rows(matrix, parts), axis=axis))
