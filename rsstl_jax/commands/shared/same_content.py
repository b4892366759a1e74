"""What the processes of a run read must be the same."""

import hashlib
from pathlib import Path

from rsstl_jax.store.processes import are_several, check_equal


def check_same_content(flag: str, path: str | Path) -> None:
    """Refuses processes in which a file, or the files of a folder, hold something else."""
    if are_several():
        check_equal({f"the content of {flag}": _digest(Path(path))})


def _digest(path: Path) -> str:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    total = hashlib.sha256()
    for file in files:
        if file.is_file():
            total.update(f"{file.relative_to(path)}\n".encode())
            with file.open("rb") as content:
                total.update(hashlib.file_digest(content, "sha256").digest())
    return total.hexdigest()
