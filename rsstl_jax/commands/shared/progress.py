"""Lines of progress on stderr: what a command does, said before it takes its time."""

import logging
import sys


def announce(text: str) -> None:
    print(f"{text} ...", file=sys.stderr, flush=True)


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


def announce_sites(*names: str) -> None:
    """Says which sites are read; one of the texts may hold several names, as a,b."""
    announce(f"reading {', '.join(name.strip() for name in ','.join(names).split(','))}")
