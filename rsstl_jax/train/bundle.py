"""Teacher bundles: one generator and the card that says what it is. No source data in them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from rsstl_jax.files import write_json
from rsstl_jax.models import Generator
from rsstl_jax.train.card import read_card
from rsstl_jax.train.checkpoint import load_checkpoint, save_checkpoint
from rsstl_jax.types import Params

__all__ = ["BundleCard", "load_bundle", "save_bundle"]

FORMAT = 1


@dataclass(frozen=True)
class BundleCard:
    """What a teacher bundle is, as its card.json says.

    Args:
        network: architecture of the source network.
        source: name of the source dataset.
        recipe: recipe of the run that made it.
        settings: every configuration field that bears on phases 0 and 1, by dotted name.
        data_digest: SHA-256 over the source's train part; None asks for a bundle of any.
        frame_width: F.
        extract_width: D.
        extract_activation: what the extractor ends in.
        input_width: width of the generator's input.
        hidden_width: units of its middle layer.

    Example:
        >>> card = BundleCard("dnn", "uji", "paper", {}, "ab12", 300, 300, "relu", 128, 256)
        >>> card.source
        'uji'
    """

    network: str
    source: str
    recipe: str
    settings: Mapping[str, Any]
    data_digest: str | None
    frame_width: int
    extract_width: int
    extract_activation: str
    input_width: int
    hidden_width: int

    def generator(self) -> Generator:
        """The module whose parameters the bundle holds."""
        return Generator(
            self.frame_width, self.extract_width, self.extract_activation, self.hidden_width
        )


def save_bundle(
    folder: str | Path, card: BundleCard, params: Params, *, report: Mapping[str, Any]
) -> None:
    """Writes a bundle; a folder without card.json is not one, so the card comes last.

    Args:
        folder: the bundle's own folder.
        card: what it is.
        params: the generator's parameters.
        report: what is worth knowing but does not identify it: quality, versions.

    Example:
        >>> import tempfile, jax.numpy as jnp
        >>> card = BundleCard("dnn", "uji", "paper", {}, "ab12", 3, 3, "relu", 2, 4)
        >>> params = card.generator().init(jax.random.key(0), jnp.zeros((1, 2)))["params"]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_bundle(folder, card, params, report={})
        ...     load_bundle(folder, card) is not None
        True
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    card_file = folder / "card.json"
    card_file.unlink(missing_ok=True)
    saved = [int(step.name) for step in folder.glob("generator/*") if step.name.isdigit()]
    save_checkpoint(folder / "generator", params, step=max(saved, default=-1) + 1)
    content = {"format": FORMAT, **asdict(card), "report": dict(report)}
    write_json(card_file, content)


def load_bundle(folder: str | Path, card: BundleCard) -> tuple[Params, dict[str, Any]] | None:
    """A bundle's parameters and report, if its card is the one asked for.

    Args:
        folder: the bundle's own folder.
        card: what the caller needs.

    Returns:
        (parameters, report), or None if there is no bundle or another one lies there.

    Example:
        >>> card = BundleCard("dnn", "uji", "paper", {}, "ab12", 3, 3, "relu", 2, 4)
        >>> load_bundle("/nowhere", card) is None
        True
    """
    card_file = Path(folder) / "card.json"
    if not card_file.exists():
        return None
    content = read_card(card_file, {"report": dict})
    report = content.pop("report")
    wanted = json.loads(json.dumps({"format": FORMAT, **asdict(card)}))
    if card.data_digest is None:
        wanted["data_digest"] = content.get("data_digest")
    if content != wanted:
        return None
    shapes = jax.eval_shape(
        card.generator().init,
        jax.random.key(0),
        jax.ShapeDtypeStruct((1, card.input_width), jnp.float32),
    )["params"]
    loaded = load_checkpoint(Path(folder) / "generator", shapes)
    return None if loaded is None else (loaded[1], report)
