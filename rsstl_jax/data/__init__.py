"""From published files to fingerprints (`load_site`), and from those to a network's input."""

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
