"""Steps on two processes of four devices against one device; both run this file in step."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from phases.on_eight_devices import assert_same_step, first_episodes, first_step
from tiny import assert_same_bits

from rsstl_jax.engine.mesh import make_mesh
from rsstl_jax.engine.train_state import make_state
from rsstl_jax.errors import ConfigError, DamagedError
from rsstl_jax.store.processes import exchange, in_first, is_first

NUMBER = jax.process_index()
NETWORKS = ("dnn", "baat", "bayescnn", "cnnloc", "agnostic")


def test_processes_exchange_what_they_have():
    mine = {"process": NUMBER, "rows": np.arange(1000 * NUMBER)}
    first, second = exchange(mine)
    assert (first["process"], second["process"]) == (0, 1)
    np.testing.assert_array_equal(second["rows"], np.arange(1000))


def test_records_and_states_are_sent_as_they_are():
    state = make_state({"w": jnp.arange(3.0)}, optax.adam(0.1))
    for sent in exchange(state):
        assert_same_bits(sent, state)


def test_what_the_first_process_reads_or_refuses_the_other_has_too():
    assert is_first() == (NUMBER == 0)
    assert in_first(lambda: os.getpid())() == exchange(os.getpid())[0]

    @in_first
    def refuse():
        assert NUMBER == 0
        raise DamagedError("a file is damaged")

    with pytest.raises(DamagedError, match="a file is damaged"):
        refuse()


def test_a_mesh_without_devices_of_a_process_is_refused():
    with pytest.raises(ConfigError, match="'replica:4', which leaves process 1 without a device"):
        make_mesh("replica:4")


@pytest.mark.parametrize("network", NETWORKS)
def test_a_batch_on_two_processes_is_that_of_one(network):
    mesh, batch_size = ("data:8", 8) if network != "agnostic" else ("data:5", 5)
    assert_same_step(first_step(network, mesh, batch_size), first_step(network, "", batch_size))


def test_a_training_of_one_group_of_devices_is_had_by_both_processes():
    shared = first_step("dnn", "replica:2,data:4", 6)
    assert_same_step(shared, first_step("dnn", "", 6))
    sums = exchange([float(np.abs(leaf).sum()) for leaf in jax.tree.leaves(shared)])
    assert sums[0] == sums[1]


def test_episodes_on_two_processes_are_those_of_one():
    shared, expected = first_episodes("data:8", 8), first_episodes("", 8)
    for name, value in shared.items():
        np.testing.assert_allclose(value, expected[name], rtol=4e-5, err_msg=name)
