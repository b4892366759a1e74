"""Whole epochs as one compiled program, and the loop on the host around them."""

import math
import signal
import sys
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, PartitionSpec
from tqdm.auto import tqdm

from rsstl_jax.engine.mesh import constrain, unpad
from rsstl_jax.engine.replicas import Replication, replica_sharding, spread
from rsstl_jax.engine.train_state import TrainState, gradient_norm
from rsstl_jax.errors import DivergedError, Interrupted
from rsstl_jax.store.interrupt import defer_signals
from rsstl_jax.store.processes import exchange, is_first
from rsstl_jax.store.recorder import Recorder
from rsstl_jax.types import Params

Step = Callable[[TrainState, Any, jax.Array, Any], tuple[TrainState, dict[str, jax.Array]]]
"""(state, batch, key, context) -> (state, metrics); the context stays the same all along."""


def make_step(
    loss: Callable[[Params, Any, jax.Array, Any], jax.Array],
    tx: optax.GradientTransformation,
    *,
    term: str = "localization",
) -> Step:
    """A step along the gradient of loss(params, batch, key, context), which is logged as a term."""

    def step(
        state: TrainState, batch: Any, key: jax.Array, context: Any
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        value, grads = jax.value_and_grad(loss)(state.params, batch, key, context)
        updates, opt_state = tx.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        metrics = {term: value, "gradient_norm": gradient_norm(grads)}
        return state._replace(params=params, opt_state=opt_state), metrics

    return step


@lru_cache(maxsize=16)
def make_epochs(
    step: Step,
    *,
    batch_size: int,
    num_epochs: int,
    vmapped: bool = False,
    context_axes: Any = None,
    partitioned: bool = False,
) -> Callable[..., Any]:
    """run(state, data, key, context) -> (state, metrics, broken): whole epochs as one program.

    `metrics` are means over each epoch; `broken` is the first step that was not finite, or 0.
    """

    def run(state: TrainState, data: Any, key: jax.Array, context: Any) -> Any:
        if partitioned:
            data, context = unpad((data, context))
        num_samples = jax.tree.leaves(data)[0].shape[0]
        num_steps = num_samples // batch_size

        # All randomness comes from (key, epoch, step): a resumed state goes on bit by bit.
        def one_epoch(state: TrainState, _: None) -> Any:
            order_key, step_key = jax.random.split(jax.random.fold_in(key, state.epoch))
            order = jax.random.permutation(order_key, num_samples)[: num_steps * batch_size]

            def one_step(state: TrainState, inputs: Any) -> Any:
                index, rows = inputs
                batch = jax.tree.map(lambda leaf: leaf[rows], data)
                batch = constrain(batch) if partitioned else batch
                return step(state, batch, jax.random.fold_in(step_key, index), context)

            inputs = (jnp.arange(num_steps), order.reshape(num_steps, batch_size))
            state, metrics = jax.lax.scan(one_step, state, inputs)
            state = state._replace(epoch=state.epoch + 1)
            means = jax.tree.map(lambda values: values.mean(axis=0), metrics)
            return state, (means, jax.tree.map(_first_not_finite, metrics))

        state, (means, broken) = jax.lax.scan(one_epoch, state, None, length=num_epochs)
        return state, means, broken

    # The state passed in is not donated: it is the last good one if a metric stops being finite.
    form = jax.vmap(run, in_axes=(0, None, 0, context_axes)) if vmapped else run
    return jax.jit(form, out_shardings=PartitionSpec()) if partitioned else jax.jit(form)


def _first_not_finite(values: jax.Array) -> jax.Array:
    """The first step whose value is not finite, counted from 1; 0 if all are."""
    bad = ~jnp.isfinite(values)
    return jnp.where(bad.any(), bad.argmax() + 1, 0)


def fit(
    step: Step,
    state: TrainState,
    data: Any,
    key: jax.Array,
    *,
    epochs: int,
    batch_size: int,
    name: str,
    recorder: Recorder,
    context: Any = (),
    replication: Replication | None = None,
    omit: Mapping[str, Collection[str]] | None = None,
    mesh: Mesh | None = None,
) -> TrainState:
    """Trains to the end, or from where an interrupted training of this name stopped.

    Args:
        step: the training step.
        state: the state at epoch 0.
        data: pytree of arrays with one leading axis of rows.
        key: typed key of the training's randomness.
        epochs: epochs in all.
        batch_size: rows a step; an epoch's last, smaller batch is dropped.
        name: of the training, such as "seed-0/distilled".
        recorder: takes metrics and states; knows the last saved state.
        context: pytree of arrays handed to every step unchanged.
        replication: given for several trainings at once; `name` is then that of their states.
        omit: {training: metrics that are not written down for it}.
        mesh: the devices, as `make_mesh` makes it; None: the default device.

    Returns:
        TrainState at the last epoch.

    Raises:
        DivergedError: if a metric stops being finite; the last good state is on disk.
        Interrupted: if a signal that `catch_signals` caught came; the state is on disk.

    Example:
        >>> import tempfile, optax
        >>> from rsstl_jax.engine.train_state import make_state
        >>> def step(state, batch, key, context):
        ...     return state._replace(params=state.params + 1), {"loss": state.params}
        >>> start = make_state(jnp.zeros(()), optax.sgd(1.0))
        >>> recorder = Recorder(tempfile.mkdtemp())
        >>> options = {"epochs": 5, "batch_size": 2, "name": "count", "recorder": recorder}
        >>> float(fit(step, start, jnp.ones(4), jax.random.key(0), **options).params)
        10.0
    """
    names = (name,) if replication is None else replication.names
    sharding = replica_sharding(mesh, replication) if recorder.shared else None
    if sharding is not None:
        state = sharding.put(state)
    count = None if sharding is None else sharding.count
    done, state = recorder.load_latest(name, state, count=count) or (0, state)
    recorder.forget_after(names, done)
    # Equal chunks need one compilation only, and must end at `epochs` from wherever they start.
    whole = math.gcd(epochs, done)
    chunk = max(d for d in range(1, recorder.log_every_epochs + 1) if whole % d == 0)
    make_program = partial(make_epochs, step, batch_size=batch_size, num_epochs=chunk)
    run = spread(make_program, mesh, data, context, replication, sharding)
    if 0 < done < epochs and is_first():
        tqdm.write(f"continuing {name} at epoch {done + 1} of {epochs}", file=sys.stderr)
    bar = tqdm(
        total=epochs,
        initial=done,
        desc=name,
        unit="epoch",
        mininterval=1.0,
        disable=not is_first(),
    )
    if done < epochs:  # until the first metrics replace it
        bar.set_postfix_str("compiling")
    end = False
    with defer_signals() as asked_to_end, bar:
        while done < epochs:
            new, *metrics = run(state, key)
            # One row a training, one column an epoch.
            values, broken = jax.tree.map(np.atleast_2d, jax.device_get(metrics))
            if message := _not_finite(names, values, broken, done):
                if done > 0:
                    recorder.save_latest(name, state, done, now=True, count=count)
                raise DivergedError(message)
            state = new
            recorder.log(*_records(names, values, done, batch_size, omit or {}))
            done += chunk
            end = any(exchange(asked_to_end()))
            recorder.save_latest(name, state, done, now=end, count=count)
            bar.set_postfix(_shown(names, values, omit or {}), refresh=False)
            bar.update(chunk)
            if end:
                break
    if end:
        raise Interrupted(signal.SIGTERM)  # that another process got
    return sharding.gather(state) if sharding else jax.tree.map(jnp.asarray, jax.device_get(state))


def _records(
    names: tuple[str, ...],
    values: Mapping[str, np.ndarray],
    done: int,
    batch_size: int,
    omit: Mapping[str, Collection[str]],
) -> list[dict[str, Any]]:
    """What metrics.jsonl says of a chunk of epochs, training by training."""
    num_epochs = next(iter(values.values())).shape[1]
    return [
        {"run": name, "epoch": done + i + 1, "batch_size": batch_size}
        | {term: float(v[row, i]) for term, v in values.items() if term not in omit.get(name, ())}
        for row, name in enumerate(names)
        for i in range(num_epochs)
    ]


def _shown(
    names: tuple[str, ...], values: Mapping[str, np.ndarray], omit: Mapping[str, Collection[str]]
) -> dict[str, str]:
    """What the bar shows: the mean of each metric over the trainings that have it."""
    having = {
        term: [row for row, name in enumerate(names) if term not in omit.get(name, ())]
        for term in values
    }
    return {term: f"{values[term][rows, -1].mean():.3g}" for term, rows in having.items() if rows}


def _not_finite(
    names: tuple[str, ...],
    values: Mapping[str, np.ndarray],
    broken: Mapping[str, np.ndarray],
    done: int,
) -> str:
    """Which metrics stopped being finite first, and where, in words; empty if none did."""
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for term, of_term in values.items():
        for row, means in enumerate(of_term):
            for i, mean in enumerate(means):
                # A mean may overflow where no step's value did; its step is 0.
                if broken[term][row, i] > 0 or not math.isfinite(mean):
                    found.setdefault((row, term), (i, int(broken[term][row, i])))
    if not found:
        return ""
    first, step = min(found.values())
    row = min(row for (row, _), at in found.items() if at == (first, step))
    terms = [term for (of, term), at in found.items() if of == row and at == (first, step)]
    words = " and ".join(f"{term} is {float(values[term][row, first])}" for term in terms)
    place = f"in epoch {done + first + 1}" + (f", step {step}" if step else "")
    return f"{names[row]}: {words} {place}"
