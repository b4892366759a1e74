"""Saving and loading pytrees; the only file that imports Orbax."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(folder: str | Path, tree: Any, *, step: int) -> None:
    """Saves a pytree as the one state in a folder; it replaces earlier steps.

    The call returns when the files are complete; a save broken off leaves the earlier state.

    Args:
        folder: where the state lies; made if needed.
        tree: pytree of arrays.
        step: what the state is called; must be above that of the state it replaces.

    Raises:
        ValueError: if the folder already holds this step or a later one.

    Example:
        >>> import tempfile, jax.numpy as jnp
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_checkpoint(folder, {"w": jnp.ones(3)}, step=1)
        ...     step, tree = load_checkpoint(folder, {"w": jnp.zeros(3)})
        >>> step, float(tree["w"].sum())
        (1, 3.0)
    """
    with _manager(folder) as manager:
        if not manager.save(step, args=ocp.args.StandardSave(tree)):
            raise ValueError(
                f"{folder} holds step {manager.latest_step()}; step {step} cannot replace it"
            )


def load_checkpoint(folder: str | Path, like: Any) -> tuple[int, Any] | None:
    """The latest state saved in a folder.

    Args:
        folder: folder of `save_checkpoint`.
        like: pytree of arrays (or of shapes and dtypes) of the state's structure.

    Returns:
        (step, pytree), or None if the folder holds no complete state.

    Raises:
        ValueError: if the state saved has another structure or other shapes than `like`.

    Example:
        >>> load_checkpoint("/nowhere", {}) is None
        True
    """
    if not Path(folder).is_dir():
        return None
    with _manager(folder) as manager:
        step = manager.latest_step()
        if step is None:
            return None
        # As NumPy arrays: Orbax would bind others to the device they were saved on, and a compiled
        # program that meets both kinds is compiled once more.
        target = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
        restored = manager.restore(step, args=ocp.args.StandardRestore(target))
    shapes, wanted = (jax.tree.map(jnp.shape, tree) for tree in (restored, like))
    if shapes != wanted:
        raise ValueError(f"{folder} holds a state of shapes {shapes}; {wanted} are expected")
    return step, jax.tree.map(jnp.array, restored)


def _manager(folder: str | Path) -> ocp.CheckpointManager:
    options = ocp.CheckpointManagerOptions(max_to_keep=1, enable_async_checkpointing=False)
    return ocp.CheckpointManager(Path(folder).absolute(), options=options)
