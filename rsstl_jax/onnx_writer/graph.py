"""The ONNX graph under construction, and the values that its nodes pass on."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from rsstl_jax.errors import ConfigError

Dims = tuple[int | str, ...]
"""A shape; ROWS stands for the number of rows, which is known when the file runs."""

INPUT, ROWS = "rss_dbm", "n"


class Value(NamedTuple):
    """A tensor: the output of a node by its name, or a constant by its array.

    An axis of `shape` may be 1 where JAX has more: what broadcasts anyway is not repeated before.
    """

    name: str
    shape: Dims
    array: np.ndarray | None = None


class Node(NamedTuple):
    """One operator of ONNX; an attribute may be a NumPy dtype."""

    kind: str
    inputs: tuple[str, ...]
    outputs: list[str]
    attributes: dict[str, Any]


def signed(dtype: Any) -> np.dtype[Any]:
    """The type that stands for a type of JAX's: runtimes have no arithmetic of unsigned numbers."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "biuf":
        raise ConfigError(f"no rule writes {dtype} as ONNX; compute in float32 or float16 instead")
    return np.dtype(np.int64) if dtype.kind == "u" else dtype


def constant(array: Any) -> Value:
    """A value that is known now."""
    array = np.asarray(array, signed(array.dtype))
    return Value("", array.shape, array)


def dims_of(shape: tuple[Any, ...]) -> Dims:
    """A shape of JAX's with names in place of symbolic sizes."""
    return tuple(int(size) if isinstance(size, int) else str(size) for size in shape)


@dataclass
class Graph:
    """Nodes in the order in which they run, and the constants that they read."""

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    _outputs: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Appends a node with one output, whose name is returned."""
        return self.add_many(kind, *inputs, num_outputs=1, **attributes)[0]

    def add_many(self, kind: str, *inputs: str, num_outputs: int, **attributes: Any) -> list[str]:
        """Appends a node with several outputs, whose names are returned; equal ones stand once."""
        key = f"{kind} {inputs} {attributes}"
        if key not in self._outputs:
            names = [f"{kind}_{len(self.nodes)}_{i}" for i in range(num_outputs)]
            self.nodes.append(Node(kind, inputs, names, attributes))
            self._outputs[key] = names
        return self._outputs[key]

    def store(self, array: Any) -> str:
        """The name of a constant; equal ones are stored once."""
        array = np.asarray(array, order="C")
        content = hashlib.sha256(array.tobytes()).hexdigest()[:16]
        name = f"{array.dtype}{list(array.shape)}_{content}"
        self.constants.setdefault(name, array)
        return name

    def ints(self, numbers: Any) -> str:
        """The name of a constant vector of whole numbers: sizes, axes, bounds."""
        return self.store(np.array(numbers, np.int64))

    def name(self, value: Value) -> str:
        """A value's name, for a node that broadcasts."""
        return value.name if value.array is None else self.store(value.array)

    def full(self, value: Value, shape: Dims) -> str:
        """A value's name, after its axes of size 1 are repeated to the whole shape."""
        if value.shape == shape:
            return self.name(value)
        # In Expand a 1 leaves an axis as it is.
        pairs = zip(value.shape, shape, strict=True)
        wanted = [1 if has == needs else needs for has, needs in pairs]
        return self.add("Expand", self.name(value), self.sizes(wanted))

    def sizes(self, shape: list[int | str]) -> str:
        """The name of a vector of sizes, the number of rows among them."""
        if ROWS not in shape:
            return self.ints(shape)
        rows = self.add("Shape", INPUT, start=0, end=1)
        parts = [rows if size == ROWS else self.ints([size]) for size in shape]
        return self.add("Concat", *parts, axis=0)

    def reshape(self, name: str, old: Dims, new: Dims) -> str:
        """A tensor in another shape, of which one size may be unknown."""
        if old == new:
            return name
        sizes = [-1 if isinstance(size, str) else size for size in new]
        if sizes.count(-1) > 1:
            raise ConfigError(f"ONNX has no reshape to {new}: two sizes are unknown")
        return self.add("Reshape", name, self.ints(sizes))

    def transpose(self, name: str, order: list[int]) -> str:
        """A tensor with its axes in another order."""
        if order == sorted(order):
            return name
        return self.add("Transpose", name, perm=order)

    def cast(self, name: str, dtype: Any) -> str:
        """A tensor of another type."""
        return self.add("Cast", name, to=signed(dtype))

    def rename(self, name: str, output: str) -> None:
        """Gives a tensor the name of an output of the file."""
        self.nodes.append(Node("Identity", (name,), [output], {}))

    def prune(self, outputs: list[str]) -> None:
        """Removes the nodes and constants that no output depends on."""
        needed, kept = set(outputs), []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                kept.append(node)
                needed.update(node.inputs)
        self.nodes = kept[::-1]
        self.constants = {name: array for name, array in self.constants.items() if name in needed}
