"""Small files: written whole or not at all, and checked when they are read."""

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from rsstl_jax.errors import ConfigError, DamagedError, DataError, shown_name


def as_path(name: str, path: str | os.PathLike[str]) -> Path:
    """A path as it is meant, with the home folder for ~; an error names what is none."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name} is {path!r}; a path is expected")
    if path == "":
        raise ConfigError(f"{name} is empty; a path is expected, such as . for the current folder")
    return Path(os.path.expanduser(path))


@contextmanager
def naming(path: str | Path, alias: str | Path | None = None) -> Iterator[None]:
    """Puts a path into the errors of the system that name none, or its alias."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(alias)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def sync_folder(folder: str | Path) -> None:
    """Waits until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


@contextmanager
def writing(path: str | Path, mode: str = "wb", **options: Any) -> Iterator[IO[Any]]:
    """A file with a temporary name, which is renamed when all of it is on the disk."""
    path = Path(path)
    if path.exists() and not path.is_file():  # A device or a pipe keeps its name.
        with naming(path), path.open(mode, **options) as file:
            yield file
        return
    target = Path(os.path.realpath(path))  # A link stays, and what it names is replaced.
    if not target.parent.exists():
        raise OSError(errno.ENOENT, "its folder is not there; make it first", str(path))
    # Another process that writes the same file has a temporary name of its own.
    new = target.with_name(f"{target.name}.{os.urandom(4).hex()}.new")
    try:
        with naming(path, new):
            with new.open(mode, **options) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            new.replace(target)
        sync_folder(target.parent)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def write_bytes(path: str | Path, content: bytes) -> None:
    """Writes a file under a temporary name and renames it when it is on the disk."""
    with writing(path) as file:
        file.write(content)


def parse_json(text: str) -> Any:
    """What a JSON text holds; a key that an object has twice is refused."""
    return json.loads(text, object_pairs_hook=_unique_pairs)


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{twice!r} is named twice in one object; name it once")
    return content


def write_text(path: str | Path, text: str) -> None:
    """Writes a text file whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, content: Any) -> None:
    """Writes a JSON file whole or not at all."""
    write_text(path, json.dumps(content, indent=1) + "\n")


_MADE_ANEW = "; remove it and run the command that made it once more"


def read_json(path: str | Path, *, advice: str = _MADE_ANEW) -> dict[str, Any]:
    """Reads a JSON file that holds one object."""
    try:
        with naming(path):
            content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path} is not the JSON that was written: {error}{advice}") from error
    if not isinstance(content, dict):
        raise DamagedError(f"{path} is not the JSON that was written: it holds no object{advice}")
    return content


def write_lines(path: str | Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Writes records as JSON lines without spaces, for they hold thousands of numbers."""
    write_text(path, "".join(json.dumps(r, separators=(",", ":")) + "\n" for r in records))


def read_lines(content: bytes, path: str | Path) -> list[dict[str, Any]]:
    """The objects of JSON lines; DamagedError names the file and the line."""
    records = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DamagedError(f"{path}, line {number}: {error}") from error
        if not isinstance(record, dict):
            raise DamagedError(f"{path}, line {number}: a JSON object is expected")
        records.append(record)
    if not records:
        raise DamagedError(f"{path} is empty")
    return records


def json_digest(content: Mapping[str, Any]) -> str:
    """The SHA-256 of a JSON object, whatever the order of its fields."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_sealed(path: str | Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON object with its own checksum in it, as the field "sha256"."""
    content = json.loads(json.dumps(content))
    write_json(path, {**content, "sha256": json_digest(content)})


def read_sealed(path: str | Path, fields: Mapping[str, type] | None = None) -> dict[str, Any]:
    """Reads what `write_sealed` wrote, with the fields that the reader needs."""
    content = read_json(path, advice="")
    if "sha256" not in content:
        raise DamagedError(f"{path} has no checksum: it was made by hand or by an earlier version")
    if content.pop("sha256") != json_digest(content):
        raise DamagedError(f"{path} was changed: its checksum does not fit")
    for name, kind in (fields or {}).items():
        if not isinstance(content.get(name), kind):
            found = repr(content[name]) if name in content else "missing"
            raise DamagedError(f"{path}: {name} is {found}; {kind.__name__} is expected")
    return content


def shortened(differing: list[str], *, first: tuple[str, ...] = (), most: int = 5) -> str:
    """What `differences` found in one line: some fields first, then so many, then a count."""
    order = {name: number for number, name in enumerate(first)}
    ranked = sorted(differing, key=lambda words: order.get(words.partition(" ")[0], len(order)))
    shown = most + sum(words.partition(" ")[0] in order for words in differing)
    more = [f"and {len(ranked) - shown} more"] if len(ranked) > shown else []
    return "; ".join([*ranked[:shown], *more])


def differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What differs between the fields on disk and those that are wanted, in words."""
    shown = lambda fields, name: repr(fields[name]) if name in fields else "absent"  # noqa: E731
    return [
        f"{shown_name(name)} was {shown(stored, name)} and is {shown(wanted, name)}"
        for name in sorted(stored.keys() | wanted.keys())
        if name not in stored or name not in wanted or stored[name] != wanted[name]
    ]
