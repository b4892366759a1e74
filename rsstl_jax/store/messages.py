"""Values as bytes and back, for the processes of a run: data alone, from which no code can come.

The bytes are Flax's msgpack of plain values, arrays and lists. The first item of a list names what
the rest is: an array of JAX, a container, or a record or error of this package, optax or Python.
"""

from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.serialization import msgpack_restore, msgpack_serialize

_PACKAGES = ("rsstl_jax", "optax", "builtins")
_PLAIN = (type(None), bool, int, float, str, bytes)


def to_bytes(value: Any) -> bytes:
    """A message that `from_bytes` reads; TypeError for a value of another kind."""
    return msgpack_serialize(_pack(value), in_place=True)


def from_bytes(content: bytes) -> Any:
    """What `to_bytes` was given; of an error its type, words and attributes."""
    return _unpack(msgpack_restore(content))


def _pack(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN or isinstance(value, np.ndarray | np.generic):
        return value
    if isinstance(value, jax.Array):
        return ["array", np.asarray(value)]
    if isinstance(value, Path):
        return ["path", str(value)]
    if kind is dict:
        return ["dict", *(_pack(part) for pair in value.items() for part in pair)]
    if kind in (list, tuple):
        return [kind.__name__, *map(_pack, value)]
    if isinstance(value, Exception):
        return _pack_error(value)
    name, names = _name(kind), getattr(kind, "_fields", None)
    if names is None:
        names = [part.name for part in fields(value)]
    return [name, *(_pack(getattr(value, part)) for part in names)]


def _pack_error(error: Exception) -> Any:
    """An error of another package becomes one that says the same."""
    try:
        # `args` has not all that an OSError was given; errors of this package are made of it.
        is_builtin = type(error).__module__ == "builtins"
        given: Any = error.__reduce__()[1] if is_builtin else error.args
        return [_name(type(error)), _pack(given), _pack(vars(error))]
    except TypeError:
        return _pack_error(RuntimeError(f"{type(error).__name__}: {error}"))


def _unpack(packed: Any) -> Any:
    if not isinstance(packed, list):
        return packed
    name, parts = packed[0], [_unpack(part) for part in packed[1:]]
    match name:
        case "array":
            return jnp.asarray(*parts)
        case "path":
            return Path(*parts)
        case "dict":
            return dict(zip(parts[::2], parts[1::2], strict=True))
        case "list":
            return parts
        case "tuple":
            return tuple(parts)
    kind = _kind(name)
    if not issubclass(kind, Exception):
        return kind(*parts)
    given, attributes = parts
    # A constructor of this package would make the words anew.
    error = kind(*given) if kind.__module__ == "builtins" else kind.__new__(kind, *given)
    vars(error).update(attributes)
    return error


def _name(kind: type) -> str:
    name = f"{kind.__module__}:{kind.__qualname__}"
    _kind(name)
    return name


def _kind(name: str) -> Any:
    """The named tuple, dataclass or error of that name."""
    module, _, qualname = name.partition(":")
    if module.partition(".")[0] in _PACKAGES:
        kind = getattr(import_module(module), qualname, None)
        is_error = isinstance(kind, type) and issubclass(kind, Exception)
        if is_error or is_dataclass(kind) or hasattr(kind, "_fields"):
            return kind
    raise TypeError(f"the processes of a run cannot send each other a {name}")
