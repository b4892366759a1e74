"""From published files to fingerprints, and from fingerprints to a network's input.

`load_site` reads a dataset by name, `load_radio_map` its train part alone, `read_radio_map` that
part from a file, `read_traces` makes a site of walks, `read_mat` one of a .mat file of the field's
collection; a `Layout` says how tables are written. `fit_preprocessor` and `encode_rss` prepare the
input; `augment_rss` varies it; `grouped_validation_split` and `target_fraction` choose
fingerprints; `read_scans` reads what receivers report. Errors are those of
`rsstl_jax.errors`.
"""

from rsstl_jax.data.augment import augment_rss
from rsstl_jax.data.buildings import check_sources
from rsstl_jax.data.cards import CARDS, DataCard
from rsstl_jax.data.load import load_radio_map, load_site, load_unlabelled
from rsstl_jax.data.preprocess import ENCODINGS, Preprocessor, encode_rss, fit_preprocessor
from rsstl_jax.data.readers.layout import Layout
from rsstl_jax.data.readers.mat_collection import read_mat
from rsstl_jax.data.readers.table import read_radio_map, read_table, write_table
from rsstl_jax.data.readers.walks import read_traces
from rsstl_jax.data.scans import read_scans
from rsstl_jax.data.site import Fingerprints, Site
from rsstl_jax.data.splits import grouped_validation_split, target_fraction
from rsstl_jax.data.synthetic import SYNTHETIC_SITES, make_synthetic_site

__all__ = [
    "CARDS",
    "ENCODINGS",
    "SYNTHETIC_SITES",
    "DataCard",
    "Fingerprints",
    "Layout",
    "Preprocessor",
    "Site",
    "augment_rss",
    "check_sources",
    "encode_rss",
    "fit_preprocessor",
    "grouped_validation_split",
    "load_radio_map",
    "load_site",
    "load_unlabelled",
    "make_synthetic_site",
    "read_mat",
    "read_radio_map",
    "read_scans",
    "read_table",
    "read_traces",
    "target_fraction",
    "write_table",
]
