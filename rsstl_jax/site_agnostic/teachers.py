"""Site-agnostic teachers of a run: from a bundle whose card matches, else trained."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from rsstl_jax.data import Fingerprints
from rsstl_jax.errors import ConfigError, DamagedError, MissingDataError
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.site_agnostic.at_site import Pretrained
from rsstl_jax.site_agnostic.episodes import renew_episodes, training_facts
from rsstl_jax.site_agnostic.training import fit_members
from rsstl_jax.site_agnostic.weights import load_pretrained, save_pretrained
from rsstl_jax.store.files import differences
from rsstl_jax.store.lock import load_or_make
from rsstl_jax.store.processes import in_first
from rsstl_jax.store.recorder import Recorder


def make_agnostic_teachers(
    config: ConfigDict,
    bundle_dir: str | Path,
    recorder: Recorder,
    sources: Mapping[str, Fingerprints | MissingDataError],
) -> Pretrained:
    """The site-agnostic teachers of a run, each trained on all its sources."""
    folder = Path(bundle_dir) / f"agnostic-{'+'.join(sources)}"
    parts = {name: part for name, part in sources.items() if isinstance(part, Fingerprints)}
    first = config.teacher.seed
    facts = training_facts(config) | {
        "seeds": list(range(first, first + config.agnostic.members)),
        "data": {name: part.digest() for name, part in parts.items()},
    }
    missing = [part for part in sources.values() if isinstance(part, MissingDataError)]

    def make() -> Pretrained:
        settings = AgnosticSettings()
        members = fit_members(
            config, list(parts.values()), settings, facts["seeds"], "agnostic", recorder
        )
        report = {"made": facts, "jax": version("jax")}
        trained = Pretrained(settings, members, tuple(sources), report)
        in_first(save_pretrained)(folder, trained)
        return trained

    return load_or_make(
        folder,
        partial(_load_matching, folder, facts),
        make,
        report=partial(recorder.report, "agnostic"),
        missing=missing[0] if missing else None,
    )


@in_first
def _load_matching(folder: Path, wanted: Mapping[str, Any]) -> Pretrained | None:
    """The bundle, if it was made as is wanted."""
    card_file = folder / "agnostic.json"
    if not card_file.exists():
        return None
    try:
        bundle = load_pretrained(folder)
        facts = dict(bundle.report["made"])
        # Of data that are not at hand, nothing can be compared.
        data = {name: digest for name, digest in facts["data"].items() if name in wanted["data"]}
        facts |= {"episodes": renew_episodes(facts["episodes"]), "data": data}
    except (ConfigError, FileNotFoundError) as error:
        raise DamagedError(str(error)) from error
    except (AttributeError, KeyError, TypeError) as error:
        raise DamagedError(f"{card_file} does not say how it was made") from error
    changed = differences(
        facts | {"settings": asdict(bundle.settings)},
        {**wanted, "settings": asdict(AgnosticSettings())},
    )
    if changed:
        raise DamagedError(f"{folder}: {'; '.join(changed)}")
    return bundle
