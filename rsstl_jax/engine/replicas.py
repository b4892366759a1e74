"""Many trainings of one step as few programs: how they are stacked, and how many at once."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from rsstl_jax.engine.loop import Step, make_epochs

__all__ = ["MODES", "choose_mode", "stack", "unstack", "usable_bytes"]

MODES = ("auto", "loop", "map", "vmap")
"""One after the other from Python (loop) or inside one program (map), at once (vmap), or the
faster of loop and vmap (auto)."""

MEASURED_STEPS = 2
"""Steps of a measurement."""

Arguments = tuple[Any, jax.Array, Any]
"""(state, key, context) of one training, or of several with a leading axis."""


def stack(trees: Sequence[Any], axes: Any = 0) -> Any:
    """One pytree out of several, with a leading axis."""

    def of_part(axis: int | None, *parts: Any) -> Any:
        if axis is None:
            return parts[0]
        return jax.tree.map(lambda *leaves: jnp.stack([*map(jnp.asarray, leaves)]), *parts)

    return jax.tree.map(of_part, axes, *trees, is_leaf=lambda axis: axis is None)


def unstack(tree: Any, index: int) -> Any:
    """One of the pytrees that `stack` was given."""
    return jax.tree.map(lambda leaf: leaf[index], tree)


def choose_mode(
    step: Step,
    trainings: Sequence[Callable[[], Arguments]],
    data: Any,
    *,
    batch_size: int,
    context_axes: Any,
    mode: str = "auto",
) -> tuple[str, int]:
    """How trainings of one step are run: the mode, and how many of them are one program."""
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}; it must be one of {', '.join(MODES)}")
    if mode == "loop" or len(trainings) < 2:
        return "loop", 1
    few = jax.tree.map(lambda leaf: leaf[: MEASURED_STEPS * batch_size], data)
    first = [training() for training in trainings]
    size = len(trainings)
    while True:
        args = _stacked(first[:size], context_axes)
        run: Any = make_epochs(
            step,
            batch_size=batch_size,
            num_epochs=1,
            mode="map" if mode == "map" else "vmap",
            context_axes=context_axes,
        )
        compiled = run.lower(args[0], few, *args[1:]).compile()
        if size == 1 or _bytes_of(compiled) <= usable_bytes():
            break
        size = (size + 1) // 2
    if mode != "auto":
        return mode, size
    if size == 1:
        return "loop", 1
    one = make_epochs(step, batch_size=batch_size, num_epochs=1)
    at_once = _seconds(lambda: compiled(args[0], few, *args[1:]))
    in_turn = _seconds(lambda: [one(a[0], few, *a[1:]) for a in first[:size]])
    return ("vmap", size) if at_once < in_turn else ("loop", 1)


def _stacked(trainings: Sequence[Arguments], context_axes: Any) -> Arguments:
    states, keys, contexts = zip(*trainings, strict=True)
    return stack(states), stack(keys), stack(contexts, context_axes)


def _bytes_of(compiled: Any) -> int:
    """What a compiled program holds while it runs; results do not take its arguments' place."""
    memory = compiled.memory_analysis()
    return memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes


def usable_bytes() -> int:
    """Memory that one program may take on the first device."""
    stats = jax.devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return (stats["bytes_limit"] - stats["bytes_in_use"]) // 2
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _seconds(call: Callable[[], Any]) -> float:
    jax.block_until_ready(call())
    begun = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - begun
