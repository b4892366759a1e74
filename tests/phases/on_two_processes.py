"""Steps on two processes of four devices against one device; both run this file in step."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from phases.on_eight_devices import assert_same_step, first_episodes, first_step
from tiny import assert_same_bits

from rsstl_jax.engine.loop import fit
from rsstl_jax.engine.mesh import make_mesh
from rsstl_jax.engine.replicas import Replication, stack
from rsstl_jax.engine.train_state import make_state
from rsstl_jax.errors import ConfigError, DamagedError
from rsstl_jax.store.processes import exchange, in_first, is_first
from rsstl_jax.store.recorder import Recorder

NUMBER = jax.process_index()


@pytest.fixture
def shared_folder(tmp_path):
    """A folder of the first process, which the other one sees too."""
    return exchange(tmp_path)[0]


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


def count_up(state, batch, key, context):
    return state._replace(params=state.params + batch.sum()), {"loss": state.params.sum()}


def trained(folder, mesh):
    """Three replicas trained for four epochs, with a state after each; the recorder, the params."""
    recorder = Recorder(folder, log_every_epochs=1, checkpoint_every_s=0.0)
    start = make_state(jnp.zeros(2), optax.sgd(1.0))
    names = Replication(("a", "b", "c"), vmapped=False)
    state = stack([start._replace(params=start.params + i) for i in range(3)])
    keys = stack([jax.random.key(i) for i in range(3)])
    settings = {"epochs": 4, "batch_size": 2, "name": "all", "recorder": recorder}
    ended = fit(count_up, state, jnp.ones(4), keys, **settings, replication=names, mesh=mesh)
    return recorder, ended.params


EXPECTED = np.float32([[16, 16], [17, 17], [18, 18]])


def test_both_processes_save_their_replicas_and_one_goes_on(shared_folder):
    recorder, params = trained(shared_folder, make_mesh("replica:8"))
    np.testing.assert_array_equal(params, EXPECTED)
    assert recorder.shared
    state = shared_folder / "checkpoints" / "all" / "latest" / "4" / "state"
    for process in range(2):
        assert list((state / f"ocdbt.process_{process}" / "d").iterdir())
    for mesh in ("replica:2,data:4", "replica:4,data:2"):
        assert_same_bits(trained(shared_folder, make_mesh(mesh))[1], params)


def test_a_workdir_that_only_the_first_process_sees_has_whole_states(shared_folder, caplog):
    folder = shared_folder / f"of-process-{NUMBER}"
    recorder, params = trained(folder, make_mesh("replica:8"))
    np.testing.assert_array_equal(params, EXPECTED)
    assert not recorder.shared
    assert (folder / "checkpoints").exists() == is_first()
    said = f"process 1 does not see {folder}: process 0 saves all states"
    assert (said in caplog.messages) == is_first()
    assert_same_bits(trained(folder, make_mesh("data:8"))[1], params)
