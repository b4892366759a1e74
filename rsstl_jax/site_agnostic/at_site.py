"""The site-agnostic ensemble at one site: a radio map in, positions of scans out."""

from collections.abc import Mapping, Sequence

import numpy as np

from rsstl_jax.data import Fingerprints, scans_to_rss_dbm
from rsstl_jax.data.scans import pad_rows
from rsstl_jax.engine.localizer import Localizer
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.site_agnostic.temperature import choose_temperature
from rsstl_jax.site_agnostic.training import locate_with_members, make_agnostic_localizer
from rsstl_jax.types import Params


class EnsembleAtSite:
    """Ensemble members with a site's radio map; the temperature is chosen on that radio map."""

    def __init__(
        self, settings: AgnosticSettings, members: Sequence[Params], radio_map: Fingerprints
    ) -> None:
        untempered = make_agnostic_localizer(settings, radio_map)
        self.localizer: Localizer = choose_temperature(untempered, members)
        self.members = tuple(members)
        self.access_points = radio_map.access_points
        self.dataset = radio_map.dataset

    def __repr__(self) -> str:
        names = f"{len(self.access_points)} access points of {self.dataset}"
        return f"<{len(self.members)} ensemble members at a site: {names}>"

    def locate(self, scans: Sequence[Mapping[str, float]]) -> np.ndarray:
        """Positions float64[n, 2], metres, of scans {access point: dBm}, as `Student.locate`."""
        rss_dbm = scans_to_rss_dbm(scans, self.access_points, dataset=self.dataset)
        return self.predict_m(pad_rows(rss_dbm))[: len(rss_dbm)]

    def predict_m(self, rss_dbm: np.ndarray) -> np.ndarray:
        """Positions float64[n, 2], metres, of float[n, A], dBm, NaN where undetected."""
        return locate_with_members(self.localizer, self.members, rss_dbm)
