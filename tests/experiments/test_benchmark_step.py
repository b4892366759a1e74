"""The benchmark's distilling step can be traced."""

import importlib.util
from pathlib import Path

import jax

FILE = Path(__file__).parents[2] / "experiments/benchmarks/distill_step.py"
spec = importlib.util.spec_from_file_location("benchmark_step", FILE)
distill_step = importlib.util.module_from_spec(spec)
spec.loader.exec_module(distill_step)


def test_a_step_gives_a_total_loss():
    """Teacher by teacher, which is the form that is not the package's own."""
    step, *arguments = distill_step.make_job(distill_step.FORMS[1], num_steps=1)
    _, metrics = jax.eval_shape(step, *arguments)
    assert metrics["total"].shape == ()
