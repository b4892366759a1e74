"""How many trainings become one program: as many as its memory allows."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rsstl_jax.engine.replicas import stack, unstack
from rsstl_jax.engine.train_state import make_state
from rsstl_jax.phases import replica_groups as replicas

JOB = SimpleNamespace(data=jnp.ones(8), batch_size=2, mesh=None)


class Context(NamedTuple):
    shared: Any
    own: Any


AXES = Context(None, 0)


def step(state, batch, key, context):
    return state._replace(params=state.params + context.own), {"loss": state.params.sum()}


def start(width=3):
    context = Context(shared=jnp.zeros(5), own=jnp.ones(()))
    return make_state(jnp.zeros(width), optax.sgd(1.0)), jax.random.key(0), context


def fitting(count):
    return replicas.replicas_that_fit(JOB, step, [start] * count, AXES)


def test_stacking_keeps_what_is_shared():
    contexts = [Context(shared=jnp.zeros(5), own=jnp.full((), float(i))) for i in range(3)]
    stacked = stack(contexts, AXES)
    assert stacked.shared.shape == (5,) and stacked.own.tolist() == [0.0, 1.0, 2.0]
    keys = stack([jax.random.key(i) for i in range(3)])
    assert unstack(keys, 2) == jax.random.key(2)


@pytest.mark.parametrize(("usable", "size"), [(10**9, 12), (0, 1)])
def test_what_does_not_fit_is_cut(monkeypatch, usable, size):
    monkeypatch.setattr(replicas, "usable_bytes", lambda: usable)
    assert fitting(12) == size


def test_the_cut_is_by_the_programs_own_memory(monkeypatch):
    """Twelve programs' worth of states do not fit where six do."""
    of = {}
    for count in (6, 12):
        monkeypatch.setattr(replicas, "usable_bytes", lambda: 10**9)
        sizes = []
        monkeypatch.setattr(
            replicas, "_bytes_of", lambda c, sizes=sizes: sizes.append(BYTES(c)) or 0
        )
        fitting(count)
        of[count] = sizes[0]
    assert of[6] < of[12]
    monkeypatch.setattr(replicas, "_bytes_of", BYTES)
    monkeypatch.setattr(replicas, "usable_bytes", lambda: of[6])
    assert fitting(12) == 6


BYTES = replicas._bytes_of


def test_a_device_has_memory():
    assert replicas.usable_bytes() > 10**8
    assert np.isfinite(replicas.usable_bytes())
