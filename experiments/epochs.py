"""Seconds per epoch of each network, ours against PyTorch eager, side by side in one run.

    pip install torch==2.13.0
    python experiments/epochs.py --config=configs/tampere.py

Same architecture (their parameter counts are compared), batch, loss and Adam; no augmentation. One
epoch of one, then one of the other, so that both meet the same load; medians.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import torch
from absl import flags
from ml_collections import ConfigDict, config_flags
from torch_networks import NETWORKS

from rsstl_jax import cli
from rsstl_jax.pipeline import target_parts
from rsstl_jax.train import (
    make_batch,
    make_epochs,
    make_localizer,
    make_specialise_step,
    make_state,
    training_plan,
)

_CONFIG = config_flags.DEFINE_config_file("config", None, "configs/<site>.py", lock_config=True)
_NETWORKS = flags.DEFINE_list("networks", list(NETWORKS), "which")
_REPEATS = flags.DEFINE_integer("repeats", 3, "epochs timed of each", lower_bound=1)

Epoch = Callable[[], Any]


def our_epoch(config: ConfigDict) -> tuple[Epoch, int, int]:
    """(one epoch, parameters, steps)."""
    train = target_parts(config).train
    localizer = make_localizer(config, train)
    batch_size, _, tx = training_plan(config, len(train))
    params = localizer.init(jax.random.key(0), train.num_access_points)
    num_params = sum(leaf.size for leaf in jax.tree.leaves(params))
    run = make_epochs(make_specialise_step(localizer, tx), batch_size=batch_size, num_epochs=1)
    data, key = make_batch(train, localizer.preprocessor), jax.random.key(1)
    state = make_state(params, tx)

    def epoch() -> None:
        nonlocal state
        state, _ = jax.block_until_ready(run(state, data, key, ()))

    return epoch, num_params, len(train) // batch_size


def their_epoch(config: ConfigDict) -> tuple[Epoch, int]:
    """(one epoch, parameters) of the same training in PyTorch eager."""
    train = target_parts(config).train
    localizer = make_localizer(config, train)
    batch_size, _, _ = training_plan(config, len(train))
    batch = make_batch(train, localizer.preprocessor)
    encoded = torch.tensor(jax.device_get(localizer.preprocessor.encode(batch.rss_dbm)))
    actual = torch.tensor(jax.device_get(jnp.asarray(batch.centered_m)))
    network = NETWORKS[config.network](config, train.num_access_points)
    optimizer = torch.optim.Adam(network.parameters(), lr=config.train.learning_rate)

    def epoch() -> None:
        order = torch.randperm(len(actual))
        for first in range(0, len(order) - batch_size + 1, batch_size):
            rows = order[first : first + batch_size]
            optimizer.zero_grad()
            apart = network(encoded[rows]) * localizer.preprocessor.scale_m - actual[rows]
            apart.norm(dim=1).mean().backward()
            optimizer.step()

    return epoch, sum(parameter.numel() for parameter in network.parameters())


def main() -> None:
    config = _CONFIG.value
    print(f"{config.target}, recipe {config.recipe}, {torch.get_num_threads()} threads")
    print("| network | parameters | steps | ours (s) | PyTorch eager (s) | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for network in _NETWORKS.value:
        config.network = network
        ours, num_params, num_steps = our_epoch(config)
        theirs, their_params = their_epoch(config)
        if num_params != their_params:
            raise AssertionError(f"{network}: {num_params} parameters here, {their_params} there")
        seconds: dict[Epoch, list[float]] = {ours: [], theirs: []}
        for _ in range(_REPEATS.value + 1):
            for epoch, times in seconds.items():
                start = time.perf_counter()
                epoch()
                times.append(time.perf_counter() - start)
        # The first of each compiles and warms up.
        of_ours, of_theirs = (statistics.median(times[1:]) for times in seconds.values())
        print(
            f"| {network} | {num_params:,} | {num_steps} | {of_ours:.3f} | {of_theirs:.3f} "
            f"| {of_theirs / of_ours:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    cli.run(main)
