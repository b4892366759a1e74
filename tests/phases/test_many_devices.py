"""Trainings on many devices, in a process that has eight; what cannot run is refused."""

import pytest
import tiny
from running import pass_on_eight_devices

from rsstl_jax.config.schema import validate
from rsstl_jax.engine.mesh import make_mesh
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.errors import ConfigError
from rsstl_jax.site_agnostic.episodes import check_mesh


@pytest.mark.parametrize("speed", ["not slow", pytest.param("slow", marks=pytest.mark.slow)])
def test_eight_devices_train_what_one_does(speed):
    pass_on_eight_devices("tests/phases/on_eight_devices.py", "-m", speed)


@pytest.mark.parametrize("text", ["", "replica:1", "data:1,replica:1"])
def test_one_device_is_no_mesh(text):
    assert make_mesh(text) is None


def test_more_devices_than_fingerprints_in_a_batch_are_refused():
    config = tiny.make_tiny_config(**{"run.mesh": "data:9"})
    with pytest.raises(ConfigError, match=r"'data:9' and train\.batch_size is 8, which leaves dev"):
        validate(config)


def test_devices_that_there_are_not_are_refused_before_anything_is_trained():
    config = tiny.make_tiny_config(**{"run.mesh": "replica:999"})
    with pytest.raises(ConfigError, match="'replica:999', which is 999 devices; JAX finds"):
        make_site_job(config, tiny.make_part())


@pytest.mark.parametrize(
    ("mesh", "message"),
    [
        ("data:4", "'data:4' and agnostic.episodes_per_step is 6, .* a multiple of 4 episodes"),
        ("replica:2", "'replica:2'; site-agnostic members are trained one after the other"),
    ],
)
def test_devices_that_episodes_have_no_use_for_are_refused(mesh, message):
    config = tiny.make_tiny_config(**{"run.mesh": mesh, "agnostic.episodes_per_step": 6})
    with pytest.raises(ConfigError, match=message):
        check_mesh(config)
