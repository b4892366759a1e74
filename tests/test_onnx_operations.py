"""Each operation that the writer knows gives in onnxruntime what it gives in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from rsstl_jax.errors import ConfigError
from rsstl_jax.models.convolution import Convolution
from rsstl_jax.onnx_writer import to_onnx

REASON = "needs onnx and onnxruntime, which the extra 'dev' brings"
onnx = pytest.importorskip("onnx", reason=REASON)
onnxruntime = pytest.importorskip("onnxruntime", reason=REASON)

RNG = np.random.default_rng(0)
TABLE = jnp.asarray(RNG.normal(size=(9, 5)), jnp.float32)
WIDE = jnp.asarray(RNG.normal(size=(5, 2, 3)), jnp.float32)
IMAGE = {"kernel": RNG.normal(size=(3, 2, 1, 4)).astype(np.float32), "bias": np.ones(4, np.float32)}


def pick(x):
    """Indices 0...4 that depend on x, int32[n, 5]."""
    return jnp.argsort(x, axis=1)


def convolve(method, padding):
    layer = Convolution(4, (3, 2), padding=padding, method=method)
    return lambda x: layer.apply({"params": IMAGE}, jnp.tile(x, (1, 4)).reshape(-1, 4, 5, 1))


def batched(x):
    return jnp.stack([x, 2 * x, jnp.sin(x)], axis=1)


@jax.custom_vjp
def doubled(x):
    return 2 * x


doubled.defvjp(lambda x: (2 * x, None), lambda saved, cotangent: (2 * cotangent,))

OPERATIONS = {
    "arithmetic": lambda x: (x + 1) * x / (2 - x) - -x,
    "powers": lambda x: x**7 + jnp.abs(x) ** 1.5 + (3 + x) ** -2 + x**0 + jnp.square(x),
    "exponentials": lambda x: jnp.exp(x) + jnp.expm1(x) + jnp.exp2(x) + jnp.log1p(x * x),
    "activations": lambda x: jax.nn.gelu(x) + jax.nn.elu(x) + jax.nn.sigmoid(x) + jax.nn.relu(x),
    "exact gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "softmax": lambda x: jax.nn.softmax(x, axis=1),
    "roots": lambda x: jnp.sqrt(jnp.abs(x)) + lax.rsqrt(1 + jnp.abs(x)),
    "rounding": lambda x: jnp.round(3 * x) + jnp.floor(x) + jnp.ceil(x) + jnp.sign(x),
    "rounding away from 0": lambda x: lax.round(jnp.round(4 * x) / 2),
    "remainders": lambda x: x % 0.7 + lax.rem(x, jnp.full_like(x, 0.3)) + pick(x) % 3,
    "whole numbers": lambda x: (10 * x).astype(jnp.int32) // 3,
    "comparisons": lambda x: (
        (x > 0) & ~(x >= 1) | (x < -1) ^ (x <= -2) | (x == x[:, :1]) | (x != x)
    ),
    "bits": lambda x: pick(x) & 3 | pick(x) ^ 1,
    "choices": lambda x: jnp.where(x > 0, x, -jnp.float32(1)) + jnp.clip(x, -0.5, 0.5),
    "finite": lambda x: jnp.isfinite(x / jnp.where(x > 0, 0.0, 1.0)),
    "undetected": lambda x: jnp.where(jnp.isnan(jnp.where(x > 0, jnp.nan, x)), 5.0, x),
    "sums": lambda x: (
        x.sum(axis=1) + x.mean(axis=1) + x.prod(axis=1) + x.max(axis=1) + x.min(axis=1)
    ),
    "truths": lambda x: jnp.stack([(x > 0).any(axis=1), (x > -1).all(axis=1)], axis=1),
    "running sums": lambda x: jnp.cumsum(x, axis=1) + lax.cumsum(x, axis=1, reverse=True),
    "products": lambda x: x @ TABLE.T @ TABLE,
    "products on the left": lambda x: (TABLE @ x.T).T,
    "tensor products": lambda x: jnp.einsum("na,aij->nij", x, WIDE),
    "batched products": lambda x: jnp.einsum("nta,nsa->nts", batched(x), batched(x)),
    "weighted means": lambda x: jnp.einsum(
        "nt,nta->na", jax.nn.softmax(batched(x)[..., 0]), batched(x)
    ),
    "outer products": lambda x: x[:, :, None] * x[:, None, :],
    "joined": lambda x: jnp.concatenate([x, x[:, :2], jnp.ones_like(x)], axis=1),
    "joined with constants": lambda x: jnp.concatenate(
        [jnp.tile(TABLE[:1], (x.shape[0], 1)), x], axis=1
    ),
    "tiled": lambda x: jnp.tile(x, (1, 3)),
    "taken apart": lambda x: sum(jnp.unstack(x, axis=1)) + sum(jnp.split(x, 5, axis=1))[:, 0],
    "slices": lambda x: (x[:, 1:4:2], x[:, ::-1], x[:, -1], x[:, None, 2:]),
    "computed slice": lambda x: lax.dynamic_slice_in_dim(x, pick(x)[0, 0], 2, axis=1),
    "padded": lambda x: jnp.pad(x, ((0, 0), (1, 2)), constant_values=3.0),
    "reshaped": lambda x: batched(x).transpose(0, 2, 1).reshape(-1, 15),
    "rows": lambda x: TABLE[pick(x)],
    "columns": lambda x: x[:, jnp.array([4, 0, 0])],
    "columns from the back": lambda x: TABLE[:, -1 - pick(x)],
    "cells": lambda x: TABLE[pick(x)[:, :, None], pick(x)[:, None, :]],
    "clipped": lambda x: TABLE.at[7 * pick(x)].get(mode="clip"),
    "one of each row": lambda x: x[jnp.arange(x.shape[0]), pick(x)[:, 0]],
    "along an axis": lambda x: jnp.take_along_axis(x, pick(x), axis=1),
    "along an inner axis": lambda x: jnp.take_along_axis(batched(x), pick(x)[:, None, :2], axis=2),
    "whole layers": lambda x: jax.vmap(lambda layers, row: layers[row])(
        batched(x), pick(x)[:, 0] % 3
    ),
    "sorted": lambda x: jnp.sort(x, axis=1),
    "sorted, ties in order": lambda x: jnp.argsort(jnp.round(x), axis=1),
    "top, ties in order": lambda x: lax.top_k(jnp.abs(jnp.round(x)), 3),
    "extremes": lambda x: (jnp.argmax(jnp.round(x), axis=1), jnp.argmin(x, axis=1)),
    "votes": lambda x: (jax.nn.one_hot(pick(x)[:, :3], 5) * x[:, :3, None] ** 16).sum(axis=1),
    "bins": lambda x: jnp.searchsorted(jnp.linspace(-2, 2, 9), x),
    "bins by comparison": lambda x: jnp.digitize(x, jnp.linspace(-2, 2, 9), method="compare_all"),
    "interpolated": lambda x: jnp.interp(x, jnp.arange(-3.0, 4.0), jnp.arange(7.0) ** 2),
    "convolution": convolve("convolution", "SAME"),
    "convolution, valid": convolve("convolution", "VALID"),
    "patches": convolve("patches", "SAME"),
    "calls": lambda x: jax.jit(jax.checkpoint(doubled))(x) + jax.nn.silu(x),
    "rows counted": lambda x: x * jnp.array(x.shape[0]) + jnp.arange(x.shape[0])[:, None],
    "the input itself": lambda x: (x, TABLE),
}


def written(function, num_inputs=5):
    names = [f"output {i}" for i in range(len(jax.tree.leaves(jax.eval_shape(function, TABLE))))]
    content = to_onnx(function, num_inputs, output_names=names)
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_gives_what_jax_gives(name):
    function = OPERATIONS[name]
    session = written(function)
    for number in (1, 7):
        x = np.random.default_rng(number).normal(0, 1.5, (number, 5)).astype(np.float32)
        wanted = jax.tree.leaves(jax.jit(function)(x))
        for got, want in zip(session.run(None, {"rss_dbm": x}), wanted, strict=True):
            assert got.dtype == want.dtype
            np.testing.assert_allclose(got, np.asarray(want), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lax.lgamma, r"'lgamma' as ONNX \(float32\[n,5\] -> float32\[n,5\]\)"),
        (lambda x: lax.while_loop(lambda y: (y < 9).all(), lambda y: y + 1, x), "'while'"),
        (lambda x: lax.scan(lambda c, row: (c + row, row), jnp.zeros(5), x), "a scan of n steps"),
        (lambda x: lax.sort((x, -x), num_keys=2), "more than one key"),
        (lambda x: x.astype(jnp.bfloat16) * 2, "no rule writes bfloat16 as ONNX"),
    ],
    ids=["primitive", "while", "scan", "keys", "bfloat16"],
)
def test_what_cannot_be_written_is_named(function, words):
    with pytest.raises(ConfigError, match=words):
        written(function)


def model_of(function, **options):
    return onnx.load_from_string(to_onnx(function, 5, output_names=["y"], **options))


def test_what_depends_on_no_scan_is_computed_before():
    product = TABLE.T @ TABLE
    model = model_of(lambda x: x @ (jnp.sin(TABLE.T) @ jnp.exp(TABLE)) + product[:1])
    assert [node.op_type for node in model.graph.node] == ["MatMul", "Add", "Identity"]


def test_large_constants_stand_once_and_unused_ones_not_at_all():
    large = jnp.asarray(RNG.normal(size=(500, 5)), jnp.float32)

    def closest(x):
        _ = jnp.cos(x) @ jnp.ones((5, 400))
        return (x @ large.T) @ large + (x @ large.T) @ (large + 0)

    sizes = [np.prod(tensor.dims) for tensor in model_of(closest).graph.initializer]
    assert max(sizes) == 2500 and sum(sizes) < 2600


def test_metadata_and_names_are_in_the_file():
    model = model_of(lambda x: 2 * x, metadata={"unit": "m", "access_points": '["hall"]'})
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert properties == {"unit": "m", "access_points": '["hall"]'}
    shapes = [
        (value.name, [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim])
        for value in (*model.graph.input, *model.graph.output)
    ]
    assert shapes == [("rss_dbm", ["n", 5]), ("y", ["n", 5])]
    onnx.checker.check_model(model, full_check=True)


def test_a_missing_onnx_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr("rsstl_jax.onnx_writer.model.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'rsstl_jax\[onnx\]'"):
        to_onnx(lambda x: x, 5, output_names=["y"])
