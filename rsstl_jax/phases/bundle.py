"""Teacher bundles: one generator and the card that says what it is. No source data in them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from rsstl_jax.config.retired import drop_retired
from rsstl_jax.engine.student_card import read_card
from rsstl_jax.errors import ConfigError, DamagedError
from rsstl_jax.models.generator import Generator
from rsstl_jax.store.checkpoint import load_checkpoint, save_checkpoint
from rsstl_jax.store.files import differences, read_json, write_sealed
from rsstl_jax.store.processes import in_first
from rsstl_jax.types import Params

FORMAT = 2


@dataclass(frozen=True)
class BundleCard:
    """What a teacher bundle is, as its card.json says."""

    network: str  # architecture of the source network
    source: str  # name of the source dataset
    recipe: str  # recipe of the run that made it
    # every configuration field that bears on phases 0 and 1, by dotted name
    settings: Mapping[str, Any]
    data_digest: str | None  # SHA-256 over the source's train part
    frame_width: int  # F
    extract_width: int  # D
    extract_activation: str  # what the extractor ends in
    input_width: int  # width of the generator's input
    hidden_width: int  # units of its middle layer

    def facts(self) -> dict[str, Any]:
        """What tells this bundle from others, as JSON gives it back, by name."""
        return json.loads(json.dumps({"format": FORMAT, **asdict(self)}))

    def generator(self) -> Generator:
        """The module whose parameters the bundle holds."""
        return Generator(
            self.frame_width, self.extract_width, self.extract_activation, self.hidden_width
        )


@in_first
def save_bundle(
    folder: str | Path, card: BundleCard, params: Params, *, report: Mapping[str, Any]
) -> None:
    """Writes a bundle; a folder without card.json is not one, so the card comes last."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    card_file = folder / "card.json"
    card_file.unlink(missing_ok=True)
    facts = card.facts()
    save_checkpoint(folder / "generator", params, step=0, owner=_owner(facts))
    write_sealed(card_file, {**facts, "report": dict(report)})


@in_first
def load_bundle(folder: str | Path, card: BundleCard) -> tuple[Params, dict[str, Any]] | None:
    """A bundle's parameters and report, if its card is the one asked for."""
    card_file = Path(folder) / "card.json"
    if not card_file.exists():
        return None
    version = read_json(card_file).get("format")
    if version != FORMAT:
        raise DamagedError(
            f"{folder} holds a teacher of another card: format was {version!r} and is {FORMAT}"
        )
    found = read_card(card_file, {"settings": dict, "report": dict})
    report = found.pop("report")
    wanted = card.facts()
    if card.data_digest is None:
        wanted["data_digest"] = found.get("data_digest")
    try:
        changed = differences(_flat(found), _flat(wanted))
    except ConfigError as error:
        raise DamagedError(f"{folder} holds a teacher of another card: {error}") from error
    if changed:
        raise DamagedError(f"{folder} holds a teacher of another card: {'; '.join(changed)}")
    shapes = jax.eval_shape(
        card.generator().init,
        jax.random.key(0),
        jax.ShapeDtypeStruct((1, card.input_width), jnp.float32),
    )["params"]
    loaded = load_checkpoint(Path(folder) / "generator", shapes, owner=_owner(found))
    if loaded is None:
        raise DamagedError(f"{folder} holds a card and no parameters: generator is missing")
    return loaded[1], report


def _flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    settings = drop_retired(facts.get("settings", {}))
    return {name: value for name, value in facts.items() if name != "settings"} | settings


def _owner(facts: Mapping[str, Any]) -> str:
    """Parameters under the card of another bundle are not its own."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return f"the bundle of {facts['network']} at {facts['source']} with card {digest[:16]}"
