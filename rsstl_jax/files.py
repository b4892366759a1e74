"""Writing small files whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any

__all__ = ["write_json", "write_text"]


def write_text(path: str | Path, text: str) -> None:
    """Writes a text file under a temporary name and puts it in place when it is on the disk.

    Args:
        path: the file; its folder must exist.
        text: its whole content.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_text(Path(folder) / "a.txt", "hello")
        ...     (Path(folder) / "a.txt").read_text()
        'hello'
    """
    path = Path(path)
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def write_json(path: str | Path, content: Any) -> None:
    """Writes a JSON file whole or not at all.

    Args:
        path: the file; its folder must exist.
        content: what json can express.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_json(Path(folder) / "a.json", {"seeds": (0, 1)})
        ...     json.loads((Path(folder) / "a.json").read_text())
        {'seeds': [0, 1]}
    """
    write_text(path, json.dumps(content, indent=1) + "\n")
