"""Writing small files whole or not at all, and knowing them again."""

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = [
    "DamagedError",
    "differences",
    "read_json",
    "read_sealed",
    "shown_name",
    "sync_folder",
    "write_bytes",
    "write_json",
    "write_sealed",
    "write_text",
]


class DamagedError(ValueError):
    """A file that is not what was written, or not what was asked for; the message names it.

    Example:
        >>> raise DamagedError("teachers/card.json was changed: its checksum does not fit")
        Traceback (most recent call last):
        ...
        rsstl_jax.files.DamagedError: teachers/card.json was changed: its checksum does not fit
    """


def sync_folder(folder: str | Path) -> None:
    """Waits until the names in a folder are on the disk.

    Args:
        folder: the folder; on a file system that cannot do it, nothing happens.

    Example:
        >>> sync_folder(".")
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Writes a file under a temporary name and puts it in place when it is on the disk.

    Args:
        path: the file; its folder must exist.
        content: its whole content.

    Raises:
        OSError: if that fails; it names the file, and what was there before is still there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_bytes(Path(folder) / "a.bin", b"hello")
        ...     (Path(folder) / "a.bin").read_bytes()
        b'hello'
    """
    path = Path(path)
    new = path.with_name(path.name + ".new")
    try:
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        # A full disk shows when the bytes go out, and that error knows no name.
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_text(path: str | Path, text: str) -> None:
    """Writes a text file whole or not at all.

    Args:
        path: the file; its folder must exist.
        text: its whole content.

    Raises:
        OSError: as `write_bytes`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_text(Path(folder) / "a.txt", "hello")
        ...     (Path(folder) / "a.txt").read_text()
        'hello'
    """
    write_bytes(path, text.encode())


def write_json(path: str | Path, content: Any) -> None:
    """Writes a JSON file whole or not at all.

    Args:
        path: the file; its folder must exist.
        content: what json can express.

    Raises:
        OSError: as `write_bytes`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_json(Path(folder) / "a.json", {"seeds": (0, 1)})
        ...     json.loads((Path(folder) / "a.json").read_text())
        {'seeds': [0, 1]}
    """
    write_text(path, json.dumps(content, indent=1) + "\n")


def read_json(path: str | Path) -> dict[str, Any]:
    """Reads a JSON file that holds one object.

    Args:
        path: the file.

    Returns:
        Its content.

    Raises:
        DamagedError: if it is not JSON, or no object.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_json(Path(folder) / "a.json", {"seeds": [0]})
        ...     read_json(Path(folder) / "a.json")
        {'seeds': [0]}
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path} is not the JSON that was written: {error}") from error
    if not isinstance(content, dict):
        raise DamagedError(f"{path} is not the JSON that was written: it holds no object")
    return content


def _seal(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_sealed(path: str | Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON object with its own checksum in it, as the field "sha256".

    Args:
        path: the file; its folder must exist.
        content: what json can express, without that field.

    Raises:
        OSError: as `write_bytes`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_sealed(Path(folder) / "card.json", {"width": 3})
        ...     read_sealed(Path(folder) / "card.json")
        {'width': 3}
    """
    content = json.loads(json.dumps(content))
    write_json(path, {**content, "sha256": _seal(content)})


def read_sealed(path: str | Path) -> dict[str, Any]:
    """Reads what `write_sealed` wrote.

    Args:
        path: the file.

    Returns:
        Its content without the checksum.

    Raises:
        DamagedError: if it is not JSON, has no checksum, or was changed since.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_json(Path(folder) / "a.json", {"width": 3})
        ...     try:
        ...         read_sealed(Path(folder) / "a.json")
        ...     except DamagedError as error:
        ...         print(str(error).removeprefix(folder))
        /a.json has no checksum: it was made by hand or by an earlier version
    """
    content = read_json(path)
    if "sha256" not in content:
        raise DamagedError(f"{path} has no checksum: it was made by hand or by an earlier version")
    if content.pop("sha256") != _seal(content):
        raise DamagedError(f"{path} was changed: its checksum does not fit")
    return content


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What differs between a card on disk and the one asked for, in words.

    Args:
        found: fields on disk.
        wanted: fields asked for.

    Returns:
        A phrase for each field that differs, by name.

    Example:
        >>> differences({"network": "dnn", "seed": 1}, {"network": "baat", "seed": 1})
        ["network was 'dnn' and is 'baat'"]
    """
    shown = lambda fields, name: repr(fields[name]) if name in fields else "absent"  # noqa: E731
    return [
        f"{shown_name(name)} was {shown(found, name)} and is {shown(wanted, name)}"
        for name in sorted(found.keys() | wanted.keys())
        if name not in found or name not in wanted or found[name] != wanted[name]
    ]


def shown_name(name: str) -> str:
    """A field's name as a message shows it: as it is, or quoted where it would not print.

    Args:
        name: as it stands in a file or on the command line.

    Returns:
        One line.

    Example:
        >>> shown_name("seed"), shown_name("a\\x85")
        ('seed', "'a\\\\x85'")
    """
    return name if name and name.isprintable() else repr(name)
