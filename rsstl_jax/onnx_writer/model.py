"""A finished graph as the bytes of an ONNX file; the one module that loads onnx."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from rsstl_jax.errors import ConfigError
from rsstl_jax.onnx_writer.graph import INPUT, ROWS, Dims, Graph

OPSET, IR_VERSION = 18, 8


def need_onnx() -> None:
    """Says what to install where onnx is missing."""
    if find_spec("onnx") is None:
        raise ConfigError("onnx is not installed; pip install 'rsstl_jax[onnx]'")


def serialize(
    graph: Graph,
    num_inputs: int,
    outputs: Sequence[tuple[str, Any, Dims]],
    metadata: Mapping[str, str],
) -> bytes:
    """The file's content, checked by onnx; outputs are (name, dtype, shape)."""
    from onnx import checker, helper, numpy_helper

    type_of = lambda dtype: helper.np_dtype_to_tensor_dtype(np.dtype(dtype))  # noqa: E731

    nodes = []
    for node in graph.nodes:
        types = {k: type_of(v) for k, v in node.attributes.items() if isinstance(v, np.dtype)}
        attributes = node.attributes | types
        nodes.append(helper.make_node(node.kind, node.inputs, node.outputs, **attributes))
    described = [
        helper.make_tensor_value_info(name, type_of(dtype), shape)
        for name, dtype, shape in [(INPUT, np.float32, (ROWS, num_inputs)), *outputs]
    ]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "localizer",
            described[:1],
            described[1:],
            [numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
        ),
        producer_name="rsstl_jax",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, dict(metadata))
    checker.check_model(model)
    return model.SerializeToString(deterministic=True)
