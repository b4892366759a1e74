"""A trained student on disk: parameters, and all that a fingerprint needs on its way to metres."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike
from ml_collections import ConfigDict

from rsstl_jax.config.overrides import override
from rsstl_jax.config.retired import drop_retired
from rsstl_jax.config.schema import default_config, flatten
from rsstl_jax.data import Layout, Preprocessor
from rsstl_jax.data.readers.layout import layout_facts, make_layout
from rsstl_jax.data.scans import check_rows
from rsstl_jax.engine.input_order import shown_names
from rsstl_jax.engine.locator import NetworkLocator
from rsstl_jax.engine.prototypes import Prototypes, read_prototypes, write_prototypes
from rsstl_jax.engine.radio_map import full_support, radio_map_shapes
from rsstl_jax.engine.radius import RadiusModel, radius_facts, read_radius
from rsstl_jax.engine.site_network import SiteNetwork, make_locate_fn
from rsstl_jax.errors import DamagedError, DataError
from rsstl_jax.models import make_network
from rsstl_jax.models.registry import model_section
from rsstl_jax.store.checkpoint import load_checkpoint, save_checkpoint
from rsstl_jax.store.files import as_path, differences, read_sealed, write_sealed
from rsstl_jax.types import Params

ANSWER_FILES = _PROTOTYPES, _RADIUS = "prototypes.npz", "radius.json"

_FIELDS = {
    "network": str,
    "model": dict,
    "dataset": str,
    "preprocessor": dict,
    "access_points": list,
}

_log = logging.getLogger(__name__)


class Student(NetworkLocator):
    """A trained network at its site: it locates scans as a receiver reports them.

    Args:
        site_network: the network with the site's preprocessing.
        params: its trained parameters.
        access_points: names of its inputs, in their order.
        dataset: the site it was trained at.
        prototypes: the site's labelled positions, which floors and radii are read off.
        radius: how radii are computed, once the student is calibrated.
        layout: how the site writes its scans; None: in the standard form.

    Example:
        >>> import jax
        >>> from rsstl_jax import default_config, load_site
        >>> from rsstl_jax.engine.site_job import make_site_job
        >>> job = make_site_job(default_config(), load_site("synthetic-office").train)
        >>> params, names = job.init(jax.random.key(0)), job.train.access_points
        >>> student = Student(job.site_network, params, names, "synthetic-office")
        >>> student
        <Student of synthetic-office: Network(DenseStack 300, DenseStack 300 relu, Regressor 2),
        199,502 parameters, 60 access points (AP001, AP002, AP003, ...),
        origin (31.20, 9.76) m, scale 12.96 m>
        >>> student.locate([{"AP003": -61.0}, {"a telephone": -40.0, "AP003": -61.0}]).x_m.nunique()
        1
    """

    def __init__(
        self,
        site_network: SiteNetwork,
        params: Params,
        access_points: tuple[str, ...],
        dataset: str,
        *,
        prototypes: Prototypes | None = None,
        radius: RadiusModel | None = None,
        layout: Layout | None = None,
    ) -> None:
        super().__init__(
            access_points,
            dataset,
            site_network.preprocessor,
            prototypes=prototypes,
            radius=radius,
            layout=layout,
        )
        self.site_network = site_network
        self.params = params

    def __repr__(self) -> str:
        number = sum(leaf.size for leaf in jax.tree.leaves(self.params))
        prep = self.site_network.preprocessor
        east_m, north_m = prep.origin_m
        return (
            f"<Student of {self.dataset}: {self.site_network.network},\n"
            f"{number:,} parameters, {len(self.access_points):,} access points "
            f"{shown_names(self.access_points)},\n"
            f"origin ({east_m:.2f}, {north_m:.2f}) m, scale {prep.scale_m:.2f} m>"
        )

    def predict_m(self, rss_dbm: ArrayLike) -> np.ndarray:
        return self._predict(self.params, check_rows(rss_dbm, self.access_points))

    @cached_property
    def _predict(self) -> Callable[..., np.ndarray]:
        return make_locate_fn(self.site_network)

    def centered_fn(self) -> Callable[[jax.Array], jax.Array]:
        scale_m = self.preprocessor.scale_m
        return lambda rss_dbm: self.site_network.represent(self.params, rss_dbm).location * scale_m


def save_student(
    folder: str | Path,
    config: ConfigDict,
    student: Student,
    *,
    report: Callable[[str], None] = _log.warning,
) -> None:
    """Writes a student, unless the folder holds this very one; student.json comes last.

    `report` gets a line about a damaged or another student, which this one replaces.
    """
    folder = as_path("folder", folder)
    card, survey = folder / "student.json", student.site_network.survey
    facts = _facts(config, student)
    try:
        held = load_student(folder)
        if _same((held.params, held.site_network.survey), (student.params, survey)):
            # The layout makes no other student: an earlier version did not write it.
            wanted = json.loads(json.dumps(facts))
            written = read_sealed(card)
            written = {n: written.get(n) for n in wanted} | {"layout": wanted["layout"]}
            if not differences(written, wanted):
                save_answers(folder, student)
                if held.layout != student.layout:
                    write_sealed(card, facts)
                return
        report(f"{folder} holds another student of {held.dataset}; this one takes its place")
    except FileNotFoundError:
        pass  # An earlier start may have been stopped between the parameters and the card.
    except DamagedError as error:
        report(f"{error}; the student is written anew")
    for outdated in (card, folder / _PROTOTYPES, folder / _RADIUS):
        outdated.unlink(missing_ok=True)
    owner = _owner(student.dataset)
    save_checkpoint(folder / "params", student.params, step=0, owner=owner)
    if survey is not None:
        save_checkpoint(folder / "survey", survey, step=0, owner=owner)
    save_answers(folder, student)
    write_sealed(card, facts)


def save_answers(folder: str | Path, locator: NetworkLocator) -> None:
    """Writes what floors and radii are read off, beside the parameters."""
    if locator.prototypes is not None:
        write_prototypes(Path(folder) / _PROTOTYPES, locator.prototypes)
    if locator.radius is not None:
        write_sealed(Path(folder) / _RADIUS, radius_facts(locator.radius))


def load_answers(folder: str | Path, num_access_points: int) -> dict[str, Any]:
    """What `save_answers` wrote; an earlier version wrote nothing."""
    prototypes, file = load_prototypes(folder, num_access_points), Path(folder) / _RADIUS
    radius = None
    if prototypes is not None and file.exists():
        radius = read_radius(file, num_labels=len(prototypes.labels))
    return {"prototypes": prototypes, "radius": radius}


def load_prototypes(folder: str | Path, num_access_points: int) -> Prototypes | None:
    file = Path(folder) / _PROTOTYPES
    return read_prototypes(file, num_access_points) if file.exists() else None


def _facts(config: ConfigDict, student: Student) -> dict[str, Any]:
    section, survey = model_section(config.network), student.site_network.survey
    return {
        "network": config.network,
        "model": {p: v for p, v in flatten(config).items() if p.startswith(section)},
        "dataset": student.dataset,
        "preprocessor": student.site_network.preprocessor.to_dict(),
        "access_points": student.access_points,
        "num_support": 0 if survey is None else len(survey.place),
        "layout": layout_facts(student.layout),
    }


def _same(held: Any, student: Any) -> bool:
    """Whether two pytrees have one structure and, bit for bit, the same leaves."""
    if str(jax.tree.structure(held)) != str(jax.tree.structure(student)):
        return False
    pairs = zip(jax.tree.leaves(held), jax.tree.leaves(student), strict=True)
    return all(np.array_equal(one, other, equal_nan=True) for one, other in pairs)


def load_student(folder: str | Path) -> Student:
    """The student that a run, or `save_student`, left in a folder.

    Args:
        folder: the student's own folder, such as results/uji/students/seed-0/distilled.

    Returns:
        Student, ready to locate scans.

    Raises:
        FileNotFoundError: if the folder holds no student; the message names it.
        DamagedError: if a file of it is damaged or foreign; the message names it.

    Example:
        >>> import jax, tempfile
        >>> from rsstl_jax import default_config, load_site
        >>> from rsstl_jax.engine.site_job import make_site_job
        >>> job = make_site_job(default_config(), load_site("synthetic-office").train)
        >>> params, names = job.init(jax.random.key(0)), job.train.access_points
        >>> student = Student(job.site_network, params, names, "synthetic-office")
        >>> scans = [{"AP003": -61.0, "AP017": -78.0}]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_student(folder, default_config(), student)
        ...     load_student(folder).locate(scans).equals(student.locate(scans))
        True
    """
    folder = as_path("folder", folder)
    card_file = folder / "student.json"
    if not card_file.exists():
        raise FileNotFoundError(
            f"{folder} holds no student: student.json is missing; a run has students in folders "
            "such as students/seed-0/standalone, and load_locator reads ensembles and exports"
        )
    card = read_sealed(card_file, _FIELDS)
    config, dataset, access_points = default_config(), card["dataset"], card["access_points"]
    try:
        override(config, {"network": card["network"], **drop_retired(card["model"])})
        preprocessor = Preprocessor.from_dict(card["preprocessor"])
    except ValueError as error:
        raise DamagedError(f"{card_file}: {error}") from error
    site_network, owner = SiteNetwork(make_network(config), preprocessor), _owner(dataset)
    if site_network.network.uses_support:
        shapes = radio_map_shapes(card.get("num_support", 0), len(access_points))
        survey = _load(folder, "survey", shapes, owner)
        site_network = replace(site_network, support=full_support(survey), survey=survey)
    params = _load(folder, "params", site_network.shapes(len(access_points)), owner)
    answers = load_answers(folder, len(access_points)) | {"layout": layout_of(card, card_file)}
    return Student(site_network, params, tuple(access_points), dataset, **answers)


def layout_of(card: Mapping[str, Any], file: Path) -> Layout:
    """How a locator's site writes its scans; the card of an earlier version does not say it."""
    try:
        return make_layout(card.get("layout", {}))
    except DataError as error:
        raise DamagedError(f"{file}: layout: {error}") from error


def _load(folder: str | Path, name: str, shapes: Any, owner: str) -> Any:
    loaded = load_checkpoint(Path(folder) / name, shapes, owner=owner)
    if loaded is None:
        raise FileNotFoundError(f"{folder} holds no student: {name} is missing")
    return loaded[1]


def _owner(dataset: str) -> str:
    return f"a student of {dataset}"
