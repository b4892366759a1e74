"""Finding a published file in a dataset's folder: plain, gzipped, in a subfolder or in a zip."""

import gzip
import lzma
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rsstl_jax.errors import DataError, MissingDataError

__all__ = ["DataFile", "find_file"]

UNREADABLE = (
    *(OSError, EOFError, zlib.error, lzma.LZMAError, struct.error, zipfile.BadZipFile),
    # What zipfile raises for a password, an unknown method, and garbage in names and sizes.
    *(RuntimeError, ValueError, OverflowError, MemoryError),
)
"""What a damaged file or archive may raise when it is unpacked."""


@dataclass(frozen=True)
class DataFile:
    """One file where it lies, perhaps as a member of a zip archive.

    Args:
        path: the file, or the archive that holds it.
        member: name inside the archive; empty for a file of its own.

    Example:
        >>> str(DataFile(Path("uji.zip"), "UJIndoorLoc/trainingData.csv"))
        'uji.zip: UJIndoorLoc/trainingData.csv'
    """

    path: Path
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.member}" if self.member else str(self.path)

    def read(self) -> bytes:
        """The file's bytes, unpacked in memory.

        Returns:
            bytes. Contents, after gzip and zip are undone.

        Raises:
            DataError: the file or its archive is damaged or cannot be opened.

        Example:
            >>> DataFile(Path(__file__)).read()[:12]
            b'\"\"\"Finding a'
        """
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
    """Looks for a file as `name` or `name`.gz in the folder, its subfolder and its zip archives.

    Args:
        folder: the dataset's folder.
        name: the file's published name.
        subfolder: where the publisher's archive unpacks to.
        address: where the file can be had, for the message.

    Returns:
        DataFile. The first that is there, in the order above.

    Raises:
        MissingDataError: it is nowhere.
        DataError: an archive is damaged, or holds several files of this name.

    Example:
        >>> find_file(Path(__file__).parent, "files.py").path.name
        'files.py'
    """
    names = (name, name + ".gz")
    for place in dict.fromkeys((folder, folder / subfolder)):
        for candidate in names:
            if (place / candidate).is_file():
                return DataFile(place / candidate)
    for archive in sorted(folder.glob("*.zip")):
        members = _members(archive, names)
        if len(members) > 1:
            raise DataError(f"{archive}: holds {name} more than once: {', '.join(members)}")
        if members:
            return DataFile(archive, members[0])
    raise MissingDataError(folder / name, address=address)


def _members(archive: Path, names: tuple[str, ...]) -> list[str]:
    try:
        with zipfile.ZipFile(archive) as opened:
            return [m for m in opened.namelist() if PurePosixPath(m).name in names]
    except UNREADABLE as error:
        raise DataError(f"{archive}: is not a readable zip archive ({error})") from error
