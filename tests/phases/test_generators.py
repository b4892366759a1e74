"""What a surrogate teacher is asked: noise, places, and many teachers at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import draw_params, make_tiny_config

from rsstl_jax import Batch
from rsstl_jax.engine.replicas import stack
from rsstl_jax.models.generator import Generator
from rsstl_jax.phases.generators import draw_inputs, make_teacher_fn

KEYS = jax.random.split(jax.random.key(0))
ROW = jnp.array([5, 2, 9])
GENERATOR = Generator(6, 5, "relu", hidden_width=7)


def draw_codes(key, row, width=4, noise="fresh"):
    fields = {"teacher.latent_width": width, "teacher.conditioning": "none"}
    settings = make_tiny_config(**fields).teacher
    return draw_inputs(settings, key, row, jnp.zeros((len(row), 2)), noise)


def test_fresh_noise_is_standard_normal_and_new_with_each_key():
    first, second = (draw_codes(key, jnp.arange(500), width=20) for key in KEYS)
    # 10,000 draws: four standard errors of mean and variance are 0.04 and 0.057.
    assert abs(first.mean()) < 0.04 and abs(first.var() - 1) < 0.06
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.04


def test_fresh_noise_does_not_depend_on_the_row():
    draws = [draw_codes(KEYS[0], row) for row in (ROW, ROW[::-1])]
    np.testing.assert_array_equal(*draws)


def test_fixed_noise_is_one_code_per_row_wherever_the_row_stands():
    draw = lambda row: np.asarray(draw_codes(KEYS[0], row, noise="fixed"))  # noqa: E731
    codes = draw(jnp.arange(500))
    np.testing.assert_array_equal(draw(ROW), codes[[5, 2, 9]])
    np.testing.assert_array_equal(draw(ROW[::-1]), codes[[9, 2, 5]])
    assert len(np.unique(codes)) == codes.size
    assert abs(codes.mean()) < 4 / 2000**0.5 and abs(codes.var() - 1) < 4 * (2 / 2000) ** 0.5


@pytest.mark.parametrize("conditioning", ["none", "location"])
@pytest.mark.parametrize("noise", ["fresh", "fixed"])
def test_the_teachers_of_a_run_follow_its_settings(noise, conditioning):
    settings = make_tiny_config(
        **{"teacher.noise": noise, "teacher.conditioning": conditioning}
    ).teacher
    width = 4 + 2 * (conditioning == "location")
    teachers = [draw_params(GENERATOR, jnp.zeros((1, width)), seed=seed) for seed in range(3)]
    step_keys = jax.random.split(jax.random.key(3))
    ask = make_teacher_fn(GENERATOR, settings, scale_m=2.0)
    batch = Batch(jnp.zeros((3, 1)), jnp.array([[2.0, 4.0], [-2.0, 0.0], [8.0, 6.0]]), ROW)
    first, second = (jax.jit(ask)(stack(teachers), key, batch) for key in step_keys)
    assert not np.array_equal(first[1], second[1])
    # By hand: places are divided by the target's scale, 2 m.
    key = step_keys[0]
    codes = draw_codes(key, ROW, noise=noise)
    place = jnp.array([[1.0, 2.0], [-1.0, 0.0], [4.0, 3.0]])
    inputs = jnp.concatenate([codes, place], axis=1)[:, :width]
    for number, params in enumerate(teachers):
        expected = jax.jit(GENERATOR.apply)({"params": params}, inputs)
        for stacked, alone in zip(first, expected, strict=True):
            np.testing.assert_allclose(stacked[number], alone, rtol=1e-5, atol=1e-6)


def test_the_control_of_noise_is_standard_normal_and_knows_no_teacher():
    settings = make_tiny_config(**{"teacher.kind": "noise"}).teacher
    ask = make_teacher_fn(GENERATOR, settings, scale_m=2.0)
    batch = Batch(jnp.zeros((200, 1)), jnp.zeros((200, 2)), jnp.arange(200))
    frame, extract = ask({"w": jnp.zeros((3, 1))}, KEYS[1], batch)
    assert (frame.shape, extract.shape) == ((3, 200, 6), (3, 200, 5))
    for drawn in (frame, extract):
        # At least 3,000 draws: four standard errors of mean and variance are 0.073 and 0.103.
        assert abs(drawn.mean()) < 0.075 and abs(drawn.var() - 1) < 0.11
    np.testing.assert_array_equal(ask({"w": jnp.ones((3, 1))}, KEYS[1], batch)[0], frame)
