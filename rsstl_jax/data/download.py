"""Fetches a dataset into the cache: verified first, then put in place whole, or not at all."""

import hashlib
import logging
import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests

from rsstl_jax.data.cards import DataCard, PublishedFile
from rsstl_jax.data.readers.archives import find_file
from rsstl_jax.errors import DataError, MissingDataError

TIMEOUT_S = 60

_log = logging.getLogger(__name__)


def download_dataset(card: DataCard, folder: Path) -> None:
    """Fetches the files of a dataset that the folder lacks; each is verified, then put in place."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in card.downloads:
        if not (folder / file.name).exists():
            _download_file(card, file, folder)


def verify_digest(data: bytes, digest: str) -> bool:
    """Whether bytes have a digest, as `PublishedFile` writes it; every byte has an unknown one."""
    kind, _, expected = digest.partition(":")
    if kind == "sha256":
        return hashlib.sha256(data).hexdigest() == expected
    if kind == "git":
        # Git's own naming of blobs, not a defence against an attacker
        head = b"blob %d\0" % len(data)
        return hashlib.sha1(head + data, usedforsecurity=False).hexdigest() == expected
    if digest:
        raise ValueError(f"digest {digest!r} must start with 'sha256:' or 'git:'")
    return True


def _download_file(card: DataCard, file: PublishedFile, folder: Path) -> None:
    causes = []
    for url in file.urls:
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as scratch:
            path = Path(scratch, file.name)
            try:
                _log.info("downloading %s", url)
                pooch.HTTPDownloader(timeout=TIMEOUT_S)(url, str(path), None)
                _verify(path, card, file)
            except requests.ConnectionError:
                causes.append(f"no connection to {urlsplit(url).netloc}")
                continue
            except (DataError, requests.RequestException, OSError) as error:
                causes.append(f"{urlsplit(url).netloc}: {error}")
                continue
            os.replace(path, folder / file.name)
            return
    raise MissingDataError(
        folder / file.name, address=card.address, cause=f"its download failed ({'; '.join(causes)})"
    )


def _verify(path: Path, card: DataCard, file: PublishedFile) -> None:
    if not verify_digest(path.read_bytes(), file.digest):
        raise DataError(f"what came is not the published file, whose digest is {file.digest}")
    if path.suffix != ".zip":
        return
    for name, digest in card.contents.items():
        if not verify_digest(find_file(path.parent, name).read(), digest):
            raise DataError(f"{name} inside it does not have digest {digest}")
