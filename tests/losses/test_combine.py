"""Eq. 12: normalised weights and the weighted sum."""

from types import MappingProxyType

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from rsstl_jax.losses import combine, normalize_weights

PAPER_WEIGHTS = {"mae": 3.0, "sim": 0.5, "mi": 0.5, "fi": 0.5}


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 5), st.floats(-10, 10)), min_size=1, max_size=5))
def test_matches_the_reference(pairs):
    weights, values = zip(*pairs, strict=True)
    normalised = normalize_weights({str(i): weight for i, weight in enumerate(weights)})
    total, _ = combine({name: (normalised[name], values[int(name)]) for name in normalised})
    np.testing.assert_allclose(total, reference.overall_loss(weights, values), atol=1e-4)


def test_the_papers_weights_by_hand():
    """Sum 4.5: 3 / 4.5 = 2/3 and 0.5 / 4.5 = 1/9."""
    named = normalize_weights(PAPER_WEIGHTS)
    assert list(named) == list(PAPER_WEIGHTS)
    expected = [2 / 3, 1 / 9, 1 / 9, 1 / 9]
    np.testing.assert_allclose(list(named.values()), expected, rtol=1e-6)
    array = normalize_weights(jnp.array(list(PAPER_WEIGHTS.values())))
    np.testing.assert_allclose(array, expected, rtol=1e-6)
    whole = normalize_weights({"mae": 3, "sim": 1})
    np.testing.assert_allclose([whole["mae"], whole["sim"]], [0.75, 0.25])


def test_parts_are_unweighted_and_the_gradient_of_a_term_is_its_weight():
    values = {"mae": jnp.array(8.0), "mi": jnp.array(-1.0)}
    weights = {"mae": 0.75, "mi": 0.25}
    total = lambda v: combine({name: (weights[name], v[name]) for name in v})  # noqa: E731
    (value, parts), gradient = jax.value_and_grad(total, has_aux=True)(values)
    np.testing.assert_allclose(value, 5.75)
    assert parts == values
    np.testing.assert_allclose([gradient["mae"], gradient["mi"]], [0.75, 0.25])


def test_a_sweep_over_traced_weights_compiles_once():
    traces = []

    @jax.jit
    def total(weights, value):
        traces.append(None)
        normalised = normalize_weights(weights)
        return combine({name: (normalised[name], value) for name in normalised})[0]

    for weight in (1.0, 2.0, 3.0):
        np.testing.assert_allclose(total({"a": weight, "b": 1.0}, 7.0), 7.0, rtol=1e-6)
    assert len(traces) == 1
    stacked = {"a": jnp.array([1.0, 2.0]), "b": jnp.ones(2)}
    np.testing.assert_allclose(jax.vmap(total)(stacked, jnp.array([1.0, 2.0])), [1.0, 2.0])


def test_dtype_of_the_values_is_kept():
    values = jnp.array([1.0, 2.0], jnp.bfloat16)
    total, parts = combine({"a": (jnp.float32(0.5), values[0]), "b": (0.5, values[1])})
    assert total.dtype == parts["a"].dtype == jnp.bfloat16
    np.testing.assert_allclose(float(total), 1.5)


@pytest.mark.parametrize(
    "weights",
    [
        {"a": 2**30, "b": 2**30},
        {"a": 2_000_000_000, "b": 2_000_000_000},
        {"a": 2**40, "b": np.int64(2**40)},
        {"a": 3e38, "b": 3e38},
        np.full(2, 2**30),
        [2**30, 2**30],
        jnp.full(2, 2**30),
        jnp.full(2, 40_000, jnp.float16),
    ],
    ids=str,
)
def test_the_sum_of_large_weights_does_not_overflow(weights):
    found = normalize_weights(weights)
    np.testing.assert_array_equal(list(found.values()) if isinstance(found, dict) else found, 0.5)


def test_known_weights_are_checked_beside_traced_ones():
    with pytest.raises(ValueError, match="must be non-negative"):
        normalize_weights({"a": -1.0, "b": jnp.float32(3)})
    with pytest.raises(ValueError, match="must be non-negative"):
        normalize_weights({"a": 1.0, "b": jnp.float32(-3)})
    with pytest.raises(ValueError, match="must be non-negative"):
        jax.jit(lambda b: normalize_weights({"a": -1.0, "b": b}))(3.0)
    with pytest.raises(ValueError, match="and finite"):
        normalize_weights([1.0, np.inf])
    found = jax.jit(lambda b: normalize_weights({"a": 0.0, "b": b}))(3.0)
    assert found == {"a": 0.0, "b": 1.0}


def test_a_large_weight_times_a_small_value_of_a_narrow_dtype_is_finite():
    total, _ = combine({"a": (1e6, jnp.float16(0.001)), "b": (-1e6, jnp.float16(0.0005))})
    assert total.dtype == jnp.float16
    np.testing.assert_allclose(float(total), 500, rtol=2e-3)


def test_terms_of_several_dtypes_are_added_in_the_widest_under_strict_promotion():
    with jax.numpy_dtype_promotion("strict"):
        terms = {"a": (jnp.float32(0.5), jnp.bfloat16(2.0)), "b": (2, jnp.float32(1 + 2**-20))}
        total, _ = combine(terms)
    assert total.dtype == jnp.float32 and float(total) == 3 + 2**-19


@pytest.mark.parametrize("size", [1e300, 1e-50, 1e-40])
def test_known_weights_that_the_result_cannot_hold_are_refused(size):
    for weights in [size, size], {"a": size, "b": size}:
        with pytest.raises(ValueError, match="must be non-negative and not all zero, and finite"):
            normalize_weights(weights)


def test_bad_arguments_raise_with_a_message():
    with pytest.raises(ValueError, match="must be non-negative and not all zero"):
        normalize_weights({"a": 0.0, "b": 0.0})
    with pytest.raises(ValueError, match="must be non-negative and not all zero"):
        normalize_weights(np.array([2.0, -1.0]))
    with pytest.raises(ValueError, match="weights must not be empty"):
        normalize_weights({})
    with pytest.raises(ValueError, match="weights must not be empty"):
        normalize_weights(jnp.zeros(0))
    with pytest.raises(ValueError, match=r"weights must have 1 axes, got shape \(1, 2\)"):
        normalize_weights(np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"weights\['a'\] must have 0 axes, got shape \(2,\)"):
        normalize_weights({"a": np.ones(2)})
    with pytest.raises(ValueError, match="terms must not be empty"):
        combine({})
    with pytest.raises(ValueError, match=r"value of 'mae' must have 0 axes, got shape \(2,\)"):
        combine({"mae": (1.0, jnp.ones(2))})
    with pytest.raises(TypeError, match="value of 'mae' must hold floating-point numbers"):
        combine({"mae": (1.0, 3)})


def test_any_mapping_of_weights_will_do():
    found = normalize_weights(MappingProxyType({"a": 1.0, "b": 3.0}))
    assert {name: float(weight) for name, weight in found.items()} == {"a": 0.25, "b": 0.75}


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([("a", (1.0, 2.0))], "terms must be a mapping from names, got list"),
        ({"a": 1.0}, r"term 'a' must be a pair \(weight, value\), got 1.0"),
        ({"a": (1.0, 2.0, 3.0)}, r"term 'a' must be a pair \(weight, value\)"),
        ({"a": ("2", 2.0)}, "weight of 'a' must be a real number, got '2'"),
        ({"a": (jnp.array(1j), 2.0)}, "weight of 'a' must be a real number"),
        ({"a": (None, 2.0)}, "weight of 'a' must be a real number, got None"),
    ],
)
def test_what_is_no_weighted_term_is_refused(terms, message):
    with pytest.raises((TypeError, ValueError), match=message):
        combine(terms)


@pytest.mark.parametrize("weights", [{"a": "3"}, {"a": 1j}, {"a": None}, np.array([1j]), ["1"]])
def test_weights_are_real_numbers(weights):
    with pytest.raises(ValueError, match="weights must be made of real numbers"):
        normalize_weights(weights)


@pytest.mark.parametrize("weight", [True, 1j])
def test_traced_weights_are_real_numbers_too(weight):
    """Their dtype is known: JAX would drop an imaginary part, or give complex shares."""
    with pytest.raises(ValueError, match="weights must be made of real numbers"):
        jax.jit(normalize_weights)(jnp.array([weight, weight]))
    with pytest.raises(ValueError, match="weight of 'a' must be a real number"):
        jax.jit(lambda weight: combine({"a": (weight, 2.0)}))(weight)
