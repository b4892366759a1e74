"""Trained site-agnostic networks on disk: their parameters, and the card that names them."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rsstl_jax.config.retired import renew
from rsstl_jax.data import CARDS
from rsstl_jax.engine.student_card import read_card
from rsstl_jax.errors import ConfigError, DamagedError
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.site_agnostic.at_site import Pretrained
from rsstl_jax.site_agnostic.training import init_agnostic
from rsstl_jax.store.files import as_path, write_bytes, write_sealed
from rsstl_jax.types import Params

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
    arrays: Any = {
        f"{number}/{_path(path)}": np.asarray(leaf)
        for number, params in enumerate(pretrained.members)
        for path, leaf in jax.tree.leaves_with_path(params)
    }
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
    card = read_card(card_file, _FIELDS)
    if card["format"] != FORMAT:
        raise DamagedError(f"{card_file}: format is {card['format']}; {FORMAT} is expected")
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != card["parameters_sha256"]:
        raise DamagedError(f"{file} was changed: its checksum is not that of {card_file.name}")
    try:
        settings = AgnosticSettings(**renew_sizes(card["settings"]))
        sources = tuple(source["name"] for source in card["sources"])
    except ConfigError as error:
        raise DamagedError(f"{card_file}: settings: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{card_file} does not fit {file.name}: {error}") from error
    shapes = jax.eval_shape(lambda: init_agnostic(settings, jax.random.key(0)))
    # Only what reads the file stands in here: an error of JAX is none of the file.
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            read = [_read_member(shapes, arrays, number) for number in range(card["members"])]
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise DamagedError(f"{card_file} does not fit {file.name}: {error}") from error
    members = tuple(jax.tree.map(jnp.asarray, read))
    return Pretrained(settings, members, sources, card["report"])


def renew_sizes(sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes of a network, as this version or an earlier one wrote them."""
    return renew(sizes, _OLD_SIZES, {})


def _read_member(shapes: Params, arrays: Mapping[str, np.ndarray], number: int) -> Params:
    def read(path: Any, like: jax.ShapeDtypeStruct) -> np.ndarray:
        name = f"{number}/{_path(path)}"
        if arrays[name].shape != like.shape:
            raise ValueError(f"{name} has shape {arrays[name].shape}; {like.shape} is expected")
        return arrays[name].astype(like.dtype)

    return jax.tree.map_with_path(read, shapes)


def _path(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _describe(source: str) -> dict[str, str]:
    """What the data card of a source says of it."""
    facts = ("title", "address", "licence", "citation", "building")
    card = CARDS.get(source)
    return {"name": source} | ({fact: getattr(card, fact) for fact in facts} if card else {})
