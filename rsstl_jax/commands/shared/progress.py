"""Lines of progress on stderr: what a command does, said before it takes its time."""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from absl import logging as absl_logging
from tqdm import tqdm

from rsstl_jax.store.processes import is_first

SILENCE_S = 3.0
_begun_s: list[float] = []  # when the work that was announced last began; empty: it waits for input


def announce(text: str, *, waits: bool = False) -> None:
    """Says what begins; `waits`: for input, so that silence is no sign of work."""
    if is_first():
        print(f"{text} ...", file=sys.stderr, flush=True)
        _begun_s[:] = [] if waits else [time.monotonic()]


@contextmanager
def signs_of_life() -> Iterator[None]:
    """Says every three seconds how long the present work has taken, as while XLA compiles."""
    ended = threading.Event()

    def speak() -> None:
        while not ended.wait(SILENCE_S):
            with tqdm.get_lock():
                # One that is being made has no start yet.
                known = tqdm._instances  # type: ignore[attr-defined]
                bars = [bar for bar in known if hasattr(bar, "start_t")]
            now_s = time.monotonic()
            for bar in bars:
                bar.refresh()
                _begun_s[:] = [now_s]  # What follows a bar begins where it ends.
            for begun_s in [] if bars else _begun_s:
                print(f"  {now_s - begun_s:.0f} s", file=sys.stderr, flush=True)

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        ended.set()
        speaker.join()


class _Announcer(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.INFO:
            announce(record.getMessage())


def announce_what_is_logged() -> None:
    """What the package logs at the level of information becomes lines of progress."""
    logger = logging.getLogger("rsstl_jax")
    logger.setLevel(logging.INFO)
    if not any(isinstance(handler, _Announcer) for handler in logger.handlers):
        logger.addHandler(_Announcer())
        # absl would print them a second time.
        absl_logging.get_absl_handler().setLevel(logging.WARNING)


def announce_sites(*names: str) -> None:
    """Says which sites are read; one of the texts may hold several names, as a,b."""
    announce(f"reading {', '.join(name.strip() for name in ','.join(names).split(','))}")
