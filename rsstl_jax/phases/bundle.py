"""Teacher bundles: one generator and the card that says what it is. No source data in them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from rsstl_jax.config.retired import drop_retired
from rsstl_jax.config.schema import flatten
from rsstl_jax.errors import ConfigError, DamagedError
from rsstl_jax.models import Network
from rsstl_jax.models.generator import Generator
from rsstl_jax.models.registry import model_section
from rsstl_jax.phases.generators import input_width
from rsstl_jax.store.checkpoint import load_checkpoint, save_checkpoint
from rsstl_jax.store.files import differences, json_digest, read_sealed, write_sealed
from rsstl_jax.store.processes import in_first
from rsstl_jax.types import Params

FORMAT = 2

Card = Mapping[str, Any]
"""What tells a bundle from others, by name, as JSON has it."""

Bundle = tuple[Params, dict[str, Any]]
"""(parameters of a generator, its report)."""


def make_card(config: ConfigDict, network: Network, source: str, data_digest: str | None) -> Card:
    """The card of a source's teacher, with every field that bears on phases 0 and 1."""
    sections = ("input.", "augment.", "train.", "teacher.", model_section(config.network))
    # What other teachers the run has, and its controls, do not bear on a surrogate.
    settings = {
        path: value
        for path, value in flatten(config).items()
        if path.startswith(sections) and path != "teacher.noise"
    } | {"teacher.kind": "surrogate"}
    facts = {
        "format": FORMAT,
        "network": config.network,
        "source": source,
        "recipe": config.recipe,
        "settings": settings,
        "data_digest": data_digest,  # of the source's train part
        "frame_width": network.frame_width,
        "extract_width": network.extract_width,
        "extract_activation": network.extract_activation,
        "input_width": input_width(config.teacher),
        "hidden_width": config.teacher.hidden_width,
    }
    card: Card = json.loads(json.dumps(facts))
    return card


def generator_shapes(card: Card) -> Params:
    """Shapes and dtypes of the parameters that a bundle holds."""
    names = ("frame_width", "extract_width", "extract_activation", "hidden_width")
    generator = Generator(*(card[name] for name in names))
    inputs = jax.ShapeDtypeStruct((1, card["input_width"]), jnp.float32)
    return jax.eval_shape(generator.init, jax.random.key(0), inputs)["params"]


@in_first
def save_bundle(folder: Path, card: Card, params: Params, *, report: Mapping[str, Any]) -> None:
    """Writes a bundle; a folder without card.json is not one, so the card comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    card_file = folder / "card.json"
    card_file.unlink(missing_ok=True)
    save_checkpoint(folder / "generator", params, step=0, owner=_owner(card))
    write_sealed(card_file, {**card, "report": dict(report)})


@in_first
def load_bundle(folder: Path, card: Card) -> Bundle | None:
    """A bundle's parameters and report, if its card is the one asked for."""
    if not (folder / "card.json").exists():
        return None
    found = read_sealed(folder / "card.json", {"settings": dict, "report": dict})
    report = found.pop("report")
    wanted = dict(card)
    if card["data_digest"] is None:
        wanted["data_digest"] = found.get("data_digest")
    try:
        words = "; ".join(differences(_flat(found), _flat(wanted)))
    except ConfigError as error:
        words = str(error)
    if words:
        raise DamagedError(f"{folder} holds a teacher of another card: {words}")
    loaded = load_checkpoint(folder / "generator", generator_shapes(card), owner=_owner(found))
    if loaded is None:
        raise DamagedError(f"{folder} holds a card and no parameters: generator is missing")
    return loaded[1], report


def _flat(card: Card) -> dict[str, Any]:
    others = {name: value for name, value in card.items() if name != "settings"}
    return others | drop_retired(card["settings"])


def _owner(card: Card) -> str:
    """Parameters under the card of another bundle are not its own."""
    digest = json_digest(card)[:16]
    return f"the bundle of {card['network']} at {card['source']} with card {digest}"
