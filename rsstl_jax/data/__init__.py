"""From published files to fingerprints, and from fingerprints to a network's input.

`load_site` reads, `read_traces` makes fingerprints of walks; `fit_preprocessor` and `encode_rss`
prepare; `augment_rss` varies; `grouped_validation_split` and `target_fraction` choose rows.
"""

from rsstl_jax.data.augment import augment_rss
from rsstl_jax.data.buildings import building_of, check_sources
from rsstl_jax.data.cards import CARDS, DataCard, PublishedFile, check_card
from rsstl_jax.data.download import download_dataset
from rsstl_jax.data.load import load_site, load_unlabelled, resolve_data_dir
from rsstl_jax.data.preprocess import ENCODINGS, Preprocessor, encode_rss, fit_preprocessor
from rsstl_jax.data.readers import READERS, read_site, read_table, read_tampere, read_uji, read_uts
from rsstl_jax.data.readers.walks import read_traces, write_table
from rsstl_jax.data.scans import pad_rows, scans_to_rss_dbm
from rsstl_jax.data.site import Fingerprints, Site
from rsstl_jax.data.splits import grouped_validation_split, target_fraction, target_rest
from rsstl_jax.data.synthetic import SYNTHETIC_SITES, Building, make_synthetic_site, survey_building
from rsstl_jax.errors import DataError, MissingDataError

__all__ = [
    "CARDS",
    "ENCODINGS",
    "READERS",
    "SYNTHETIC_SITES",
    "Building",
    "DataCard",
    "DataError",
    "Fingerprints",
    "MissingDataError",
    "Preprocessor",
    "PublishedFile",
    "Site",
    "augment_rss",
    "building_of",
    "check_card",
    "check_sources",
    "download_dataset",
    "encode_rss",
    "fit_preprocessor",
    "grouped_validation_split",
    "load_site",
    "load_unlabelled",
    "make_synthetic_site",
    "pad_rows",
    "read_site",
    "read_table",
    "read_tampere",
    "read_traces",
    "read_uji",
    "read_uts",
    "resolve_data_dir",
    "scans_to_rss_dbm",
    "survey_building",
    "target_fraction",
    "target_rest",
    "write_table",
]
