"""What processes send each other comes as it was, without any code in it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.serialization import msgpack_serialize
from tiny import assert_same_bits

from rsstl_jax.baselines.knn import Neighbours
from rsstl_jax.engine.train_state import make_state
from rsstl_jax.errors import DamagedError, DivergedError, LockedError, MissingDataError
from rsstl_jax.store.messages import from_bytes, to_bytes


@pytest.mark.parametrize(
    "value",
    [
        None,
        -0.0,
        float("inf"),
        2**62,
        "Süd",
        b"\x00",
        [(1, 2.5), [], {}],
        {1: ("a", None), "list": ["list", "dict"], ("a", 2): True},
        Neighbours("linear", "cosine", 3, "uniform"),
    ],
)
def test_a_value_comes_as_it_was(value):
    received = from_bytes(to_bytes(value))
    assert repr(received) == repr(value) and type(received) is type(value)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint32", "float16", "bfloat16", "float32"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_an_array_comes_with_its_bits(shape, dtype):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(jnp.dtype(dtype))
    for sent in (array, jnp.asarray(array)):
        received = from_bytes(to_bytes([sent]))[0]
        assert isinstance(received, jax.Array) == isinstance(sent, jax.Array)
        assert (received.shape, received.dtype) == (shape, array.dtype)
        assert np.asarray(received).tobytes() == array.tobytes()


def test_a_state_of_training_comes_with_its_structure():
    tx = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(optax.constant_schedule(0.1)))
    state = make_state({"dense": {"kernel": jnp.full(3, jnp.nan)}}, tx)
    assert_same_bits(from_bytes(to_bytes((4, state)))[1], state)


@pytest.mark.parametrize(
    "error",
    [
        MissingDataError("uji/train.csv", address="https://example.org", cause="no network"),
        DamagedError("state is damaged"),
        DivergedError("loss is nan"),
        LockedError("in use"),
        FileNotFoundError(2, "No such file or directory", "scans.csv"),
        KeyError("name"),
    ],
)
def test_an_error_comes_with_type_words_and_attributes(error):
    error.add_note("while reading")
    received = from_bytes(to_bytes((None, error)))[1]
    assert type(received) is type(error) and str(received) == str(error)
    assert vars(received) == vars(error)
    assert getattr(received, "filename", None) == getattr(error, "filename", None)


def test_an_error_of_another_package_comes_with_its_words():
    error = np.linalg.LinAlgError("Singular matrix")
    received = from_bytes(to_bytes(error))
    assert type(received) is RuntimeError and str(received) == "LinAlgError: Singular matrix"


@pytest.mark.parametrize("value", [{1, 2}, print, object(), type, np.linalg.LinAlgError])
def test_what_is_no_data_is_not_sent(value):
    with pytest.raises(TypeError, match="cannot send each other a"):
        to_bytes([value])


@pytest.mark.parametrize(
    "name", ["os:system", "builtins:eval", "builtins:print", "rsstl_jax.cli:main", "subprocess:run"]
)
def test_a_message_calls_nothing(name):
    with pytest.raises(TypeError, match=f"cannot send each other a {name}"):
        from_bytes(msgpack_serialize([name, "echo"]))
