"""Regions of a profile: by name, forward and backward, and by where the work is."""

import jax
import jax.numpy as jnp
import pytest

from rsstl_jax.commands.research.region_cost import OTHER, cost_by_region, region_of


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
    assert costs["heavy"].seconds > 10 * costs["light"].seconds


def test_products_are_told_from_the_rest():
    def step(x):
        with jax.named_scope("product"):
            y = x @ x
        with jax.named_scope("sine"):
            return y, jnp.sin(x)

    costs = cost_by_region(step, jnp.full((512, 512), 1e-3), regions=("product", "sine"))
    assert costs["product"].products > 0.5 * costs["product"].seconds
    assert costs["sine"].products == 0 < costs["sine"].seconds


def test_what_a_condition_or_loop_holds_counts_once():
    """Were the condition itself counted, beside what it holds, products would be half of it all."""

    def step(x, on):
        def branch(x):
            return jax.lax.fori_loop(0, 8, lambda _, x: x @ x, x)

        with jax.named_scope("product"):
            return jax.lax.cond(on, branch, lambda x: x, x)

    x = jnp.full((256, 256), 1e-3)
    cost = cost_by_region(step, x, True, regions=("product",))["product"]
    assert cost.products > 0.8 * cost.seconds
