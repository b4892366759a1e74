"""Several processes of one run: the first one reads and writes, and the others get what it read.

All processes run the same program and must call these functions in the same order. In a run of one
process each of them does nothing of its own.
"""

import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from rsstl_jax.errors import ConfigError

P = ParamSpec("P")
T = TypeVar("T")

# How JAX begins the words of what failed in its runtime; a full memory is this process's own.
_FAILURE = re.compile(r"(?!RESOURCE_EXHAUSTED)[A-Z_]+: ")


class _Now:
    alone = False  # whether the first process does something that the others wait for


def are_several() -> bool:
    """Whether this run has several processes; without JAX in memory it has one."""
    jax = sys.modules.get("jax")
    return jax is not None and jax.distributed.is_initialized() and jax.process_count() > 1


def is_first() -> bool:
    """Whether this process writes: the only one of a run, or number 0 of several."""
    return not are_several() or sys.modules["jax"].process_index() == 0


def exchange(item: T) -> list[T]:
    """What every process gives, in the order of their numbers."""
    if _Now.alone or not are_several():
        return [item]
    import numpy as np
    from jax.experimental.multihost_utils import process_allgather

    from rsstl_jax.store.messages import from_bytes, to_bytes

    content = np.frombuffer(to_bytes(item), np.uint8)
    sizes = process_allgather(np.int32(len(content)))
    # JAX compiles a program for every length that it meets.
    padded = np.zeros(1 << (int(sizes.max()) - 1).bit_length(), np.uint8)
    padded[: len(content)] = content
    rows = zip(process_allgather(padded), sizes, strict=True)
    return [from_bytes(row[:size].tobytes()) for row, size in rows]


def in_first(function: Callable[P, T]) -> Callable[P, T]:
    """The function run in the first process alone; all get its result, or raise its error."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if _Now.alone or not are_several():
            return function(*args, **kwargs)
        outcome: Any = None
        if is_first():
            _Now.alone = True
            try:
                outcome = function(*args, **kwargs), None
            except Exception as error:
                outcome = None, error
            finally:
                _Now.alone = False
        told = exchange(outcome)[0]
        result, failure = outcome or told
        if failure is not None:
            raise failure
        return result

    return run


def check_equal(facts: Mapping[str, Any]) -> None:
    """Refuses processes that differ in what must be the same in all of them."""
    first, *others = exchange({name: repr(fact) for name, fact in facts.items()})
    for number, other in enumerate(others, start=1):
        words = [
            f"{name} is {other.get(name, 'absent')} there "
            f"and {first.get(name, 'absent')} in process 0"
            for name in sorted(first.keys() | other.keys())
            if first.get(name) != other.get(name)
        ]
        if words:
            raise ConfigError(
                f"the processes of a run must agree, and process {number} differs from process 0: "
                f"{'; '.join(words)}"
            )


def lost_process(error: BaseException) -> str:
    """What is said where an error of JAX may be the end of another process; else nothing."""
    if not are_several() or not _FAILURE.match(str(error)):
        return ""
    # In a process of one device JAX raises what failed between processes as a ValueError.
    if not isinstance(error, (sys.modules["jax"].errors.JaxRuntimeError, ValueError)):
        return ""
    cause = str(error).partition("\n")[0][:200]
    return f"another process of this run has ended or cannot be reached ({cause})"


@contextmanager
def leaving() -> Iterator[None]:
    """Ends one of several processes at once where it fails: JAX would wait for the others."""
    try:
        yield
    except BaseException as error:
        code = error.code if isinstance(error, SystemExit) else 1
        if not are_several() or not code:
            raise
        if not isinstance(error, SystemExit):
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        if is_first():
            time.sleep(1)  # JAX would end the others before they have said why they end.
        os._exit(code if isinstance(code, int) else 1)
