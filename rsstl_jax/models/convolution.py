"""Convolution in one or two dimensions, by the library or as patches times a matrix."""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

METHODS = ("auto", "convolution", "patches")


class Convolution(nn.Module):
    """A convolution with stride 1 and a bias, channels last.

    All methods compute the same from the same parameters. "convolution" is XLA's own; "patches"
    copies the windows side by side and multiplies once, which is many times faster on CPUs inside
    a compiled training loop and under `jax.vmap` over replicas (`docs/results/cost.md` has the
    measurement). "auto" takes patches on CPUs and XLA's elsewhere.

    Args:
        features: output channels O.
        window: extent of the kernel along each spatial axis.
        padding: "VALID" or "SAME" (then extents are odd, zeros around).
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
        method = self.method
        if method == "auto":
            method = "patches" if jax.default_backend() == "cpu" else "convolution"
        if method == "convolution":
            spatial = "HW"[: len(self.window)]
            numbers = (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C")
            out = jax.lax.conv_general_dilated(
                x, kernel, (1,) * len(spatial), self.padding, dimension_numbers=numbers
            )
        elif method == "patches":
            out = self._patches(x) @ kernel.reshape(-1, self.features)
        else:
            raise ValueError(f"method is {self.method!r}; it must be in {', '.join(METHODS)}")
        return out + bias.reshape((1,) * (out.ndim - 1) + (-1,))

    def _patches(self, x: jax.Array) -> jax.Array:
        """float[B, ..., window * C]: at each position the inputs under the kernel, row by row."""
        if self.padding == "SAME":
            margins = [((extent - 1) // 2, extent // 2) for extent in self.window]
            x = jnp.pad(x, [(0, 0), *margins, (0, 0)])
        sizes = [size - extent + 1 for size, extent in zip(x.shape[1:-1], self.window, strict=True)]
        windows = [
            x[(slice(None), *(slice(o, o + size) for o, size in zip(offset, sizes, strict=True)))]
            for offset in itertools.product(*map(range, self.window))
        ]
        return jnp.concatenate(windows, axis=-1)
