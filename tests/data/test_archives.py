"""Files inside archives: damaged ones, and names that occur twice."""

import gzip
import zipfile

import pytest

from rsstl_jax.data.readers import read_table
from rsstl_jax.data.readers.archives import find_file
from rsstl_jax.errors import DataError

GOOD = "AP1,AP2,x,y\n-50,100,1,2\n-51,-52,1,2\n"


def test_damaged_archives_are_named(tmp_path):
    (tmp_path / "train.csv.gz").write_bytes(gzip.compress(GOOD.encode())[:-6])
    (tmp_path / "test.csv").write_text(GOOD)
    with pytest.raises(DataError, match=r"train\.csv\.gz: cannot be unpacked or read"):
        read_table("home", tmp_path)
    (tmp_path / "train.csv.gz").unlink()
    for name in ("a.zip", "b.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("other.csv", GOOD)
    with pytest.raises(DataError, match=r"a\.zip: other\.csv and .*b\.zip: other\.csv are both"):
        find_file(tmp_path, "other.csv")
    for name in ("a.zip", "b.zip"):
        (tmp_path / name).unlink()
    (tmp_path / "published.zip").write_bytes(b"PK not really")
    with pytest.raises(DataError, match=r"published\.zip: is not a readable zip archive"):
        read_table("home", tmp_path)


def test_two_files_of_one_name_in_an_archive_are_an_error(tmp_path):
    with zipfile.ZipFile(tmp_path / "published.zip", "w") as archive:
        for folder in ("old", "new"):
            archive.writestr(f"{folder}/train.csv", GOOD)
    with pytest.raises(
        DataError, match=r"old/train\.csv and .* new/train\.csv are both train\.csv"
    ):
        read_table("home", tmp_path)
