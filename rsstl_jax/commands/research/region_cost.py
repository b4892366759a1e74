"""Where the time of a compiled training goes, by named region."""

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

OTHER = "everything else"


class Cost(NamedTuple):
    """What the operations of a region took."""

    seconds: float  # of all of them
    products: float  # seconds of those that are matrix products


# An instruction of the compiled program, its opcode (the first small word before a parenthesis; a
# type has none), and the name under which it was traced.
_INSTRUCTION = re.compile(
    r"^\s*(?:ROOT )?%?([\w.\-]+) = .*?\b([a-z][a-z\-]*)\(.*op_name=\"([^\"]*)\"", re.MULTILINE
)
# These hold others, whose time is counted by itself.
_HOLDERS = ("while", "call", "conditional", "parameter", "tuple")


def region_of(op_name: str, regions: Sequence[str]) -> str:
    """The region that an operation was traced in, forward or backward."""
    found = re.findall(r"\b(" + "|".join(map(re.escape, regions)) + r")\b", op_name)
    return found[-1] if found else OTHER


def cost_by_region(
    function: Callable[..., Any],
    *arguments: Any,
    regions: Sequence[str],
    folder: str | Path | None = None,
) -> dict[str, Cost]:
    """Runs a function once, compiled and warm, under the profiler, and adds up its operations."""
    program = jax.jit(function).lower(*arguments).compile()
    found = _INSTRUCTION.findall(program.as_text() or "")
    traced = {name: (opcode, traced) for name, opcode, traced in found if opcode not in _HOLDERS}
    jax.block_until_ready(program(*arguments))
    with tempfile.TemporaryDirectory() as temporary:
        trace_dir = Path(folder or temporary)
        with jax.profiler.trace(str(trace_dir)):
            jax.block_until_ready(program(*arguments))
        newest = max(trace_dir.rglob("*.xplane.pb"), key=lambda file: file.stat().st_mtime)
        profile = jax.profiler.ProfileData.from_file(str(newest))
    costs = dict.fromkeys((*regions, OTHER), Cost(0.0, 0.0))
    for event in (e for plane in profile.planes for line in plane.lines for e in line.events):
        if (name := _instruction(event)) in traced:
            opcode, op_name = traced[name]
            region = region_of(op_name, regions)
            seconds, products = costs[region]
            new = event.duration_ns / 1e9
            is_product = opcode == "dot" or op_name.endswith("dot_general")
            costs[region] = Cost(seconds + new, products + new * is_product)
    if not any(cost.seconds for cost in costs.values()):
        raise RuntimeError("the trace names no operation of the program: no profiler here")
    return costs


def _instruction(event: Any) -> str:
    """On a GPU an event is a kernel, and one of its statistics says for which instruction."""
    if jax.default_backend() == "cpu":
        # There the name says it, and jaxlib 0.11 ends the process when statistics are read.
        return event.name
    return next((str(value) for key, value in event.stats if key == "hlo_op"), event.name)
