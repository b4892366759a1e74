"""The target's fingerprints as the configuration cuts them."""

from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict
from numpy.typing import NDArray

from rsstl_jax.config.rules import name_list, name_text
from rsstl_jax.data.load import load_radio_map, load_site, load_unlabelled
from rsstl_jax.data.readers.columns import MAX_SHOWN
from rsstl_jax.data.site import Fingerprints
from rsstl_jax.data.splits import grouped_validation_split, target_fraction, target_rest
from rsstl_jax.errors import DataError


class TargetParts(NamedTuple):
    """What students are trained on and measured on."""

    train: Fingerprints  # the configured fraction of the train part
    held_out: Fingerprints  # the test part, or the validation part held out of train
    unlabelled_dbm: NDArray[np.float32] | None = None  # [U, A], positions unknown; None: unused


def target_parts(config: ConfigDict) -> TargetParts:
    """Reads the target; the fraction is drawn from what is not held out of train."""
    data, data_dir = config.data, config.data_dir or None
    train, held_out = split_parts(*read_target(config), data)
    fraction, seed = data.fraction, data.fraction_seed
    kept = train if fraction == 1 else target_fraction(train, fraction=fraction, seed=seed)
    if config.distill.num_unlabelled == 0:
        return TargetParts(kept, held_out)
    if data.unlabelled == "rest":
        rest = target_rest(train, fraction=fraction, seed=seed)
        return TargetParts(kept, held_out, rest.rss_dbm)
    unlabelled_dbm = load_unlabelled(config.target, kept.access_points, data_dir=data_dir)
    return TargetParts(kept, held_out, unlabelled_dbm)


def read_target(config: ConfigDict) -> tuple[Fingerprints, Fingerprints | None]:
    """The train part, and the test part where it is measured on: it need not be there else."""
    data_dir = config.data_dir or None
    if config.data.evaluate_on == "validation":
        return load_radio_map(config.target, data_dir=data_dir), None
    site = load_site(config.target, data_dir=data_dir)
    return site.train, site.test


def split_parts(
    train: Fingerprints, test: Fingerprints | None, data: ConfigDict
) -> tuple[Fingerprints, Fingerprints]:
    """What is trained on, without what is held out by phone or month, and what is measured on."""
    for kind, names in held_out_groups(data).items():
        _check_groups(train, kind, names)
    if test is not None:
        return leave_out(train, data), test
    train, validation = grouped_validation_split(
        train, fraction=data.validation_fraction, seed=data.validation_seed
    )
    return leave_out(train, data), validation


def held_out_groups(data: ConfigDict) -> dict[str, tuple[str, ...]]:
    """{"phone" or "month": names of those that are held out}, where there are any."""
    named = {kind: name_list(data[f"held_out_{kind}s"]) for kind in ("phone", "month")}
    return {kind: names for kind, names in named.items() if names}


def leave_out(part: Fingerprints, data: ConfigDict) -> Fingerprints:
    """A part without the phones and months that are held out."""
    kept = np.ones(len(part), bool)
    for kind, names in held_out_groups(data).items():
        kept &= ~np.isin(part.groups()[kind], names)
    if not kept.any():
        raise DataError(
            f"{part.dataset} {part.part}: no fingerprint is left without the phones and months of "
            "data.held_out_phones and data.held_out_months; hold out fewer"
        )
    return part if kept.all() else part.take(kept)


def _check_groups(part: Fingerprints, kind: str, names: tuple[str, ...]) -> None:
    """Refuses phones or months that a part does not have."""
    field, groups = f"data.held_out_{kind}s", part.groups().get(kind)
    if groups is None:
        raise DataError(
            f"{field} is {','.join(names)!r}, and no {kind} of {part.dataset}'s fingerprints is "
            f"known; leave it empty (a table's layout.json names its columns of phones and times)"
        )
    known = np.unique(groups).tolist()
    if unknown := [name for name in names if name not in known]:
        more = f" ... ({len(known)} in all)" if known[MAX_SHOWN:] else ""
        raise DataError(
            f"{field}: {part.dataset} {part.part} has no fingerprint of the {kind} "
            f"{unknown[0]!r}; there are {name_text(known[:MAX_SHOWN])}{more}"
        )
