"""Episodes: a site, a support drawn from it, and queries at places that the support lacks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rsstl_jax._numerics import top_k
from rsstl_jax.data import Fingerprints, fit_preprocessor
from rsstl_jax.engine.radio_map import at_places, place_numbers
from rsstl_jax.errors import DataError
from rsstl_jax.models import Support, make_support

__all__ = ["Episode", "EpisodeSettings", "Sources", "draw_episode", "make_sources"]


@dataclass(frozen=True)
class EpisodeSettings:
    """How episodes are drawn and what differs between support and queries."""

    num_queries: int = 48  # fingerprints that are located in an episode
    min_support: int = 50  # fingerprints of the smallest support
    max_support: int = 1024  # fingerprints of the largest
    crop: float = 0.3  # probability that an episode takes place in a disc of the site
    # probability that a support holds all scans of few places instead of a few scans of many
    whole_places: float = 0.5
    # places up to this far from a query may be hidden from the support, in units of the mean
    # distance between places
    hidden_radius: float = 0.0
    access_point_dropout: float = 0.3  # mean share of the access points that an episode lacks
    access_points_merged: float = 0.0  # share of them that report the stronger of two
    query_dropout: float = 0.15  # mean share of the readings that queries lack
    gain_offset_db: float = 4.0  # standard deviation of a query's common offset, dB
    reading_noise_db: float = 3.0  # standard deviation of the noise of each reading of a query, dB
    turn: bool = True  # whether the plan is rotated and reflected at random
    grouped: bool = True  # whether a query's place is hidden from the support

    def __post_init__(self) -> None:
        if not 1 <= self.min_support <= self.max_support or self.num_queries < 1:
            raise ValueError(
                f"num_queries, min_support and max_support are {self.num_queries}, "
                f"{self.min_support} and {self.max_support}; they must be at least 1, in this order"
            )
        for name in ("crop", "whole_places", "access_points_merged"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be from 0 to 1")
        for name in ("access_point_dropout", "query_dropout"):
            if not 0 <= getattr(self, name) <= 0.5:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be from 0 to 0.5")


class Sources(NamedTuple):
    """The fingerprints of all source sites, one below the other, as arrays on the device."""

    level: jax.Array  # float[R, A]: Readings in the linear encoding of their site
    position: jax.Array  # float[R, 2]: Places, metres from the site's mean
    place: jax.Array  # int[R]: Number of the place within its site
    start: jax.Array  # int[N]: First row of each site
    num_rows: jax.Array  # int[N]: How many it has
    # float[N]: Mean distance between its places, if they covered a disc evenly
    spacing_m: jax.Array
    range_db: jax.Array  # float[N]: What a level of 1 stands for, dB


class Episode(NamedTuple):
    """Queries and the support that they are located with."""

    level: jax.Array  # float[Q, A]: Readings of the queries
    position: jax.Array  # float[Q, 2]: Where they were taken, metres
    support: Support  # of the episode, its positions in metres


def make_sources(parts: Sequence[Fingerprints]) -> Sources:
    """Sites of any size as one set of arrays."""
    if not parts:
        raise DataError("there is no source; episodes need at least one site")
    width = max(part.num_access_points for part in parts)
    columns: dict[str, list[np.ndarray]] = {"level": [], "position": [], "place": []}
    spacing_m, range_db = [], []
    for part in parts:
        preprocessor = fit_preprocessor(part, encoding="linear")
        level = np.asarray(preprocessor.encode(part.rss_dbm))
        place = place_numbers(part)
        num_places = int(place.max()) + 1
        if num_places < 2:
            raise DataError(f"{part.dataset} {part.part}: one place only, which leaves no support")
        columns["level"].append(np.pad(level, ((0, 0), (0, width - level.shape[1]))))
        columns["position"].append(preprocessor.center(part.position_m))
        columns["place"].append(place)
        # A disc of radius r has the mean square r^2 / 2 about its middle, over both axes.
        spacing_m.append(2 * preprocessor.scale_m * math.sqrt(math.pi / num_places))
        range_db.append(-preprocessor.floor_dbm)
    count = np.array([len(part) for part in parts], np.int32)
    return Sources(
        **{name: jnp.asarray(np.concatenate(arrays)) for name, arrays in columns.items()},
        start=jnp.asarray(np.cumsum(count, dtype=np.int32) - count),
        num_rows=jnp.asarray(count),
        spacing_m=jnp.asarray(spacing_m, jnp.float32),
        range_db=jnp.asarray(range_db, jnp.float32),
    )


def draw_episode(
    key: jax.Array, sources: Sources, settings: EpisodeSettings, *, num_rows: int
) -> Episode:
    """Draws one episode; may be called inside jit."""
    site_key, row_key, reading_key, plan_key = jax.random.split(key, 4)
    site = jax.random.randint(site_key, (), 0, len(sources.num_rows))
    queries, rows, valid = _draw_rows(row_key, sources, site, settings, num_rows)
    level, known = _vary(
        reading_key,
        sources.level[queries],
        sources.level[rows],
        1 / sources.range_db[site],
        settings,
    )
    turn = _draw_turn(plan_key) if settings.turn else jnp.eye(2)
    support = make_support(known, sources.position[rows] @ turn, sources.place[rows], valid)
    return Episode(level, sources.position[queries] @ turn, support)


def _draw_rows(
    key: jax.Array, sources: Sources, site: jax.Array, settings: EpisodeSettings, num_rows: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Rows of the queries and of the support, and which rows of the support count."""
    crop_key, disc_key, query_key, order_key, size_key = jax.random.split(key, 5)
    num_queries = min(settings.num_queries, num_rows // 2)
    count = sources.num_rows[site]
    inside = jnp.arange(num_rows) < count
    rows = sources.start[site] + jnp.minimum(jnp.arange(num_rows), count - 1)
    position, place = sources.position[rows], sources.place[rows]
    # A disc around one of the rows, or the whole site where it would hold too few.
    middle = position[jax.random.randint(disc_key, (), 0, count)]
    away = jnp.where(inside, jnp.square(position - middle[None]).sum(axis=1), 0.0)
    chance, share = jax.random.uniform(crop_key, (2,))
    disc = inside & (away <= jnp.square(0.15 + 0.55 * share) * away.max())
    cropped = (chance < settings.crop) & (disc.sum() >= 4 * num_queries)
    inside = jnp.where(cropped, disc, inside)
    drawn = jax.random.uniform(query_key, (num_rows,))
    # With a site of few rows, half of them at most are queries.
    rank, queries = top_k(jnp.where(inside, drawn, -1.0), num_queries)
    asked = (rank >= 0) & (jnp.arange(num_queries) < jnp.maximum(inside.sum() // 2, 1))
    queries = jnp.where(asked, queries, queries[0])
    size_draw, radius_draw, whole_draw = jax.random.uniform(size_key, (3,))
    open_ = inside
    if settings.grouped and settings.hidden_radius > 0:
        hidden_m = settings.hidden_radius * radius_draw * sources.spacing_m[site]
        apart = jnp.square(position[:, None] - position[queries][None]).sum(axis=-1).min(axis=1)
        open_ = inside & (apart > jnp.square(hidden_m))
    elif settings.grouped:
        # The same as a radius of 0, without a distance for each pair of rows.
        open_ = inside & ~at_places(place, queries)
    scan_key, place_key = jax.random.split(order_key)
    by_scan = jax.random.uniform(scan_key, (num_rows,))
    by_place = jax.random.uniform(place_key, (num_rows,))[place] + 1e-4 * by_scan
    order = jnp.where(whole_draw < settings.whole_places, by_place, by_scan)
    rank, support = top_k(jnp.where(open_, order, -1.0), min(settings.max_support, num_rows))
    ratio = settings.max_support / settings.min_support
    size = settings.min_support * jnp.exp(size_draw * math.log(ratio))
    valid = (rank >= 0) & (jnp.arange(len(rank)) < size)
    return rows[queries], rows[support], valid


def _vary(
    key: jax.Array, asked: jax.Array, known: jax.Array, per_db: jax.Array, own: EpisodeSettings
) -> tuple[jax.Array, jax.Array]:
    """Levels of queries and support as two surveys with different devices would give them."""
    keys = jax.random.split(key, 6)
    num_access_points = asked.shape[1]
    if own.access_points_merged > 0:
        twin = jax.random.permutation(keys[0], num_access_points)
        merged = jax.random.bernoulli(keys[1], own.access_points_merged, (1, num_access_points))
        asked = jnp.where(merged, jnp.maximum(asked, asked[:, twin]), asked)
        known = jnp.where(merged, jnp.maximum(known, known[:, twin]), known)
    lost, missed = jax.random.uniform(keys[2], (2,))
    lost, missed = 2 * own.access_point_dropout * lost, 2 * own.query_dropout * missed
    there = jax.random.bernoulli(keys[3], 1 - lost, (1, num_access_points))
    word = jax.random.split(keys[4])
    heard = there & jax.random.bernoulli(word[0], 1 - missed, asked.shape) & (asked > 0)
    gain = own.gain_offset_db * jax.random.normal(word[1], (len(asked), 1))
    noise = own.reading_noise_db * jax.random.normal(keys[5], asked.shape)
    asked = jnp.where(heard, jnp.clip(asked + per_db * (gain + noise), 0.0, 1.0), 0.0)
    return asked, jnp.where(there, known, 0.0)


def _draw_turn(key: jax.Array) -> jax.Array:
    """A random rotation, reflected half of the time, float[2, 2]."""
    angle, side = jax.random.uniform(key, (2,))
    cosine, sine = jnp.cos(2 * jnp.pi * angle), jnp.sin(2 * jnp.pi * angle)
    mirror = jnp.where(side < 0.5, 1.0, -1.0)
    return jnp.stack([jnp.stack([cosine, -sine * mirror]), jnp.stack([sine, cosine * mirror])])
