"""Several locators of one site as one: the mean of their positions."""

from collections.abc import Callable, Iterable

import jax
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from rsstl_jax.data.readers.layout import check_one_origin
from rsstl_jax.data.scans import check_rows
from rsstl_jax.engine.locator import NetworkLocator
from rsstl_jax.engine.prototypes import Prototypes
from rsstl_jax.engine.radius import RadiusModel
from rsstl_jax.errors import DataError


class Ensemble(NetworkLocator):
    """The mean position of several locators of one site; by default with the first one's floors."""

    def __init__(
        self,
        members: Iterable[NetworkLocator],
        *,
        prototypes: Prototypes | None = None,
        radius: RadiusModel | None = None,
    ) -> None:
        members = tuple(members)
        if not members:
            raise DataError("an ensemble needs at least one member")
        for member in members:
            if not isinstance(member, NetworkLocator):
                raise DataError(f"{member!r} cannot be joined; it has no parameters of a network")
        first = members[0]
        for member in members[1:]:
            _check_same_site(first, member)
            if set(member.access_points) != set(first.access_points):
                raise DataError(
                    f"the members of an ensemble need the same access points; those of "
                    f"{first.dataset} ({len(first.access_points)}) and {member.dataset} "
                    f"({len(member.access_points)}) differ"
                )
        super().__init__(
            first.access_points,
            first.dataset,
            first.preprocessor,
            prototypes=first.prototypes if prototypes is None else prototypes,
            radius=radius,
            layout=first.layout,
        )
        self.members = members
        self._columns = [
            [first.access_points.index(name) for name in member.access_points] for member in members
        ]

    def __repr__(self) -> str:
        shown = "\n".join(f"  {member!r}" for member in self.members)
        return f"<Ensemble of {len(self.members)} locators of {self.dataset}\n{shown}>"

    def predict_m(self, rss_dbm: ArrayLike) -> NDArray[np.float64]:
        rows = check_rows(rss_dbm, self.access_points)
        each = [
            member.predict_m(np.ascontiguousarray(rows[:, columns]))
            for member, columns in zip(self.members, self._columns, strict=True)
        ]
        return np.asarray(np.mean(each, axis=0))

    def centered_fn(self) -> Callable[[jax.Array], jax.Array]:
        origin_m = self.preprocessor.origin_m
        parts = [
            (member.centered_fn(), np.array(columns), member.preprocessor.origin_m - origin_m)
            for member, columns in zip(self.members, self._columns, strict=True)
        ]

        def locate(rss_dbm: jax.Array) -> jax.Array:
            total = sum(
                run(rss_dbm[:, columns]) + offset_m.astype(np.float32)[None, :]
                for run, columns, offset_m in parts
            )
            return jax.numpy.asarray(total) / len(parts)

        return locate


def _check_same_site(first: NetworkLocator, other: NetworkLocator) -> None:
    """Raises where the dataset's name or the origin of the positions says that sites differ."""
    check_one_origin(other.layout, first.layout, other.dataset)
    here, there = first.preprocessor, other.preprocessor
    apart_m = float(np.linalg.norm(here.origin_m - there.origin_m))
    # Parts of one site's fingerprints have mean positions well within their spread of each other.
    if first.dataset != other.dataset or apart_m > max(here.scale_m, there.scale_m):
        shown = [
            f"{one.dataset} around ({', '.join(f'{m:.0f}' for m in one.preprocessor.origin_m)}) m"
            for one in (first, other)
        ]
        raise DataError(
            f"the members of an ensemble must be of one site; here are {' and '.join(shown)}"
        )
