"""Functions of JAX as ONNX files, for those who have neither JAX nor this package."""

from rsstl_jax.onnx_writer.trace import to_onnx

__all__ = ["to_onnx"]
