"""Regions of a profile: by name, forward and backward, and by where the work is."""

import jax
import jax.numpy as jnp
import pytest

from rsstl_jax.profiling import OTHER, cost_by_region, region_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jit(run)/while/body/student/dot_general", "student"),
        ("jit(run)/transpose(jvp(student))/dot_general", "student"),
        ("jit(run)/student/vmap(teachers)/add", "teachers"),
        ("jit(run)/students/add", OTHER),
        ("jit(run)/add", OTHER),
    ],
)
def test_the_innermost_region_counts(name, expected):
    assert region_of(name, ("student", "teachers")) == expected


def test_the_heavy_region_costs_most():
    """A product of 1,024 rows is 2 GFLOP, one of 8 rows a hundred-thousandth of that."""

    def step(large, small):
        with jax.named_scope("heavy"):
            for _ in range(4):
                large = large @ large
        with jax.named_scope("light"):
            small = small @ small
        return large, small

    costs = cost_by_region(
        step, jnp.full((1024, 1024), 1e-3), jnp.ones((8, 8)), regions=("heavy", "light")
    )
    assert list(costs) == ["heavy", "light", OTHER]
    assert costs["heavy"] > 10 * costs["light"]
