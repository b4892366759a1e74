"""A loss or gradient that stops being finite is named with its step; the last good state stays."""

import re
from importlib import import_module

import jax.numpy as jnp
import killing
import pytest
from tiny import assert_same_bits, make_tiny_config, write_sites

from rsstl_jax import run_distillation
from rsstl_jax.engine.loop import fit
from rsstl_jax.errors import DivergedError
from rsstl_jax.losses import localization_loss
from rsstl_jax.store.recorder import Recorder

PHASES = {
    "engine.fit_network": "teacher-mall/specialise",
    "phases.expert_training": "teacher-mall/expert",
    "phases.distill_step": "seed-0/standalone",
}
SETTINGS = {
    "float64": {"JAX_ENABLE_X64": "1"},
    "finite": {"JAX_DEBUG_NANS": "1", "JAX_DEBUG_INFS": "1"},
    "strict": {"JAX_NUMPY_DTYPE_PROMOTION": "strict", "JAX_NUMPY_RANK_PROMOTION": "raise"},
    "leaks": {"JAX_CHECK_TRACER_LEAKS": "1"},
}


def flawed(predicted, actual):
    """Finite, with a gradient that is not: that of sqrt(0 x) is 0 times infinity."""
    return localization_loss(predicted, actual) + jnp.sqrt(0 * predicted.sum(axis=1))


@pytest.mark.parametrize("phase", PHASES)
def test_a_gradient_that_is_not_finite_is_named_with_its_step(tmp_path, monkeypatch, phase):
    write_sites(tmp_path / "data", "home", "mall")
    config = make_tiny_config(data_dir=str(tmp_path / "data"))
    if phase == "phases.distill_step":
        config.teacher.kind = "untrained"
    module = import_module(f"rsstl_jax.{phase}")
    monkeypatch.setattr(module, "localization_loss", flawed)
    said = rf"^{PHASES[phase]}: gradient_norm is nan in epoch 1, step 1$"
    with pytest.raises(DivergedError, match=said):
        run_distillation(config, tmp_path / "run")


@pytest.mark.slow
def test_the_last_good_state_is_kept_and_a_good_training_goes_on_from_it(tmp_path, monkeypatch):
    """As when the flaw is mended: the result is that of a training that never had it."""
    students = import_module("rsstl_jax.phases.distillation")
    write_sites(tmp_path / "data", "home", "mall")
    fields = {"train.epochs": 6, "run.checkpoint_every_s": 1e9, "run.log_every_epochs": 1}
    config = make_tiny_config(data_dir=str(tmp_path / "data"), **fields)
    shapes = {}

    def break_off(step, state, *arguments, name, **options):
        def broken(state, batch, key, context):
            new, metrics = step(state, batch, key, context)
            bad = jnp.where((state.epoch == 4) & (name == "seed-0/standalone"), jnp.inf, 0)
            flawed = {term: metrics[term] + bad for term in ("localization", "gradient_norm")}
            return new, metrics | flawed

        shapes[name] = state
        return fit(broken, state, *arguments, name=name, **options)

    monkeypatch.setattr(students, "fit", break_off)
    both = "gradient_norm is inf and localization is inf"
    with pytest.raises(DivergedError, match=f"^seed-0/standalone: {both} in epoch 5, step 1$"):
        run_distillation(config, tmp_path / "run")
    name = "seed-0/standalone"
    recorder = Recorder(tmp_path / "run", owner=owner_of(tmp_path / "run", name))
    epoch, state = recorder.load_latest(name, shapes[name])
    assert epoch == 4 and all(jnp.isfinite(leaf).all() for leaf in leaves(state))
    monkeypatch.setattr(students, "fit", fit)
    resumed = run_distillation(config, tmp_path / "run")
    assert resumed == run_distillation(config, tmp_path / "whole")
    left, whole = (killing.left_by(tmp_path / name)["states"] for name in ("run", "whole"))
    student = "students/seed-0/standalone/params/0"
    assert_same_bits(left[student], whole[student])


def leaves(tree):
    return import_module("jax").tree.leaves(tree)


def owner_of(workdir, name):
    """What the run's recorder calls it."""
    [manifest] = workdir.glob(f"checkpoints/{name}/latest/*/manifest.json")
    return killing.read_sealed(manifest)["owner"].removeprefix(f"{name} of ")


@pytest.mark.slow
def test_the_command_ends_with_exit_code_3_and_one_line(tmp_path):
    command = (
        "experiments/distill.py",
        "--config=configs/synthetic.py:smoke",
        "--config.sources=synthetic-mall",
        "--config.teacher.learning_rate=2e9",
        "--workdir={folder}/run",
    )
    ended = killing.finish(killing.start(command, tmp_path))
    assert (ended.code, ended.out) == (3, "")
    said = r"error: teacher-synthetic-mall/expert: \w+ is -?(nan|inf).* in epoch 1, step \d+"
    last = ended.err.strip().splitlines()[-1]
    assert re.fullmatch(said, last), ended.err
    assert "Traceback" not in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_whole_command_runs_under_a_setting_of_jax(tmp_path, monkeypatch, setting):
    for name, value in SETTINGS[setting].items():
        monkeypatch.setenv(name, value)
    command = (
        "experiments/distill.py",
        "--config=configs/synthetic.py:smoke",
        "--config.sources=synthetic-mall",
        "--workdir={folder}/run",
    )
    killing.run(command, tmp_path)
    assert (tmp_path / "run" / "result.json").exists()
