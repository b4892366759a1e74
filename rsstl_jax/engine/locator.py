"""What answers scans: position, floor, building and radius, whatever network lies behind it."""

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax.typing import ArrayLike
from numpy.typing import NDArray

from rsstl_jax.data import Fingerprints, Layout, Preprocessor
from rsstl_jax.data.preprocess import check_same_site, to_device
from rsstl_jax.data.scans import (
    ScanRows,
    Scans,
    check_names,
    check_rows,
    name_columns,
    pad_rows,
    read_scans,
)
from rsstl_jax.engine.mesh import in_turns
from rsstl_jax.engine.prototypes import (
    NO_LABEL,
    Prototypes,
    find_nearest,
    level_direction,
    linear_level,
    make_prototypes,
    vote,
)
from rsstl_jax.engine.radio_map import position_ids
from rsstl_jax.engine.radius import HeldOut, RadiusModel, difficulty_features, predict_radius_m
from rsstl_jax.engine.site_network import EVALUATION_ROWS
from rsstl_jax.errors import DataError


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers for n fingerprints."""

    position_m: NDArray[np.float64]  # [n, 2]: in the site's own coordinates
    label: NDArray[np.int64]  # [n]: row of the locator's labels
    radius_m: NDArray[np.float64]  # [n]: NaN without a radius model
    features: NDArray[np.float64]  # [n, F]: what the radius is computed from


class Locator:
    """What answers scans of one site: a student, the pretrained network at a site, an export.

    Args:
        access_points: names of its inputs, in their order.
        dataset: the site it was trained at.
        layout: how the site writes its scans; None: in the standard form.

    Example:
        >>> from rsstl_jax import load_pretrained, load_site
        >>> load_pretrained().fit(load_site("synthetic-office").train).dataset
        'synthetic-office'
    """

    labels: NDArray[np.int64] | None = None
    """int[C, 2]: the (building, floor) that an answer's label stands for."""

    def __init__(
        self, access_points: Sequence[str], dataset: str, layout: Layout | None = None
    ) -> None:
        self.access_points = check_names(access_points)
        self.dataset = dataset
        self.layout = layout or Layout()
        self.devices: Sequence[jax.Device] = ()  # that share the scans; none: the default one

    def __getstate__(self) -> dict[str, Any]:
        """All but compiled programs, which another process makes anew."""
        made = {name for name in vars(self) if hasattr(getattr(type(self), name, None), "func")}
        return {name: value for name, value in vars(self).items() if name not in made}

    def answer(self, rss_dbm: NDArray[np.float32]) -> Answers:
        """Answers for float32[n, A], dBm, NaN where undetected; memory stays flat."""
        rss_dbm = check_rows(rss_dbm, self.access_points)
        chunks = [
            rss_dbm[start : start + EVALUATION_ROWS]
            for start in range(0, len(rss_dbm), EVALUATION_ROWS)
        ]
        if self.devices:
            pieces = in_turns(self._answer_rows, chunks, self.devices)
        else:
            pieces = [self._answer_rows(rows) for rows in chunks]
        return Answers(*(np.concatenate(leaves) for leaves in zip(*pieces, strict=True)))

    def _answer_rows(
        self, rows: NDArray[np.float32], device: jax.Device | None = None
    ) -> list[NDArray[Any]]:
        with nullcontext() if device is None else jax.default_device(device):
            return [leaf[: len(rows)] for leaf in self._answer_chunk(pad_rows(rows))]

    def _answer_chunk(self, rss_dbm: NDArray[np.float32]) -> Sequence[NDArray[Any]]:
        raise NotImplementedError

    def locate(self, scans: Scans, *, access_points: Sequence[str] | None = None) -> pd.DataFrame:
        """Answers scans as a receiver reports them.

        Args:
            scans: a sequence of scans, or a single one: {access point: dBm} each, or a list of
                records {"mac": ..., "rssi": ...}; or a DataFrame with one column per access point;
                or float[n, B], dBm, NaN where undetected, with `access_points`. What
                stands for undetected at the site, 100 or what its layout says, does so
                here; the columns that the layout names or ignores are left out.
            access_points: names of the columns, where `scans` is an array.

        Returns:
            A table with one row per scan, with the index of a DataFrame of scans: `x_m`, `y_m` in
            the site's own coordinates, metres; `floor`, `building` as the site numbers them,
            missing where it does not; `radius_m`, which holds the true position 90 % of the time,
            missing before calibration; `detected`, `unknown`: numbers of access points that the
            locator knows, and does not. A scan of unknown ones has no position, with a warning.

        Raises:
            DataError: if there is no scan, or one cannot be read; the message names the scan by
                its index, and the access point.

        Example:
            >>> from rsstl_jax import load_pretrained, load_site
            >>> locator = load_pretrained().fit(load_site("synthetic-office").train)
            >>> answers = locator.locate([{"AP003": -61.0, "AP017": -78.0, "telephone": -40.0}])
            >>> answers.detected.tolist(), answers.unknown.tolist(), answers.floor.tolist()
            ([2], [1], [1])
        """
        if access_points is not None:
            scans = name_columns(scans, access_points)
        rows = read_scans(scans, self.access_points, self.layout)
        silent = np.flatnonzero(rows.detected == 0)
        if len(silent):
            warnings.warn(
                f"no access point is known at {self.dataset} in {len(silent)} of "
                f"{len(rows.detected)} scans, the first of them scan {silent[0]}: no position",
                stacklevel=2,
            )
        answers = self.answer_table(rows)
        return answers.set_index(scans.index) if isinstance(scans, pd.DataFrame) else answers

    def answer_table(self, rows: ScanRows) -> pd.DataFrame:
        """Answers of scans that have been read."""
        answers = self.answer(rows.rss_dbm)
        known = rows.detected > 0
        x_m, y_m = np.where(known[:, None], answers.position_m, np.nan).T
        floor, building = (self._label_column(answers.label, known, axis) for axis in (1, 0))
        return pd.DataFrame(
            {
                "x_m": x_m,
                "y_m": y_m,
                "floor": floor,
                "building": building,
                "radius_m": np.where(known, answers.radius_m, np.nan),
                "detected": rows.detected,
                "unknown": rows.unknown,
            }
        )

    def _label_column(
        self, label: NDArray[np.int64], known: NDArray[np.bool_], axis: int
    ) -> pd.api.extensions.ExtensionArray:
        values = np.full(len(label), NO_LABEL)
        if self.labels is not None:
            values = self.labels[label, axis]
        missing = ~known | (values == NO_LABEL)
        return pd.arrays.IntegerArray(np.where(missing, 0, values).astype(np.int64), missing)

    def held_out(self, part: Fingerprints, labels_like: "Locator | None" = None) -> HeldOut:
        """Errors on a part whose positions it was not trained with, by another's labels or its."""
        answers = self.answer(part.rss_dbm)
        error_m = np.linalg.norm(answers.position_m - part.position_m, axis=1)
        label = answers.label
        if labels_like is not None and labels_like.labels is not None and self.labels is not None:
            rows = {tuple(row): index for index, row in enumerate(labels_like.labels.tolist())}
            label = np.array([rows.get(tuple(r), -1) for r in self.labels.tolist()])[label]
        return HeldOut(answers.features, error_m, position_ids(part), label)


class NetworkLocator(Locator):
    """A locator whose network, prototypes (for floors) and radius model are at hand."""

    def __init__(
        self,
        access_points: Sequence[str],
        dataset: str,
        preprocessor: Preprocessor,
        *,
        prototypes: Prototypes | None = None,
        radius: RadiusModel | None = None,
        layout: Layout | None = None,
    ) -> None:
        super().__init__(access_points, dataset, layout)
        self.preprocessor = preprocessor
        self.prototypes = prototypes
        self.radius = radius

    @property
    def prototypes(self) -> Prototypes | None:
        return self._prototypes

    @prototypes.setter
    def prototypes(self, prototypes: Prototypes | None) -> None:
        self._prototypes = prototypes
        self.labels = None if prototypes is None else np.asarray(prototypes.labels, np.int64)
        # Once for all scans: it takes longer than the rest of an answer.
        self._direction = None if prototypes is None else level_direction(prototypes.level)

    def read_labels(self, part: Fingerprints) -> None:
        """Takes floors and buildings from a part of the same site with known positions."""
        fitted = self.preprocessor
        check_same_site(part, fitted.origin_m, fitted.scale_m, self.dataset, self.layout)
        if part.access_points != self.access_points:
            rows = read_scans(
                pd.DataFrame(part.rss_dbm, columns=list(part.access_points)), self.access_points
            )
            if not rows.detected.any():
                raise DataError(
                    f"{part.dataset} detected none of the {len(self.access_points)} access points "
                    f"of {self.dataset}, where the locator was trained; floors are read by these"
                )
            part = replace(part, rss_dbm=rows.rss_dbm, access_points=self.access_points)
        made = make_prototypes(part, self.preprocessor, self.prototypes)
        held = None if self.radius is None else self.labels
        if held is not None and not np.array_equal(held, made.labels):
            raise DataError(f"{part.dataset} has other floors or buildings than its radius knows")
        self.prototypes = made

    def predict_m(self, rss_dbm: ArrayLike) -> NDArray[np.float64]:
        """Positions float64[n, 2], metres, of float[n, A], dBm, NaN where undetected."""
        raise NotImplementedError

    def centered_fn(self) -> Callable[[jax.Array], jax.Array]:
        """The same as a pure function of float[n, A], dBm, to metres from the origin."""
        raise NotImplementedError

    def answer_fn(self) -> Callable[[jax.Array], tuple[jax.Array, jax.Array, jax.Array]]:
        """Position from the origin, label and radius as a pure function of float[n, A], dBm."""
        locate = self.centered_fn()

        def run(rss_dbm: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
            centered_m, number = locate(rss_dbm), rss_dbm.shape[0]
            unknown_m = jnp.full(number, jnp.nan, rss_dbm.dtype)
            if self.prototypes is None:
                return centered_m, jnp.zeros(number, jnp.int32), unknown_m
            level = linear_level(self.preprocessor, rss_dbm)
            label, radii_m, _ = annotate(self.prototypes, self.radius, level, centered_m)
            return centered_m, label, unknown_m if self.radius is None else radii_m

        return run

    def _answer_chunk(self, rss_dbm: NDArray[np.float32]) -> Sequence[NDArray[Any]]:
        position_m = np.asarray(self.predict_m(rss_dbm))
        if self.prototypes is None:
            nothing = np.full(len(rss_dbm), np.nan)
            return position_m, np.zeros(len(rss_dbm), np.int64), nothing, nothing[:, None]
        centered_m = self.preprocessor.center(position_m)
        rows = to_device(rss_dbm)
        known = self.prototypes, self._direction, self.radius
        label, radii_m, features = self._annotate(known, rows, centered_m)
        if self.radius is None:
            radii_m = np.full(len(rss_dbm), np.nan)
        return position_m, np.asarray(label, np.int64), np.asarray(radii_m), np.asarray(features)

    @cached_property
    def _annotate(self) -> Callable[..., Any]:
        def run(known: Any, rss_dbm: jax.Array, centered_m: jax.Array) -> Any:
            prototypes, direction, radius = known
            level = linear_level(self.preprocessor, rss_dbm)
            return annotate(prototypes, radius, level, centered_m, direction)

        return jax.jit(run)


def annotate(
    prototypes: Prototypes,
    radius: RadiusModel | None,
    level: jax.Array,
    centered_m: jax.Array,
    direction: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Label, radius and what the radius is computed from, for levels and located positions."""
    nearest = find_nearest(prototypes, level, direction)
    label = vote(prototypes, nearest, level)
    features = difficulty_features(prototypes, nearest, level, centered_m)
    if radius is None:
        return label, jnp.zeros(label.shape), features
    return label, predict_radius_m(radius, features, label), features
