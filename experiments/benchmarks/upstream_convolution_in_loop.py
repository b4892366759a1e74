"""To be sent upstream: XLA's CPU backend runs a convolution's gradients slowly inside a loop.

    python upstream_convolution_in_loop.py     # imports jax alone

Outside a loop the compiler rewrites both gradients into the form that its fast kernels take. It
does so in the entry computation alone (`conv_canonicalization.cc`), so that in the body of a while
loop they stay in the form that JAX gave them. Written in the fast form by hand, they are fast in
both places, with the same values.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

BATCH, SIDE, CHANNELS, LENGTH = 128, 11, 64, 4
Gradients = tuple[jax.Array, jax.Array]
FORM = ("NHWC", "HWIO", "NHWC")


def convolve(x: jax.Array, kernel: jax.Array, padding: Any = "SAME") -> jax.Array:
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=FORM)


def gradients(x: jax.Array, kernel: jax.Array, dy: jax.Array) -> Gradients:
    """Of the input and the kernel, as JAX writes them."""
    dx, dk = jax.vjp(convolve, x, kernel)[1](dy)
    return dx, dk


def gradients_in_fast_form(x: jax.Array, kernel: jax.Array, dy: jax.Array) -> Gradients:
    """The same as two more convolutions, channels last."""
    dx = convolve(dy, kernel[::-1, ::-1].transpose(0, 1, 3, 2))
    around = ((1, 1), (1, 1))
    dk = convolve(x.transpose(3, 1, 2, 0), dy.transpose(1, 2, 0, 3), around)
    return dx, dk.transpose(1, 2, 0, 3)


def milliseconds(function: Callable[..., Gradients], *inputs: jax.Array) -> Iterator[float]:
    """Fastest of five calls, outside a loop and a step inside one."""

    def body(carry: Any, _: None) -> tuple[Any, None]:
        dx, dk = function(*carry)
        # The next step depends on this one.
        return (carry[0] + 1e-9 * dx, carry[1] + 1e-9 * dk, carry[2]), None

    inside = jax.jit(lambda *carry: jax.lax.scan(body, carry, None, length=LENGTH)[0])
    for run, steps in ((jax.jit(function), 1), (inside, LENGTH)):
        jax.block_until_ready(run(*inputs))
        times = []
        for _ in range(5):
            start = time.perf_counter()
            jax.block_until_ready(run(*inputs))
            times.append(time.perf_counter() - start)
        yield 1e3 * min(times) / steps


def main() -> None:
    keys = jax.random.split(jax.random.key(0), 3)
    image = (BATCH, SIDE, SIDE, CHANNELS)
    shapes = (image, (3, 3, CHANNELS, CHANNELS), image)
    inputs = [jax.random.normal(key, shape) for key, shape in zip(keys, shapes, strict=True)]
    pairs = zip(gradients(*inputs), gradients_in_fast_form(*inputs), strict=True)
    apart = max(float(jnp.abs(a - b).max() / jnp.abs(a).max()) for a, b in pairs)
    print(f"jax {jax.__version__}, largest relative difference of both forms: {apart:.1e}")
    print("| gradients | outside a loop (ms) | a step inside lax.scan (ms) |\n| --- | --- | --- |")
    for name, function in (("as JAX writes them", gradients), ("fast", gradients_in_fast_form)):
        outside, inside = milliseconds(function, *inputs)
        print(f"| {name} | {outside:.1f} | {inside:.1f} |", flush=True)


if __name__ == "__main__":
    main()
