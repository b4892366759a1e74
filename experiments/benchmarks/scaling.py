"""How costs grow: with teachers, replicas, samples, iterations and the radio map."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import pandas as pd
from jax.experimental.compilation_cache import compilation_cache

from benchmarks.distill_step import BATCH, FORMS, draw_site, make_job, make_run
from benchmarks.timing import interleaved
from rsstl_jax.baselines.knn import Neighbours, locate_neighbours
from rsstl_jax.engine.loop import make_epochs
from rsstl_jax.engine.replicas import stack
from rsstl_jax.losses import functional_information
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.phases.distillation import CONTEXT_AXES
from rsstl_jax.site_agnostic.training import (
    init_agnostic,
    make_agnostic_site_network,
    predict_members_m,
)

STEPS = 10
# More students one after the other take no other time each.
MOST_IN_TURN = 64
QUERIES = 1024


def time_teachers(counts: Sequence[int], *, repeats: int) -> pd.DataFrame:
    """Milliseconds of a step under so many teachers: one vmap, and a Python loop over them."""
    lines = []
    for count in counts:
        runs = {
            form: make_run(form, num_teachers=count, num_steps=STEPS)
            for form in (FORMS[0], FORMS[1])
        }
        seconds = interleaved(runs, repeats=repeats)
        milliseconds = {form: 1e3 * s / STEPS for form, s in seconds.items()}
        lines.append({"teachers": count, **milliseconds})
    return pd.DataFrame(lines)


def time_replicas(counts: Sequence[int], *, repeats: int) -> pd.DataFrame:
    """Milliseconds of a step of one replica, and trainings of an hour, in both modes.

    A training is that of UJIIndoorLoc's tuned recipe: 60 epochs of 155 steps. What runs one after
    the other is timed up to `MOST_IN_TURN` replicas.
    """
    # A program's start must not count on a GPU, whose steps are short.
    steps = 2 if jax.default_backend() == "cpu" else 40
    step, state, data, key, context = make_job(num_steps=steps)
    own = jax.tree.map(jnp.asarray, context._replace(teachers=None))
    one = make_epochs(step, batch_size=BATCH, num_epochs=1)
    lines = []
    for count in counts:
        several = (stack([state] * count), data, stack([key] * count))
        contexts = stack([own] * count)._replace(teachers=context.teachers)
        runs = {}
        if count <= MOST_IN_TURN:
            runs["loop"] = partial(_in_turn, one, (state, data, key, context), count)
        run = make_epochs(
            step, batch_size=BATCH, num_epochs=1, vmapped=True, context_axes=CONTEXT_AXES
        )
        runs["vmap"] = partial(_in_turn, run, (*several, contexts), 1)
        for mode, seconds in interleaved(runs, repeats=repeats).items():
            of_one = seconds / count / steps
            lines.append(
                {
                    "replicas": count,
                    "mode": mode,
                    "milliseconds a step and replica": 1e3 * of_one,
                    "trainings an hour": 3600 / (of_one * 60 * 155),
                }
            )
    return pd.DataFrame(lines)


def _in_turn(run: Callable[..., Any], args: tuple[Any, ...], count: int) -> None:
    for _ in range(count):
        jax.block_until_ready(run(*args))


def time_compile() -> pd.DataFrame:
    """Seconds until the step's program is there: compiled, and read from JAX's cache on disk."""
    step, *args = make_job(num_steps=2)
    lines = []
    with _own_cache():
        for state in ("cold", "cached"):
            jax.clear_caches()
            run: Any = jax.jit(make_epochs(step, batch_size=BATCH, num_epochs=1).__wrapped__)  # type: ignore[attr-defined]
            begun = time.perf_counter()
            lowered = run.lower(*args)
            traced = time.perf_counter()
            lowered.compile()
            compiled = time.perf_counter()
            lines.append(
                {"cache": state, "tracing (s)": traced - begun, "compiling (s)": compiled - traced}
            )
    return pd.DataFrame(lines)


@contextmanager
def _own_cache() -> Iterator[None]:
    """JAX's cache of compiled programs in an empty folder, and then where it was."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    with tempfile.TemporaryDirectory() as cache:
        try:
            for name, value in zip(names, (cache, 0), strict=True):
                jax.config.update(name, value)
            compilation_cache.reset_cache()
            yield
        finally:
            for name, value in before.items():
                jax.config.update(name, value)
            compilation_cache.reset_cache()


def time_samples(counts: Sequence[int], *, repeats: int) -> pd.DataFrame:
    """Milliseconds of an epoch over so many batches."""
    runs = {str(count): make_run(num_steps=count) for count in counts}
    seconds = interleaved(runs, repeats=repeats)
    return pd.DataFrame(
        {"samples": count * BATCH, "milliseconds": 1e3 * seconds[str(count)]} for count in counts
    )


def time_spectral(counts: Sequence[int], *, repeats: int) -> pd.DataFrame:
    """The spectral term with its gradient: power iteration against a full SVD, B = 128, D = 300."""
    frame, extract = jax.random.normal(jax.random.key(0), (2, BATCH, 300))

    def by_svd(frame: jax.Array, extract: jax.Array) -> jax.Array:
        units = [x / jnp.linalg.norm(x, axis=1, keepdims=True) for x in (frame, extract)]
        return jnp.linalg.norm(units[0] @ units[1].T / BATCH, ord=2)

    svd, svd_bytes = _compile(by_svd, frame, extract)
    lines = []
    for count in counts:
        term = partial(functional_information, num_iterations=count)
        power, power_bytes = _compile(term, frame, extract)
        seconds = interleaved({"power": power, "svd": svd}, repeats=repeats)
        lines.append(
            {
                "iterations": count,
                "power iteration (ms)": 1e3 * seconds["power"],
                "full SVD (ms)": 1e3 * seconds["svd"],
                "gradient memory, power (kB)": power_bytes / 1e3,
                "gradient memory, SVD (kB)": svd_bytes / 1e3,
            }
        )
    return pd.DataFrame(lines)


def time_supports(sizes: Sequence[int], *, repeats: int) -> pd.DataFrame:
    """Microseconds a fingerprint takes among so many others, in batches of `QUERIES`."""
    queries, settings = draw_site(QUERIES, detected=1 / 30, seed=1), AgnosticSettings()
    members = [init_agnostic(settings, jax.random.key(0))]
    lines = []
    for size in sizes:
        site = draw_site(size, detected=1 / 30)
        site_network = make_agnostic_site_network(settings, site)
        runs: dict[str, Callable[[], Any]] = {
            "agnostic": partial(predict_members_m, site_network, members, queries.rss_dbm)
        }
        for metric in ("euclidean", "braycurtis"):
            neighbours = Neighbours("linear", metric, 5, "uniform")
            runs[f"kNN, {metric}"] = partial(locate_neighbours, neighbours, site, queries.rss_dbm)
        seconds = interleaved(runs, repeats=repeats)
        support_bytes = sum(leaf.nbytes for leaf in jax.tree.leaves(site_network.support))
        lines.append(
            {"support": size}
            | {f"{name} (us)": 1e6 * s / QUERIES for name, s in seconds.items()}
            | {"support (MB)": support_bytes / 1e6}
        )
    return pd.DataFrame(lines)


def _compile(term: Callable[..., jax.Array], *inputs: jax.Array) -> tuple[Callable[[], Any], int]:
    """The gradient of a term, and the memory that it needs besides inputs and outputs."""
    program = jax.jit(jax.grad(term)).lower(*inputs).compile()
    memory = program.memory_analysis()
    assert memory is not None, "this backend tells nothing of a program's memory"
    return lambda: jax.block_until_ready(program(*inputs)), memory.temp_size_in_bytes
