"""Site-agnostic teachers of a run: from a bundle whose card matches, else trained."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from rsstl_jax.data import Fingerprints, check_sources
from rsstl_jax.errors import DamagedError, DataError, MissingDataError
from rsstl_jax.models import AgnosticSettings
from rsstl_jax.site_agnostic.episodes import EpisodeSettings
from rsstl_jax.site_agnostic.training import LEARNING_RATE, fit_members
from rsstl_jax.site_agnostic.weights import Pretrained, load_pretrained, save_pretrained
from rsstl_jax.store.files import differences
from rsstl_jax.store.lock import locked
from rsstl_jax.store.recorder import Recorder

__all__ = ["make_agnostic_teachers"]

_log = logging.getLogger(__name__)


def make_agnostic_teachers(
    config: ConfigDict,
    bundle_dir: str | Path,
    recorder: Recorder,
    sources: Mapping[str, Fingerprints | MissingDataError],
) -> Pretrained:
    """The site-agnostic teachers of a run, each trained on all its sources."""
    check_sources(config.target, tuple(sources))
    folder = Path(bundle_dir) / f"agnostic-{'+'.join(sources)}"
    parts = {name: part for name, part in sources.items() if isinstance(part, Fingerprints)}
    made = _made(config, parts)
    missing = [part for part in sources.values() if isinstance(part, MissingDataError)]
    if missing:
        found = _find(folder, made)
        if isinstance(found, str):
            raise DataError(f"{missing[0]} And the bundle cannot be used: {found}")
        _log.warning("%s is used unchecked: %s", folder, missing[0])
        return found
    # One that matches is read without the lock, which a folder that is only read cannot have.
    if isinstance(found := _find(folder, made), Pretrained):
        return found
    with locked(folder, wait=True):
        found = _find(folder, made)
        if isinstance(found, Pretrained):
            return found
        if (folder / "agnostic.json").exists():
            recorder.report("agnostic", f"{found}; it is made anew")
        pretrained = Pretrained(
            AgnosticSettings(),
            tuple(
                fit_members(
                    made["seeds"],
                    list(parts.values()),
                    epochs=config.agnostic.epochs,
                    learning_rate=LEARNING_RATE,
                    name="agnostic",
                    recorder=recorder,
                )
            ),
            tuple(sources),
            {"made": made, "jax": version("jax")},
        )
        save_pretrained(folder, pretrained)
    return pretrained


def _made(config: ConfigDict, parts: Mapping[str, Fingerprints]) -> dict[str, Any]:
    """What the bundle's card says of its making."""
    first = config.teacher.seed
    return {
        "episodes": asdict(EpisodeSettings()),
        "epochs": config.agnostic.epochs,
        "learning_rate": LEARNING_RATE,
        "seeds": list(range(first, first + config.agnostic.members)),
        "data": {name: part.digest() for name, part in parts.items()},
    }


def _find(folder: Path, wanted: Mapping[str, Any]) -> Pretrained | str:
    """The bundle, or why there is none that fits."""
    try:
        found = load_pretrained(folder)
    except (DamagedError, FileNotFoundError) as error:
        return str(error)
    made = found.report.get("made")
    if not isinstance(made, dict) or not isinstance(made.get("data"), dict):
        return f"{folder / 'agnostic.json'} does not say how it was made"
    # Of data that are not at hand, nothing can be compared.
    data = {name: digest for name, digest in made["data"].items() if name in wanted["data"]}
    settings = {"settings": asdict(found.settings)}
    changed = differences(
        made | settings | {"data": data}, {**wanted, "settings": asdict(AgnosticSettings())}
    )
    return f"{folder}: {'; '.join(changed)}" if changed else found
