"""What a student learns from and what it is measured on, as the configuration cuts it."""

from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict
from numpy.typing import NDArray

from rsstl_jax.data.load import load_site, load_unlabelled
from rsstl_jax.data.site import Fingerprints
from rsstl_jax.data.splits import grouped_validation_split, target_fraction, target_rest

__all__ = ["TargetParts", "target_parts"]


class TargetParts(NamedTuple):
    """What a student learns from and what it is measured on."""

    train: Fingerprints  # the share of the train part that is used
    held_out: Fingerprints  # the test part, or the validation part held out of train
    # float32[U, A]: Readings of fingerprints whose places are unknown: what the share leaves of
    # the train part, or the target's unlabelled.csv
    unlabelled_dbm: NDArray[np.float32] | None = None


def target_parts(config: ConfigDict) -> TargetParts:
    """Reads the target and cuts it as the configuration says."""
    site = load_site(config.target, data_dir=config.data_dir or None)
    train, held_out = site.train, site.test
    if config.data.evaluate_on == "validation":
        train, held_out = grouped_validation_split(
            train, fraction=config.data.validation_fraction, seed=config.data.validation_seed
        )
    share, seed = config.data.fraction, config.data.fraction_seed
    kept = train if share == 1 else target_fraction(train, fraction=share, seed=seed)
    if config.distill.num_unlabelled == 0:
        return TargetParts(kept, held_out)
    if config.data.unlabelled == "rest":
        rest = target_rest(train, fraction=share, seed=seed)
        return TargetParts(kept, held_out, rest.rss_dbm)
    of_file = load_unlabelled(config.target, kept.access_points, data_dir=config.data_dir or None)
    return TargetParts(kept, held_out, of_file)
