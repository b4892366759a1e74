"""Lines of progress on stderr: what a command does, said before it takes its time."""

import logging
import sys

from absl import logging as absl_logging

from rsstl_jax.store.processes import is_first


def announce(text: str) -> None:
    if is_first():
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
        # absl would print them a second time.
        absl_logging.get_absl_handler().setLevel(logging.WARNING)


def announce_sites(*names: str) -> None:
    """Says which sites are read; one of the texts may hold several names, as a,b."""
    announce(f"reading {', '.join(name.strip() for name in ','.join(names).split(','))}")
