"""Any locator as a folder: students, the pretrained network at a site, ensembles, exports."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rsstl_jax.data import Fingerprints, Site
from rsstl_jax.data.preprocess import check_same_site
from rsstl_jax.data.readers.layout import layout_facts
from rsstl_jax.engine.locator import Locator, NetworkLocator
from rsstl_jax.engine.saved_student import (
    ANSWER_FILES,
    layout_of,
    load_answers,
    load_student,
    save_answers,
)
from rsstl_jax.errors import ConfigError, DamagedError, DataError
from rsstl_jax.export import ExportedStudent, load_exported
from rsstl_jax.serving.ensemble import Ensemble
from rsstl_jax.site_agnostic.at_site import EnsembleAtSite
from rsstl_jax.site_agnostic.cross_fitting import Chosen, chosen_of
from rsstl_jax.site_agnostic.weights import (
    PRETRAINED,
    load_pretrained,
    save_pretrained,
)
from rsstl_jax.store.arrays import read_arrays, write_arrays
from rsstl_jax.store.files import as_path, read_sealed, write_sealed
from rsstl_jax.store.lock import locked
from rsstl_jax.store.workdir import CARDS, held_card

_ENSEMBLE, _AT_SITE, *_ = CARDS
_RADIO_MAP = "radio_map.npz"
_ARRAYS = ("rss_dbm", "position_m", "floor", "building")
EXPORTED_FILES = "student.bin", "student.onnx"


def load_locator(folder: str | Path) -> Locator:
    """The locator that a folder holds, of whatever kind.

    Args:
        folder: a student's folder, such as results/uji/students/seed-0/distilled, or one that
            `rsstl predict --save`, `rsstl ensemble` or `rsstl export` wrote.

    Returns:
        Locator, ready to `locate` scans.

    Raises:
        FileNotFoundError: if the folder holds none; the message names it.
        DamagedError: if a file of it is damaged or foreign; the message names it.

    Example:
        >>> import tempfile
        >>> from rsstl_jax import load_pretrained, load_site
        >>> office = load_pretrained().fit(load_site("synthetic-office").train)
        >>> scans = [{"AP003": -61.0, "AP017": -78.0}]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_at_site(folder, office)
        ...     load_locator(folder).locate(scans).equals(office.locate(scans))
        True
    """
    folder = as_path("folder", folder)
    loaders = (_load_ensemble, _load_at_site, load_exported, load_student)
    while card := held_card(folder):
        written = (folder / card).stat()
        locator = loaders[CARDS.index(card)](folder)
        # Another process may have replaced it meanwhile.
        if held_card(folder) == card and os.path.samestat(written, (folder / card).stat()):
            return locator
    students = sorted(folder.glob("students/*/*/student.json"))
    hint = f"; it is a run, and {students[0].parent} one of its students" if students else ""
    raise FileNotFoundError(
        f"{folder} holds no locator: a folder with one of {', '.join(CARDS)} is expected{hint}"
    )


def check_new(
    folder: str | Path, sources: Sequence[str | Path] = (), *, replace: bool = False
) -> None:
    """Refuses a folder with another locator, or one that is, holds or lies in a source."""
    there = Path(folder).resolve()
    for source in sources:
        read = Path(source).resolve()
        if there == read or read in there.parents or there in read.parents:
            raise ConfigError(
                f"{folder} is, holds or lies in {source}, which is to be read; name a folder "
                "outside of it"
            )
    if not replace and (card := held_card(folder)):
        raise ConfigError(
            f"{folder} holds a locator already ({card}); name another folder, or replace it "
            "with --replace"
        )


def check_measured_site(locator: Locator, site: Site) -> None:
    """Refuses another site than the locator's, and one that its weights were trained on."""
    if isinstance(locator, NetworkLocator):
        fitted = locator.preprocessor.origin_m, locator.preprocessor.scale_m
        check_same_site(site.train, *fitted, locator.dataset, locator.layout)
    elif isinstance(locator, ExportedStudent):
        check_same_site(site.train, locator.origin_m, 0.0, locator.dataset, locator.layout)
    if isinstance(locator, Ensemble):
        for member in locator.members:
            check_measured_site(member, site)
    elif isinstance(locator, EnsembleAtSite):
        # Earlier versions did not write the sites.
        network = locator.pretrained if locator.pretrained.sources else load_pretrained()
        network.check_target(site.name)
        network.check_data(site.train, site.test)


def fit_pretrained(site: Site, folder: str | Path = PRETRAINED) -> EnsembleAtSite:
    """The pretrained network, or a bundle of such weights, at a site that it has not seen."""
    network = load_pretrained(folder)
    network.check_target(site.name)
    network.check_data(site.train, site.test)
    return network.fit(site.train)


@contextmanager
def _written_whole(
    folder: Path, card: str, sources: Sequence[str | Path] = (), *, replace: bool
) -> Iterator[Path]:
    """A folder to write a locator into, which takes the place of another one at the end."""
    check_new(folder, sources, replace=replace)
    with locked(folder, wait=True):
        # Another process may have written one meanwhile.
        check_new(folder, replace=replace)
        new = folder / ".new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        try:
            yield new
            for name in (*CARDS, *ANSWER_FILES, *EXPORTED_FILES):
                (folder / name).unlink(missing_ok=True)
            for old in folder.glob("member-*"):
                if old.name.removeprefix("member-").isdigit():  # Others are not this package's.
                    shutil.rmtree(old)
            # Without its card the folder holds no locator yet, so that the card comes last.
            for made in sorted(new.iterdir(), key=lambda made: made.name == card):
                if (folder / made.name).is_dir():
                    shutil.rmtree(folder / made.name)
                made.replace(folder / made.name)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def load_network_locator(folder: str | Path) -> NetworkLocator:
    """The same, unless it is an exported program, which cannot be calibrated or joined."""
    locator = load_locator(folder)
    if not isinstance(locator, NetworkLocator):
        raise ConfigError(f"{folder} is an exported program; name the student it was made from")
    return locator


def save_ensemble(
    folder: str | Path,
    folders: Sequence[str | Path],
    ensemble: Ensemble,
    *,
    replace: bool = False,
) -> None:
    """Writes an ensemble whose members lie in these folders; they are copied."""
    folder, folders = as_path("folder", folder), [as_path("source", source) for source in folders]
    names = [f"member-{number}" for number in range(len(folders))]
    with _written_whole(folder, _ENSEMBLE, folders, replace=replace) as new:
        for name, source in zip(names, folders, strict=True):
            try:
                shutil.copytree(source, new / name, ignore=shutil.ignore_patterns(".lock"))
            except shutil.Error as error:  # It lists every file that could not be copied.
                cause = error.args[0][0][-1]
                raise OSError(f"{source} cannot be copied to {folder}: {cause}") from error
        save_answers(new, ensemble)
        write_sealed(new / _ENSEMBLE, {"dataset": ensemble.dataset, "members": names})


def _load_ensemble(folder: Path) -> Ensemble:
    card = read_sealed(folder / _ENSEMBLE, {"dataset": str, "members": list})
    members = [load_network_locator(folder / str(name)) for name in card["members"]]
    return Ensemble(members, **load_answers(folder, len(members[0].access_points)))


def save_at_site(folder: str | Path, ensemble: EnsembleAtSite, *, replace: bool = False) -> None:
    """Writes the site-agnostic ensemble at a site: parameters, radio map, temperature, radius."""
    folder = as_path("folder", folder)
    arrays = {name: getattr(ensemble.radio_map, name) for name in _ARRAYS}
    facts = {
        "dataset": ensemble.dataset,
        "access_points": ensemble.access_points,
        **chosen_of(ensemble.site_network)._asdict(),
        "layout": layout_facts(ensemble.layout),
    }
    with _written_whole(folder, _AT_SITE, replace=replace) as new:
        save_pretrained(new, ensemble.pretrained)
        write_arrays(new / _RADIO_MAP, {n: a for n, a in arrays.items() if a is not None})
        save_answers(new, ensemble)
        write_sealed(new / _AT_SITE, facts)


def _load_at_site(folder: Path) -> EnsembleAtSite:
    fields = {"dataset": str, "access_points": list, "inverse_temperature": float}
    card = read_sealed(folder / _AT_SITE, fields)
    # Earlier versions wrote the temperature alone.
    chosen = Chosen(**{name: card[name] for name in Chosen._fields if name in card})
    pretrained = load_pretrained(folder)
    held = read_arrays(folder / _RADIO_MAP, *_ARRAYS[:2])
    arrays: dict[str, Any] = {name: held.get(name) for name in _ARRAYS}
    try:
        radio_map = Fingerprints(
            card["dataset"],
            "train",
            access_points=tuple(card["access_points"]),
            layout=layout_of(card, folder / _AT_SITE),
            **arrays,
        )
    except DataError as error:
        raise DamagedError(f"{folder / _RADIO_MAP} is damaged: {error}") from error
    answers = load_answers(folder, len(radio_map.access_points))
    return EnsembleAtSite(pretrained, radio_map, chosen=chosen, **answers)
