"""Times all ways of computing the networks' convolutions inside a compiled training loop.

python experiments/convolution.py --replicas=1,4
"""

import timeit
from typing import Any

import jax
import jax.numpy as jnp
from absl import flags

from rsstl_jax import cli
from rsstl_jax.config.overrides import read_numbers
from rsstl_jax.config.rules import COUNTS
from rsstl_jax.models.convolution import Convolution

_REPLICAS = flags.DEFINE_list("replicas", ["1", "4"], "Lists numbers of replicas under one vmap.")
_REPEATS = flags.DEFINE_integer(
    "repeats", 5, "Sets the runs, of which the fastest counts.", lower_bound=1
)

BATCH, STEPS = 128, 4
LAYERS = {
    "CNNLoc 1": ((64, 1), 99, (22,), "VALID"),
    "CNNLoc 2": ((43, 99), 66, (22,), "VALID"),
    "CNNLoc 3": ((22, 66), 33, (22,), "VALID"),
    "BayesCNN 1a": ((23, 23, 1), 32, (3, 3), "SAME"),
    "BayesCNN 1b": ((23, 23, 32), 32, (3, 3), "SAME"),
    "BayesCNN 2b": ((11, 11, 64), 64, (3, 3), "SAME"),
    "BayesCNN 3b": ((5, 5, 128), 128, (3, 3), "SAME"),
}


def time_layer(layer: Convolution, shape: tuple[int, ...], replicas: int) -> float:
    """Seconds of a gradient step of all replicas, inside a scan as in training."""
    key = jax.random.key(0)
    x = jax.random.normal(key, (replicas, BATCH, *shape))
    params = jax.vmap(layer.init)(jax.random.split(key, replicas), x)

    def loss(params: Any, x: jax.Array) -> jax.Array:
        return jnp.square(layer.apply(params, x)).mean()

    def step(carry: Any, _: None) -> tuple[Any, None]:
        grads = jax.vmap(jax.grad(loss, (0, 1)))(*carry)
        return jax.tree.map(lambda value, grad: value - 1e-3 * grad, carry, grads), None

    train = jax.jit(lambda *carry: jax.lax.scan(step, carry, None, length=STEPS)[0])
    jax.block_until_ready(train(params, x))
    times = timeit.repeat(
        lambda: jax.block_until_ready(train(params, x)), number=1, repeat=_REPEATS.value
    )
    return min(times) / STEPS


def main() -> None:
    print("| layer | replicas | convolution (ms) | patches (ms) | auto (ms) |")
    print("| --- | --- | --- | --- | --- |")
    for replicas in read_numbers("--replicas", _REPLICAS.value, COUNTS):
        for name, (shape, channels, window, padding) in LAYERS.items():
            direct, patches, auto = (
                1e3 * time_layer(Convolution(channels, window, padding, method), shape, replicas)
                for method in ("convolution", "patches", "auto")
            )
            print(f"| {name} | {replicas} | {direct:.1f} | {patches:.1f} | {auto:.1f} |")


if __name__ == "__main__":
    cli.run(main)
