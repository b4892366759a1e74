"""The losses in another project: a Flax NNX network is aligned with a teacher in an optax loop.

pip install . && python examples/losses_in_optax.py    # seconds
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from rsstl_jax import losses

ANCHOR_M = jax.random.uniform(jax.random.key(7), (1, 8, 2), maxval=10)
WEIGHTS = losses.normalize_weights({"position": 1, "similarity": 1, "functional": 1})


class Network(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.framer = nnx.Linear(8, 64, rngs=rngs)
        self.extractor = nnx.Linear(64, 32, rngs=rngs)
        self.regressor = nnx.Linear(32, 2, rngs=rngs)

    def __call__(self, ranges: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        frame = nnx.relu(self.framer(ranges))
        extract = nnx.relu(self.extractor(frame))
        return frame, extract, self.regressor(extract)


def loss_fn(student: Network, teacher: Network, key: jax.Array) -> Any:
    """Eq. 12 on positions in a hall of 10 m x 10 m, seen as ranges from eight anchors."""
    actual_m = jax.random.uniform(key, (64, 2), maxval=10)
    ranges = jnp.linalg.norm(actual_m[:, None] - ANCHOR_M, axis=-1) / 10
    frame, extract, predicted_m = student(ranges)
    teacher_frame, wanted, _ = jax.lax.stop_gradient(teacher(ranges))
    fi, teacher_fi = map(losses.functional_information, (frame, teacher_frame), (extract, wanted))
    terms = {
        "position": losses.localization_loss(predicted_m, actual_m).mean(),
        "similarity": losses.angular_similarity_loss(extract, wanted),
        "functional": losses.functional_information_loss(fi, teacher_fi),
    }
    return losses.combine({name: (WEIGHTS[name], value) for name, value in terms.items()})


@nnx.jit
def step(student: Network, optimizer: nnx.Optimizer, teacher: Network, key: jax.Array) -> Any:
    (_, parts), grads = nnx.value_and_grad(loss_fn, has_aux=True)(student, teacher, key)
    optimizer.update(student, grads)
    return parts


if __name__ == "__main__":
    student, teacher = Network(nnx.Rngs(0)), Network(nnx.Rngs(1))  # Yours would be trained.
    optimizer = nnx.Optimizer(student, optax.adam(3e-3), wrt=nnx.Param)
    for number in range(1001):
        parts = step(student, optimizer, teacher, jax.random.key(number))
        if number % 500 == 0:
            print(number, {name: round(float(part), 4) for name, part in parts.items()})
