"""Seconds per epoch of each network, ours against PyTorch: same plan, batch, loss, Adam."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pandas as pd
import torch

from benchmarks.timing import interleaved
from benchmarks.torch_networks import NETWORKS, torch_device, wait
from rsstl_jax import make_config
from rsstl_jax.data.target import target_parts
from rsstl_jax.engine.fit_network import make_localization_step
from rsstl_jax.engine.loop import make_epochs
from rsstl_jax.engine.site_job import SiteJob, make_site_job
from rsstl_jax.engine.train_state import make_state


def time_networks(*, repeats: int) -> pd.DataFrame:
    """One line a network; `ratio` above 1: ours is faster than both. No augmentation anywhere."""
    lines = []
    for network in NETWORKS:
        config = make_config("paper", target="tampere", sources="uji")
        config.network = network
        config.augment.update({"access_point_dropout": 0.0, "gain_offset_db": 0.0})
        config.augment.reading_noise_db = 0.0
        job = make_site_job(config, target_parts(config).train)
        ours, num_params = _our_epoch(job)
        eager, their_params = _their_epoch(job, compiled=False)
        compiled, _ = _their_epoch(job, compiled=True)
        if num_params != their_params:
            raise AssertionError(f"{network}: {num_params} parameters here, {their_params} there")
        runs = {"ours": ours, "PyTorch eager": eager, "torch.compile": compiled}
        seconds = interleaved(runs, repeats=repeats, at_least_s=2.0)
        lines.append(
            {
                "network": network,
                "parameters": num_params,
                "steps": len(job.train) // job.batch_size,
                **{f"{name} (s)": value for name, value in seconds.items()},
                "ratio": min(seconds["PyTorch eager"], seconds["torch.compile"]) / seconds["ours"],
            }
        )
    return pd.DataFrame(lines)


def _our_epoch(job: SiteJob) -> tuple[Callable[[], Any], int]:
    tx = job.optimizer()
    params = job.init(jax.random.key(0))
    num_params = sum(leaf.size for leaf in jax.tree.leaves(params))
    step = make_localization_step(job.site_network, tx)
    run = make_epochs(step, batch_size=job.batch_size, num_epochs=1)
    key, state = jax.random.key(1), make_state(params, tx)

    def epoch() -> None:
        nonlocal state
        state = jax.block_until_ready(run(state, job.data, key, None))[0]

    return epoch, num_params


def _their_epoch(job: SiteJob, *, compiled: bool) -> tuple[Callable[[], Any], int]:
    config, batch, preprocessor = job.config, job.data, job.site_network.preprocessor
    batch_size = job.batch_size
    device = torch_device()
    encoded, actual = (
        torch.tensor(jax.device_get(jnp.asarray(array)), device=device)
        for array in (preprocessor.encode(batch.rss_dbm), batch.centered_m)
    )
    network = NETWORKS[config.network](config, job.train.num_access_points).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=config.train.learning_rate, fused=True)

    def loss(encoded: torch.Tensor, actual: torch.Tensor) -> torch.Tensor:
        apart = network(encoded) * preprocessor.scale_m - actual
        return apart.norm(dim=1).mean()

    if compiled:
        loss = torch.compile(loss)

    def epoch() -> None:
        order = torch.randperm(len(actual), device=device)
        for first in range(0, len(order) - batch_size + 1, batch_size):
            rows = order[first : first + batch_size]
            optimizer.zero_grad()
            loss(encoded[rows], actual[rows]).backward()
            optimizer.step()
        wait(device)

    return epoch, sum(parameter.numel() for parameter in network.parameters())
