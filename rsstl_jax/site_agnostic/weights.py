"""Trained site-agnostic networks on disk: their parameters, and the card that names them."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from rsstl_jax.config.retired import renew
from rsstl_jax.data import CARDS
from rsstl_jax.errors import DamagedError
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.site_agnostic.at_site import Pretrained
from rsstl_jax.store.files import as_path, read_sealed, write_bytes, write_sealed

PRETRAINED = Path(__file__).parents[1] / "pretrained"
"""Where the package keeps its own: agnostic.npz and agnostic.json."""

FORMAT = 1
_FIELDS = {
    "format": int,
    "settings": dict,
    "sources": list,
    "members": int,
    "parameters_sha256": str,
    "report": dict,
}
# Sizes of version 0.1 that never varied.
_OLD_SIZES = {
    "num_candidates": 64,
    "num_compared": 64,
    "kinds": ["access_points", "neighbours"],
}


def save_pretrained(folder: str | Path, pretrained: Pretrained) -> None:
    """Writes parameters and card; the card comes last."""
    folder = as_path("folder", folder)
    folder.mkdir(parents=True, exist_ok=True)
    trees = {str(number): params for number, params in enumerate(pretrained.members)}
    arrays: dict[str, Any] = flatten_dict(jax.device_get(trees), sep="/")
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_bytes(folder / "agnostic.npz", content.getvalue())
    card = {
        "format": FORMAT,
        "settings": asdict(pretrained.settings),
        "sources": [_describe(source) for source in pretrained.sources],
        "members": len(pretrained.members),
        "parameters_sha256": hashlib.sha256(content.getvalue()).hexdigest(),
        "report": dict(pretrained.report),
    }
    write_sealed(folder / "agnostic.json", card)


def load_pretrained(folder: str | Path = PRETRAINED) -> Pretrained:
    """The ensemble that the package carries, or one that `rsstl agnostic --pretrain` wrote.

    Args:
        folder: holds agnostic.npz and agnostic.json; by default the package's own.

    Returns:
        Pretrained.

    Raises:
        FileNotFoundError: if there is none; the message names the file.
        DamagedError: if a file is not what was written; the message names it.

    Example:
        >>> pretrained = load_pretrained()
        >>> len(pretrained.members), pretrained.sources
        (2, ('uji', 'tampere', 'tut7', 'mall-1', 'mall-2'))
    """
    folder = as_path("folder", folder)
    card_file, file = folder / "agnostic.json", folder / "agnostic.npz"
    for needed in (card_file, file):
        if not needed.exists():
            raise FileNotFoundError(f"{needed} is not there")
    card = read_sealed(card_file, _FIELDS)
    if card["format"] != FORMAT:
        raise DamagedError(f"{card_file}: format is {card['format']}; {FORMAT} is expected")
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != card["parameters_sha256"]:
        raise DamagedError(f"{file} was changed: its checksum is not that of {card_file.name}")
    try:
        settings = AgnosticSettings(**renew_sizes(card["settings"]))
    except (TypeError, ValueError) as error:
        raise DamagedError(f"{card_file}: settings: {error}") from error
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        trees = unflatten_dict(dict(arrays), sep="/")
    members = tuple(jax.tree.map(jnp.asarray, trees[str(n)]) for n in range(card["members"]))
    sources = tuple(source["name"] for source in card["sources"])
    return Pretrained(settings, members, sources, card["report"])


def renew_sizes(sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes of a network, as this version or an earlier one wrote them."""
    return renew(sizes, _OLD_SIZES, {})


def _describe(source: str) -> dict[str, str]:
    """What the data card of a source says of it."""
    facts = ("title", "address", "licence", "citation", "building")
    card = CARDS.get(source)
    return {"name": source} | ({fact: getattr(card, fact) for fact in facts} if card else {})
