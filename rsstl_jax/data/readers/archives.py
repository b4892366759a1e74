"""Finds a published file in a dataset's folder: plain, gzipped, in a subfolder or in a zip."""

import gzip
import logging
import lzma
import struct
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rsstl_jax.errors import DataError, MissingDataError

UNREADABLE = (
    *(OSError, EOFError, zlib.error, lzma.LZMAError, struct.error, zipfile.BadZipFile),
    # What zipfile raises for a password, an unknown method, and garbage in names and sizes.
    *(RuntimeError, ValueError, OverflowError, MemoryError),
)
"""What a damaged file or archive may raise when it is unpacked."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DataFile:
    """One file where it lies, perhaps as a member of a zip archive."""

    path: Path  # the file, or the archive that holds it
    member: str = ""  # name inside the archive; empty for a plain file

    def __str__(self) -> str:
        return f"{self.path}: {self.member}" if self.member else str(self.path)

    def read(self) -> bytes:
        """The file's bytes, unpacked in memory."""
        try:
            if self.member:
                with zipfile.ZipFile(self.path) as archive:
                    stored = archive.read(self.member)
            else:
                stored = self.path.read_bytes()
            return gzip.decompress(stored) if str(self).endswith(".gz") else stored
        except UNREADABLE as error:
            raise DataError(f"{self}: cannot be unpacked or read ({error})") from error


def find_file(folder: Path, name: str, *, subfolder: str = "", address: str = "") -> DataFile:
    """The file `name` or `name`.gz in the folder, else in its subfolder, else in a zip archive."""
    names = (name, name + ".gz")
    parents = dict.fromkeys((folder, folder / subfolder))
    plain = [DataFile(p / n) for p in parents for n in names if (p / n).is_file()]
    packed: list[DataFile] = []
    for archive in sorted(folder.glob("*.zip")):
        try:
            with zipfile.ZipFile(archive) as opened:
                members = [m for m in opened.namelist() if PurePosixPath(m).name in names]
        except UNREADABLE as error:
            if plain:
                continue
            raise DataError(f"{archive}: is not a readable zip archive ({error})") from error
        packed += [DataFile(archive, member) for member in members]
    if not (plain or packed):
        raise MissingDataError(folder / name, address=address)
    if not plain and len(packed) > 1:
        raise DataError(f"{packed[0]} and {packed[1]} are both {name}; keep one of them")
    first, *others = [*plain, *packed]
    for other in others:
        is_same = False
        with suppress(DataError):  # One that cannot be read is another one.
            is_same = other.read() == first.read()
        if not is_same:
            _log.warning("%s is there, too, and is not read; %s is", other, first)
    return first
