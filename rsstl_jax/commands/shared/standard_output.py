"""Standard output whose reader may leave, as `head` does, while a command still writes files."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import IO, Any


@contextmanager
def lasting_output() -> Iterator[None]:
    """For the length of a block, printing to a reader that has left is no error."""
    if sys.stdout is None:  # It was closed before the command began.
        yield
        return
    stream: Any = _LastingOutput(sys.stdout)
    with redirect_stdout(stream):
        try:
            yield
        finally:
            stream.flush()


def discard_output() -> None:
    """Drops what is still printed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _LastingOutput:
    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        _try(self._stream.write, text)
        return len(text)

    def flush(self) -> None:
        _try(self._stream.flush)


def _try(call: Callable[..., Any], *arguments: str) -> None:
    try:
        call(*arguments)
    except BrokenPipeError:
        discard_output()
