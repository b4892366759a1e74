"""The state of a training: arrays only."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from rsstl_jax.types import Params


class TrainState(NamedTuple):
    """All that a training step reads and writes; no optimiser object, no apply function."""

    params: Params
    opt_state: Any  # the optimiser's state, or those of several parts
    epoch: jax.Array  # int32 scalar: epochs done; with the key it fixes all randomness to come


def make_state(params: Params, tx: optax.GradientTransformation) -> TrainState:
    """A state at epoch 0."""
    return TrainState(params, tx.init(params), jnp.zeros((), jnp.int32))


def make_state_of_parts(parts: dict[str, Params], tx: optax.GradientTransformation) -> TrainState:
    """A state at epoch 0 of parts that have an optimiser each."""
    opt_state = {part: tx.init(params) for part, params in parts.items()}
    return TrainState(parts, opt_state, jnp.zeros((), jnp.int32))


def gradient_norm(grads: Params) -> jax.Array:
    """Euclidean norm of all leaves together: Optax's writes squares as large as the parameters."""
    leaves = jax.tree.leaves(grads)
    return jnp.sqrt(sum(jnp.vdot(leaf, leaf, precision="highest") for leaf in leaves))


def make_optimizer(
    learning_rate: float, schedule: str, num_steps: int
) -> optax.GradientTransformation:
    """Adam with a constant rate, or one that falls to zero along half a cosine."""
    if schedule == "cosine":
        return make_adam(optax.cosine_decay_schedule(learning_rate, num_steps))
    return make_adam(learning_rate)


def make_adam(
    learning_rate: optax.ScalarOrSchedule, b1: float = 0.9, b2: float = 0.999
) -> optax.GradientTransformation:
    """Optax's Adam, also where jax_numpy_dtype_promotion is strict."""
    tx = optax.adam(learning_rate, b1, b2)

    def update(grads: Params, state: Any, params: Params | None = None) -> tuple[Params, Any]:
        # Optax raises a float to the power of its integer count, a promotion.
        with jax.numpy_dtype_promotion("standard"):
            return tx.update(grads, state, params)

    return optax.GradientTransformation(tx.init, update)
