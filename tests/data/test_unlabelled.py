"""Fingerprints of unknown position: a file of readings alone."""

import gzip

import numpy as np
import pytest

from rsstl_jax.data.readers.table import read_unlabelled
from rsstl_jax.errors import DataError


def test_columns_are_read_by_name_and_packed_files_as_plain_ones(tmp_path):
    with gzip.open(tmp_path / "unlabelled.csv.gz", "wt") as file:
        file.write("hall,kitchen,attic\n-60,100,-70\n100,-40,100\n")
    rss_dbm = read_unlabelled(tmp_path, ("kitchen", "attic", "hall"))
    np.testing.assert_array_equal(rss_dbm, [[np.nan, -70, -60], [-40, np.nan, np.nan]])
    assert rss_dbm.dtype == np.float32


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hall\n-60\n", "line 1: must name the same .*; lacking: kitchen"),
        ("hall,kitchen,a\n-60,100,-1\n", "same access points as the train part; unknown .*: a"),
        ("hall,kitchen,x\n-60,100,1\n", "line 1: column 'x' is no access point of the train part"),
        ("hall,kitchen\n-60,7\n", "column 'kitchen': .* expected in -130...0 dBm, or 100"),
        ("hall;kitchen\n-60;-70\n", "commas are expected: one layout .* as the train part is$"),
        ("hall,kitchen\n", "has a header but no data rows"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    (tmp_path / "unlabelled.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_unlabelled(tmp_path, ("kitchen", "hall"))
