"""The site-agnostic ensemble of no site, and at one: a radio map in, answers to scans out."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from rsstl_jax.data import Fingerprints
from rsstl_jax.data.buildings import building_of, recognise
from rsstl_jax.data.scans import check_rows
from rsstl_jax.engine.locator import NetworkLocator, annotate
from rsstl_jax.engine.prototypes import Prototypes, group_by_position, make_prototypes
from rsstl_jax.engine.radio_map import RadioMap
from rsstl_jax.engine.radius import HeldOut, RadiusModel, fit_radius
from rsstl_jax.engine.replicas import stack
from rsstl_jax.errors import DataError
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.models.site_agnostic.support import make_support
from rsstl_jax.site_agnostic.cross_fitting import (
    MIN_CROSS_FITTED_POSITIONS,
    Chosen,
    choose_at_site,
    measure_folds,
    with_chosen,
)
from rsstl_jax.site_agnostic.training import (
    make_agnostic_site_network,
    mean_location,
    predict_members_m,
)
from rsstl_jax.types import Params

CALIBRATION_ROWS_PER_FOLD = 200

_log = logging.getLogger(__name__)


def _number(members: Sequence[Params]) -> str:
    return f"{len(members)} ensemble member{'s' * (len(members) != 1)}"


class EnsembleAtSite(NetworkLocator):
    """Ensemble members with a site's radio map, and what is known of their training."""

    def __init__(
        self,
        pretrained: "Pretrained",
        radio_map: Fingerprints,
        *,
        chosen: Chosen | None = None,
        prototypes: Prototypes | None = None,
        radius: RadiusModel | None = None,
    ) -> None:
        site_network = make_agnostic_site_network(pretrained.settings, radio_map)
        super().__init__(
            radio_map.access_points,
            radio_map.dataset,
            site_network.preprocessor,
            prototypes=prototypes,
            radius=radius,
            layout=radio_map.layout,
        )
        self.pretrained, self.members = pretrained, pretrained.members
        self.site_network = site_network if chosen is None else with_chosen(site_network, chosen)
        self.radio_map = radio_map

    def __repr__(self) -> str:
        names = f"{len(self.access_points)} access points of {self.dataset}"
        return f"<{_number(self.members)} at a site: {names}>"

    def predict_m(self, rss_dbm: ArrayLike) -> NDArray[np.float64]:
        rows = check_rows(rss_dbm, self.access_points)
        return predict_members_m(self.site_network, self.members, rows)

    def centered_fn(self) -> Callable[[jax.Array], jax.Array]:
        site_network, members = self.site_network, stack(self.members)

        def locate(rss_dbm: jax.Array) -> jax.Array:
            level = site_network.preprocessor.encode(rss_dbm)
            location = mean_location(site_network.network, members, site_network.support, level)
            return location * site_network.preprocessor.scale_m

        return locate


@dataclass(frozen=True, eq=False, repr=False)
class Pretrained:
    """A trained ensemble of site-agnostic networks: it locates at sites that it has not seen.

    Args:
        settings: sizes of the network.
        members: parameters of each ensemble member.
        sources: names of the datasets that they were trained on.
        report: what else is worth knowing: how they were trained, with which versions.

    Example:
        >>> from rsstl_jax import load_pretrained
        >>> load_pretrained()
        Pretrained(2 ensemble members, trained on uji, tampere, tut7, mall-1, mall-2;
          AgnosticSettings(num_access_points=24, num_neighbours=16, width=48, num_blocks=3,
          num_heads=8, feed_width=96))
    """

    settings: AgnosticSettings
    members: tuple[Params, ...]
    sources: tuple[str, ...]
    report: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        about = f"{_number(self.members)}, trained on {', '.join(self.sources)};"
        sizes = wrap(f"{self.settings})", 90, initial_indent="  ", subsequent_indent="  ")
        return "\n".join([f"Pretrained({about}", *sizes])

    def fit(self, radio_map: Fingerprints) -> EnsembleAtSite:
        """The ensemble at a site, ready to locate there; its parameters stay as they are.

        Temperature and weight of the most similar fingerprints are chosen, and the radius is
        calibrated, on the radio map itself. A site that the members were trained on is warned of.

        Args:
            radio_map: fingerprints of the site with known positions, such as its train part.

        Returns:
            What has `locate(scans)`, as a `Student`.

        Example:
            >>> from rsstl_jax import load_pretrained, load_site
            >>> office = load_pretrained().fit(load_site("synthetic-office").train)
            >>> answers = office.locate([{"AP003": -61.0, "AP017": -78.0}])
            >>> bool(answers.x_m.between(0, 65).all() and answers.y_m.between(0, 20).all())
            True
        """
        if not isinstance(radio_map, Fingerprints):
            kind = type(radio_map).__name__
            raise DataError(f"radio_map is a {kind}; fingerprints are expected, as site.train")
        try:
            self.check_target(radio_map.dataset)
            self.check_data(radio_map)
        except DataError as error:
            _log.warning("%s", error)
        ensemble = EnsembleAtSite(self, radio_map)
        _log.info("fitting at %s; the first time it compiles", radio_map.dataset)
        ensemble.site_network = choose_at_site(ensemble.site_network, self.members)
        ensemble.prototypes = make_prototypes(radio_map, ensemble.preprocessor)
        if len(np.unique(radio_map.position_m, axis=0)) >= MIN_CROSS_FITTED_POSITIONS:
            _log.info("calibrating the radius at %s", radio_map.dataset)
            held_out = cross_fitted_errors(ensemble, radio_map)
            ensemble.radius = fit_radius(held_out, len(ensemble.prototypes.labels))
        return ensemble

    def check_target(self, target: str) -> None:
        """Refuses a dataset from a building that the members were trained in, by its name."""
        for source in self.sources:
            if building_of(source) == building_of(target):
                raise DataError(
                    f"the pretrained network was trained in the building of {target} (on {source}):"
                    " its figure there says nothing of new sites; rsstl agnostic trains one that "
                    "has not seen it"
                )

    def check_data(self, *parts: Fingerprints) -> None:
        """Refuses fingerprints that the members were trained on, whatever they are called.

        A copy is known by all of its data and, where the source has a data card, by the positions
        of its train part, in any order and from any origin.
        """
        trained = {digest: name for name, digest in self.report.get("data", {}).items()}
        buildings = {building_of(source) for source in self.sources}
        for part in parts:
            known = recognise(part)
            source = trained.get(part.digest()) or (
                known if building_of(known) in buildings else ""
            )
            if source:
                raise DataError(
                    f"{part.dataset}, {part.part} part: these are the train fingerprints of "
                    f"{source}, which the pretrained network was trained on: its figure here says "
                    "nothing of new sites"
                )


def cross_fitted_errors(ensemble: EnsembleAtSite, part: Fingerprints) -> HeldOut:
    """Errors on fingerprints of the radio map, each located without its own fold."""
    site_network, prototypes = ensemble.site_network, ensemble.prototypes
    radio_map, scale_m = site_network.survey, ensemble.preprocessor.scale_m
    assert radio_map is not None and prototypes is not None, "an ensemble's fit makes both"
    ids = np.asarray(radio_map.place)
    members, first = stack(ensemble.members), group_by_position(part).first

    @jax.jit
    def errors_of_fold(
        members: Params,
        radio_map: RadioMap,
        prototypes: Prototypes,
        valid: jax.Array,
        valid_prototype: jax.Array,
        rows: jax.Array,
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        support = make_support(*radio_map, valid)._replace(
            **{name: getattr(site_network.support, name) for name in Chosen._fields}
        )
        level = radio_map.level[rows]
        centered_m = scale_m * mean_location(site_network.network, members, support, level)
        # A prototype without readings resembles nothing; the head was trained on every fold.
        level_of_others = jnp.where(valid_prototype[:, None], prototypes.level, 0)
        others = prototypes._replace(level=level_of_others, head=None)
        label, _, features = annotate(others, None, level, centered_m)
        apart_m = centered_m - scale_m * radio_map.position[rows]
        return label, features, jnp.sqrt(jnp.square(apart_m).sum(axis=1))

    def measure(in_fold: np.ndarray, rows: jax.Array) -> tuple[jax.Array, ...]:
        valid, valid_prototype = jnp.asarray(~in_fold), jnp.asarray(~in_fold[first])
        return errors_of_fold(members, radio_map, prototypes, valid, valid_prototype, rows)

    found, rows = measure_folds(measure, ids, most=CALIBRATION_ROWS_PER_FOLD, seed=1)
    label, features, error_m = found
    return HeldOut(
        features.astype(np.float64),
        error_m.astype(np.float64),
        ids[rows].astype(np.int64),
        label.astype(np.int64),
    )
