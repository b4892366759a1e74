"""The target's fingerprints as the configuration cuts them."""

from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict
from numpy.typing import NDArray

from rsstl_jax.data.load import load_site, load_unlabelled
from rsstl_jax.data.site import Fingerprints
from rsstl_jax.data.splits import grouped_validation_split, target_fraction, target_rest


class TargetParts(NamedTuple):
    """What students are trained on and measured on."""

    train: Fingerprints  # the configured fraction of the train part
    held_out: Fingerprints  # the test part, or the validation part held out of train
    unlabelled_dbm: NDArray[np.float32] | None = None  # [U, A], positions unknown; None: unused


def target_parts(config: ConfigDict) -> TargetParts:
    """Reads the target; the fraction is drawn from what a validation part leaves of train."""
    data, data_dir = config.data, config.data_dir or None
    site = load_site(config.target, data_dir=data_dir)
    train, held_out = site.train, site.test
    if data.evaluate_on == "validation":
        train, held_out = grouped_validation_split(
            train, fraction=data.validation_fraction, seed=data.validation_seed
        )
    fraction, seed = data.fraction, data.fraction_seed
    kept = train if fraction == 1 else target_fraction(train, fraction=fraction, seed=seed)
    if config.distill.num_unlabelled == 0:
        return TargetParts(kept, held_out)
    if data.unlabelled == "rest":
        rest = target_rest(train, fraction=fraction, seed=seed)
        return TargetParts(kept, held_out, rest.rss_dbm)
    unlabelled_dbm = load_unlabelled(config.target, kept.access_points, data_dir=data_dir)
    return TargetParts(kept, held_out, unlabelled_dbm)
