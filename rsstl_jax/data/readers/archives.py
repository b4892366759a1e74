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
    for parent in dict.fromkeys((folder, folder / subfolder)):
        present = [parent / candidate for candidate in names if (parent / candidate).is_file()]
        for other in present[1:]:
            _log.warning("%s is there, too, and is not read; %s is", other, present[0].name)
        if present:
            _warn_of_packed(present[0], folder, names)
            return DataFile(present[0])
    found: list[DataFile] = []
    for archive in sorted(folder.glob("*.zip")):
        try:
            with zipfile.ZipFile(archive) as opened:
                members = [m for m in opened.namelist() if PurePosixPath(m).name in names]
        except UNREADABLE as error:
            raise DataError(f"{archive}: is not a readable zip archive ({error})") from error
        if len(members) > 1:
            raise DataError(f"{archive}: holds {name} more than once: {', '.join(members)}")
        found += [DataFile(archive, member) for member in members]
    if len(found) > 1:
        raise DataError(f"{found[0]} and {found[1]} are both {name}; keep one of them")
    if found:
        return found[0]
    raise MissingDataError(folder / name, address=address)


def _warn_of_packed(present: Path, folder: Path, names: tuple[str, ...]) -> None:
    """Says that an archive beside a file holds another one of its name, which is not read."""
    for archive in sorted(folder.glob("*.zip")):
        # One that cannot be opened is not read either.
        with suppress(*UNREADABLE, DataError), zipfile.ZipFile(archive) as opened:
            members = [m for m in opened.namelist() if PurePosixPath(m).name in names]
            held = DataFile(present).read() if members else b""
            for member in members:
                if DataFile(archive, member).read() != held:
                    _log.warning(
                        "%s holds %s, too, which is not read; %s is", archive, member, present
                    )
