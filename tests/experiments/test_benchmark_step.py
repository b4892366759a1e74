"""The benchmark's distilling step can be traced, and its floor counts its matrix products."""

import importlib.util
import math
from collections import Counter
from pathlib import Path

import jax
from jax.extend.core import jaxprs_in_params

FILE = Path(__file__).parents[2] / "experiments/benchmarks/distill_step.py"
spec = importlib.util.spec_from_file_location("benchmark_step", FILE)
distill_step = importlib.util.module_from_spec(spec)
spec.loader.exec_module(distill_step)


def test_a_step_gives_a_total_loss():
    """Teacher by teacher, which is the form that is not the package's own."""
    step, *arguments = distill_step.make_job(distill_step.FORMS[1], num_steps=1)
    _, metrics = jax.eval_shape(step, *arguments)
    assert metrics["total"].shape == ()


def test_the_floor_counts_all_matrix_products_of_a_step():
    """All large ones, by their shapes alone: a product and its mirror image cost the same."""
    step, *arguments = distill_step.make_job(num_steps=1)
    found = _products(jax.make_jaxpr(step)(*arguments).jaxpr)
    expected = Counter()
    for shape, count in distill_step.matrix_products().items():
        expected[tuple(sorted(shape))] += count
    large = {shape for shape in (*found, *expected) if min(shape) > 2}
    assert {shape: found[shape] for shape in large} == {shape: expected[shape] for shape in large}


def _products(jaxpr):
    found = Counter()
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            (inner, _), (batch, _) = eqn.params["dimension_numbers"]
            shapes = [tuple(var.aval.shape) for var in eqn.invars]
            copies = math.prod(shapes[0][i] for i in batch)
            size = math.prod(shapes[0][i] for i in inner)
            rows, columns = (math.prod(shape) // size // copies for shape in shapes)
            found[tuple(sorted((rows, size, columns)))] += copies
        parts = [_products(sub) for sub in jaxprs_in_params(eqn.params)]
        # Of a condition's branches the larger one runs.
        branches = eqn.primitive.name == "cond"
        found += max(parts, key=Counter.total) if branches else sum(parts, Counter())
    return found
