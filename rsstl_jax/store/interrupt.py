"""SIGTERM and SIGINT: at once where nothing is lost, after the next saved state where it is."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rsstl_jax.errors import Interrupted

__all__ = ["catch_signals", "defer_signals"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _Asked:
    """What the handler and the training share."""

    deferred = 0
    signum: int | None = None


def _handle(signum: int, _: FrameType | None) -> None:
    if not _Asked.deferred:
        raise Interrupted(signum)
    _Asked.signum = signum


def _end_on_second(wakeups: socket.socket) -> None:
    """Python's own handlers wait until compiled code returns; this thread does not."""
    seen = 0
    while data := wakeups.recv(1):
        seen += data[0] in _SIGNALS
        if seen == 2:
            os._exit(128 + data[0])
        if seen and _Asked.deferred:
            os.write(2, b"\nthe state is being saved; the same signal once more ends at once\n")


@contextmanager
def catch_signals() -> Iterator[None]:
    """Turns SIGTERM and SIGINT into `Interrupted`; a second one ends the process at once."""
    before = {number: signal.signal(number, _handle) for number in _SIGNALS}
    wakeups, wake = socket.socketpair()
    wake.setblocking(False)
    before_fd = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    watch = threading.Thread(target=_end_on_second, args=(wakeups,), daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before_fd)
        for number, handler in before.items():
            signal.signal(number, handler)
        wake.close()
        watch.join()
        wakeups.close()


@contextmanager
def defer_signals() -> Iterator[Callable[[], bool]]:
    """Lets a piece of work look for a signal when it can stop, and raises at its end."""
    _Asked.deferred += 1
    try:
        yield lambda: _Asked.signum is not None
    finally:
        _Asked.deferred -= 1
        signum = None
        if not _Asked.deferred:
            signum, _Asked.signum = _Asked.signum, None
    if signum is not None:
        raise Interrupted(signum)
