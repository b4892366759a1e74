"""How many trainings become one program: by mode, by memory, by a measurement."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rsstl_jax.engine import replicas
from rsstl_jax.engine.replicas import choose_mode, stack, unstack
from rsstl_jax.engine.train_state import make_state

DATA = jnp.ones(8)


class Context(NamedTuple):
    shared: Any
    own: Any


AXES = Context(None, 0)


def step(state, batch, key, context):
    return state._replace(params=state.params + context.own), {"loss": state.params.sum()}


def start(width=3):
    context = Context(shared=jnp.zeros(5), own=jnp.ones(()))
    return make_state(jnp.zeros(width), optax.sgd(1.0)), jax.random.key(0), context


def choose(mode, count, **options):
    return choose_mode(
        step, [start] * count, DATA, batch_size=2, context_axes=AXES, mode=mode, **options
    )


def test_stacking_keeps_what_is_shared():
    contexts = [Context(shared=jnp.zeros(5), own=jnp.full((), float(i))) for i in range(3)]
    stacked = stack(contexts, AXES)
    assert stacked.shared.shape == (5,) and stacked.own.tolist() == [0.0, 1.0, 2.0]
    keys = stack([jax.random.key(i) for i in range(3)])
    assert unstack(keys, 2) == jax.random.key(2)


@pytest.mark.parametrize("mode", ["map", "vmap"])
def test_the_mode_that_is_asked_for_takes_all_that_fit(mode):
    assert choose(mode, 5) == (mode, 5)
    assert choose("loop", 5) == ("loop", 1)
    assert choose(mode, 1) == ("loop", 1)


@pytest.mark.parametrize(("faster", "expected"), [("vmap", ("vmap", 4)), ("loop", ("loop", 1))])
def test_auto_takes_the_faster_of_both(monkeypatch, faster, expected):
    """The first measurement is of all at once, the second of one after the other."""
    seconds = iter([1.0, 2.0] if faster == "vmap" else [2.0, 1.0])
    monkeypatch.setattr(replicas, "_seconds", lambda call: (call(), next(seconds))[1])
    assert choose("auto", 4) == expected


@pytest.mark.parametrize(("usable", "size"), [(10**9, 12), (0, 1)])
def test_what_does_not_fit_is_cut(monkeypatch, usable, size):
    monkeypatch.setattr(replicas, "usable_bytes", lambda: usable)
    assert choose("map", 12) == ("map", size)


def test_the_cut_is_by_the_programs_own_memory(monkeypatch):
    """Twelve programs' worth of states do not fit where six do."""
    of = {}
    for count in (6, 12):
        monkeypatch.setattr(replicas, "usable_bytes", lambda: 10**9)
        sizes = []
        monkeypatch.setattr(
            replicas, "_bytes_of", lambda c, sizes=sizes: sizes.append(BYTES(c)) or 0
        )
        choose("vmap", count)
        of[count] = sizes[0]
    assert of[6] < of[12]
    monkeypatch.setattr(replicas, "_bytes_of", BYTES)
    monkeypatch.setattr(replicas, "usable_bytes", lambda: of[6])
    assert choose("vmap", 12) == ("vmap", 6)


BYTES = replicas._bytes_of


def test_an_unknown_mode_is_named():
    with pytest.raises(ValueError, match="mode is 'pmap'; it must be one of auto, loop, map, vmap"):
        choose("pmap", 2)


def test_a_device_has_memory():
    assert replicas.usable_bytes() > 10**8
    assert np.isfinite(replicas.usable_bytes())
