"""The state of a training: arrays only."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from rsstl_jax.models import make_network
from rsstl_jax.types import Params

__all__ = ["TrainState", "descend", "learning_rate", "make_optimizer", "make_state"]


class TrainState(NamedTuple):
    """All that a training step reads and writes; no optimiser object, no apply function.

    Args:
        params: pytree of what is trained.
        opt_state: the optimiser's state, or a pytree of several.
        epoch: int32 scalar. Epochs done; with the key it fixes all randomness to come.

    Example:
        >>> state = make_state({"w": jnp.ones(3)}, optax.adam(1e-3))
        >>> int(state.epoch)
        0
    """

    params: Params
    opt_state: Any
    epoch: jax.Array


def make_state(params: Params, tx: optax.GradientTransformation) -> TrainState:
    """A state at epoch 0.

    Args:
        params: initial parameters.
        tx: the optimiser that will update them.

    Returns:
        TrainState.

    Example:
        >>> make_state({"w": jnp.ones(3)}, optax.adam(1e-3)).params["w"].shape
        (3,)
    """
    return TrainState(params, tx.init(params), jnp.zeros((), jnp.int32))


def descend(
    state: TrainState,
    tx: optax.GradientTransformation,
    loss_fn: Callable[[Params], jax.Array],
    *,
    term: str = "localization",
) -> tuple[TrainState, dict[str, jax.Array]]:
    """One update of all parameters along the gradient of a loss.

    Args:
        state: the state before it.
        tx: the optimiser.
        loss_fn: params -> scalar.
        term: what the loss is called among the metrics.

    Returns:
        (the state after it, {term: the loss before it, "gradient_norm"}); the epoch stays.

    Example:
        >>> tx = optax.sgd(0.5)
        >>> state, metrics = descend(make_state(jnp.ones(()), tx), tx, lambda w: w * w)
        >>> float(state.params), float(metrics["localization"])
        (0.0, 1.0)
    """
    loss, grads = jax.value_and_grad(loss_fn)(state.params)
    updates, opt_state = tx.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {term: loss, "gradient_norm": optax.tree.norm(grads)}
    return state._replace(params=params, opt_state=opt_state), metrics


def learning_rate(config: ConfigDict, of_site: float | None = None) -> float:
    """The step size with which the configured network is trained at a site.

    Args:
        config: the site's configuration; read here: `train.learning_rate`, `network`, `model`.
        of_site: in place of `train.learning_rate`.

    Returns:
        The site's learning rate times the network's own factor.

    Example:
        >>> from rsstl_jax.config import default_config
        >>> learning_rate(default_config())
        0.001
    """
    rate = config.train.learning_rate if of_site is None else of_site
    return rate * make_network(config).learning_rate_factor


def make_optimizer(
    learning_rate: float, schedule: str, num_steps: int
) -> optax.GradientTransformation:
    """Adam with a constant rate, or one that falls to zero along half a cosine.

    Args:
        learning_rate: step size at the start, above 0.
        schedule: "constant" or "cosine".
        num_steps: updates until the cosine reaches zero.

    Returns:
        optax.GradientTransformation.

    Raises:
        ValueError: if the schedule is unknown.

    Example:
        >>> make_optimizer(1e-3, "cosine", 100).init({"w": jnp.ones(3)})[0].count.dtype
        dtype('int32')
    """
    if schedule == "constant":
        return optax.adam(learning_rate)
    if schedule == "cosine":
        return optax.adam(optax.cosine_decay_schedule(learning_rate, num_steps))
    raise ValueError(f"schedule is {schedule!r}; it must be constant or cosine")
