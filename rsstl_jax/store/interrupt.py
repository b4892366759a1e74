"""SIGTERM and SIGINT end a run at once, or after the state that is being saved."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rsstl_jax.errors import Interrupted

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _Pending:
    """What the handler and the training share."""

    num_deferring = 0  # blocks of `defer_signals` that are open
    signum: int | None = None  # a signal that one of them defers


def _handle(signum: int, _: FrameType | None) -> None:
    if _Pending.num_deferring:
        _Pending.signum = signum
        return
    if getattr(getattr(sys.modules.get("jax"), "__spec__", None), "_initializing", False):
        # An exception while JAX's C++ modules load would abort with a traceback of theirs.
        os.write(2, f"{Interrupted(signum)}\n".encode())
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
    raise Interrupted(signum)


def _end_on_second(wakeups: socket.socket) -> None:
    """A thread, because Python's handlers wait until compiled code returns."""
    num_signals = 0
    while data := wakeups.recv(1):
        num_signals += data[0] in _SIGNALS
        if num_signals == 2:
            os._exit(128 + data[0])
        if num_signals and _Pending.num_deferring:
            os.write(2, b"\nending at the next safe moment; the same signal again ends at once\n")


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
    """Defers a signal to the end of a block; the function it gets says whether one came."""
    _Pending.num_deferring += 1
    try:
        yield lambda: _Pending.signum is not None
    finally:
        _Pending.num_deferring -= 1
        signum = None
        if not _Pending.num_deferring:
            signum, _Pending.signum = _Pending.signum, None
    if signum is not None:
        raise Interrupted(signum)
