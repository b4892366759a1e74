"""The package's errors; every message names what is wrong and what would be right."""

import signal
from functools import partial
from os import PathLike
from typing import Any

__all__ = [
    "ConfigError",
    "DamagedError",
    "DataError",
    "DivergedError",
    "LockedError",
    "MissingDataError",
]


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names the field and what would be right.

    Example:
        >>> from rsstl_jax import default_config, validate
        >>> config = default_config()
        >>> config.train.epochs = 0
        >>> validate(config)
        Traceback (most recent call last):
        ...
        rsstl_jax.errors.ConfigError: train.epochs is 0; it must be a whole number of at least 1
    """


class DataError(ValueError):
    """Data that cannot be used; the message names file, line and column, and what would be right.

    Example:
        >>> from rsstl_jax.data import read_scans
        >>> read_scans([{"hall": -61.0}, {"hall": 61.0}], ("hall",))
        Traceback (most recent call last):
        ...
        rsstl_jax.errors.DataError: scan 1, access point 'hall': 61 is outside -130...0 dBm;
        leave out what was not detected, or give None
    """


class MissingDataError(DataError):
    """A file that is not there; the message names it, where it can be had, and what to do.

    Args:
        file: the file that was looked for.
        address: where it can be had; empty if no address is known.
        cause: why it could not be fetched, in one phrase; empty if nothing was tried.

    Example:
        >>> print(MissingDataError("uts/UTS_training.csv", address="https://github.com/..."))
        uts/UTS_training.csv is not there. It can be had from https://github.com/...: put the file
        there, or choose other sites.
    """

    def __init__(self, file: str | PathLike[str], *, address: str = "", cause: str = "") -> None:
        self.file = str(file)
        self.address = address
        self.cause = cause
        absent = f"{file} is not there" + (f" and {cause}" if cause else "")
        origin = f"It can be had from {address}" if address else "No public address is known for it"
        super().__init__(f"{absent}. {origin}: put the file there, or choose other sites.")

    def __reduce__(self) -> tuple[Any, ...]:
        """From its arguments again, and not from its message, as a pool of processes copies it."""
        return partial(type(self), self.file, address=self.address, cause=self.cause), ()


class DamagedError(ValueError):
    """A file that does not hold what was written, or belongs to another run; the message names it.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from rsstl_jax import load_exported
        >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +ELLIPSIS
        ...     for name in ("exported.json", "student.bin"):
        ...         size = Path(folder, name).write_text("{}")
        ...     load_exported(folder)
        Traceback (most recent call last):
        ...
        rsstl_jax.errors.DamagedError: ...exported.json has no checksum: it was made by hand or ...
    """


class LockedError(RuntimeError):
    """A folder in which another process works; the message names both.

    Example:
        >>> import tempfile
        >>> from rsstl_jax.store.lock import locked
        >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +ELLIPSIS
        ...     with locked(folder), locked(folder):
        ...         pass
        Traceback (most recent call last):
        ...
        rsstl_jax.errors.LockedError: ... is in use by process ... on ...
    """


class DivergedError(FloatingPointError):
    """A loss stopped being finite; the message names training, term, epoch and step.

    Example:
        >>> raise DivergedError("seed-0/distilled: similarity is nan in epoch 3, step 7")
        Traceback (most recent call last):
        ...
        rsstl_jax.errors.DivergedError: seed-0/distilled: similarity is nan in epoch 3, step 7
    """


class Interrupted(BaseException):
    """A signal asked the process to end; like KeyboardInterrupt, it is no Exception."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(signum).name}")
        self.signum = signum

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.signum,)


def shown_name(name: str) -> str:
    """A field's name as a message shows it: as it is, or quoted where it would not print."""
    return name if name and name.isprintable() else repr(name)
