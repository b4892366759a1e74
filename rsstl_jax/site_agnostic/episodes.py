"""Episodes: a site, a support drawn from it, and queries at positions that the support lacks."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from rsstl_jax._numerics import top_k
from rsstl_jax.config.retired import renew
from rsstl_jax.config.rules import read_mesh
from rsstl_jax.data import Fingerprints, fit_preprocessor
from rsstl_jax.engine.mesh import make_mesh
from rsstl_jax.engine.radio_map import at_same_position, position_ids
from rsstl_jax.errors import ConfigError, DataError
from rsstl_jax.models.site_agnostic.support import Support, make_support

# Of version 0.1; they never varied.
_OLD_FIELDS = {"hidden_radius": 0.0, "access_points_merged": 0.0, "turn": True, "grouped": True}

_uniform = partial(jax.random.uniform, dtype=jnp.float32)
_normal = partial(jax.random.normal, dtype=jnp.float32)


def tuning_episodes(config: ConfigDict) -> ConfigDict:
    """The episodes of a tuning at the target: as on the sources, but for what it has of its own."""
    tuning = config.agnostic.tune.episodes.to_dict()
    return ConfigDict(config.agnostic.episodes.to_dict() | tuning)


def renew_episodes(episodes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of episodes, as this version or an earlier one wrote them."""
    return renew(episodes, _OLD_FIELDS, {"whole_places": "all_scans"})


def training_facts(config: ConfigDict) -> dict[str, Any]:
    """What a card says of a training on episodes, beside its data and seeds."""
    plan = config.agnostic
    facts = {"epochs": plan.epochs, "learning_rate": plan.learning_rate}
    # Cards of earlier versions say nothing of one episode a step.
    if plan.episodes_per_step > 1:
        facts["episodes_per_step"] = plan.episodes_per_step
    return facts | {"episodes": plan.episodes.to_dict()}


def check_mesh(config: ConfigDict) -> None:
    """Refuses devices that there are not, or that a training on episodes has no use for."""
    sizes, number = read_mesh(config.run.mesh) or {}, config.agnostic.episodes_per_step
    devices = sizes.get("data", 1)
    if number % devices:
        raise ConfigError(
            f"run.mesh is {config.run.mesh!r} and agnostic.episodes_per_step is {number}, which "
            f"its data axis must divide; take a multiple of {devices} episodes"
        )
    if sizes.get("replica", 1) > 1:
        raise ConfigError(
            f"run.mesh is {config.run.mesh!r}; site-agnostic members are trained one after the "
            "other: take the axis data alone"
        )
    make_mesh(config.run.mesh)


class Sources(NamedTuple):
    """The fingerprints of all source sites, one below the other, as arrays on the device."""

    level: jax.Array  # float[R, A]: readings in the linear encoding of their site
    position: jax.Array  # float[R, 2]: metres from the site's mean
    position_id: jax.Array  # int[R]: number of the position within its site
    start: jax.Array  # int[N]: first row of each site
    num_rows: jax.Array  # int[N]: how many it has
    range_db: jax.Array  # float[N]: what a level of 1 stands for, dB


class Episode(NamedTuple):
    """Queries and the support that they are located with."""

    level: jax.Array  # float[Q, A]: readings of the queries
    position: jax.Array  # float[Q, 2]: their positions, metres
    support: Support  # of the episode, its positions in metres


def make_sources(parts: Sequence[Fingerprints]) -> Sources:
    """Sites of any size as one set of arrays."""
    width = max(part.num_access_points for part in parts)
    columns: dict[str, list[np.ndarray]] = {"level": [], "position": [], "position_id": []}
    range_db = []
    for part in parts:
        preprocessor = fit_preprocessor(part, encoding="linear")
        level = np.asarray(preprocessor.encode(part.rss_dbm))
        ids = position_ids(part)
        if ids.max() == 0:
            raise DataError(
                f"{part.dataset} {part.part}: one position only, which leaves no support"
            )
        columns["level"].append(np.pad(level, ((0, 0), (0, width - level.shape[1]))))
        columns["position"].append(preprocessor.center(part.position_m))
        columns["position_id"].append(ids)
        range_db.append(-preprocessor.floor_dbm)
    count = np.array([len(part) for part in parts], np.int32)
    return Sources(
        **{name: jnp.asarray(np.concatenate(arrays)) for name, arrays in columns.items()},
        start=jnp.asarray(np.cumsum(count, dtype=np.int32) - count),
        num_rows=jnp.asarray(count),
        range_db=jnp.asarray(range_db, jnp.float32),
    )


def draw_episode(
    key: jax.Array, sources: Sources, settings: ConfigDict, *, num_rows: int
) -> Episode:
    """Draws one episode; may be called inside jit. No site has more than `num_rows`."""
    site_key, row_key, reading_key, plan_key = jax.random.split(key, 4)
    site = jax.random.randint(site_key, (), 0, len(sources.num_rows), jnp.int32)
    queries, rows, valid = _draw_rows(row_key, sources, site, settings, num_rows)
    level, support_level = _vary(
        reading_key,
        sources.level[queries],
        sources.level[rows],
        1 / sources.range_db[site],
        settings,
    )
    turn = _draw_turn(plan_key)
    position = sources.position[rows] @ turn
    support = make_support(support_level, position, sources.position_id[rows], valid)
    return Episode(level, sources.position[queries] @ turn, support)


def _draw_rows(
    key: jax.Array, sources: Sources, site: jax.Array, settings: ConfigDict, num_rows: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Rows of the queries and of the support, and which rows of the support count."""
    crop_key, disc_key, query_key, order_key, size_key = jax.random.split(key, 5)
    num_queries = min(settings.num_queries, num_rows // 2)
    count = sources.num_rows[site]
    number = jnp.arange(num_rows, dtype=jnp.int32)
    inside = number < count
    rows = sources.start[site] + jnp.minimum(number, count - 1)
    position, ids = sources.position[rows], sources.position_id[rows]
    # A disc around one of the rows, or the whole site where the disc would hold too few.
    middle = position[jax.random.randint(disc_key, (), 0, count, jnp.int32)]
    squared_m = jnp.where(inside, jnp.square(position - middle[None]).sum(axis=1), 0.0)
    chance, size = _uniform(crop_key, (2,))
    disc = inside & (squared_m <= jnp.square(0.15 + 0.55 * size) * squared_m.max())
    cropped = (chance < settings.crop) & (disc.sum() >= 4 * num_queries)
    inside = jnp.where(cropped, disc, inside)
    # Of a site with few rows at most half become queries.
    order = _uniform(query_key, (num_rows,))
    rank, queries = top_k(jnp.where(inside, order, -1.0), num_queries)
    drawn = (rank >= 0) & (jnp.arange(num_queries) < jnp.maximum(inside.sum() // 2, 1))
    queries = jnp.where(drawn, queries, queries[0])
    # One draw of three is unused; without it the other two would be others.
    size_draw, _, scans_draw = _uniform(size_key, (3,))
    scan_key, position_key = jax.random.split(order_key)
    by_scan = _uniform(scan_key, (num_rows,))
    by_position = _uniform(position_key, (num_rows,))[ids] + 1e-4 * by_scan
    order = jnp.where(scans_draw < settings.all_scans, by_position, by_scan)
    eligible = inside & ~at_same_position(ids, queries)
    rank, support = top_k(jnp.where(eligible, order, -1.0), min(settings.max_support, num_rows))
    ratio = settings.max_support / settings.min_support
    size = settings.min_support * jnp.exp(size_draw * math.log(ratio))
    valid = (rank >= 0) & (jnp.arange(len(rank), dtype=jnp.float32) < size)
    return rows[queries], rows[support], valid


def _vary(
    key: jax.Array,
    query: jax.Array,
    support: jax.Array,
    level_per_db: jax.Array,
    settings: ConfigDict,
) -> tuple[jax.Array, jax.Array]:
    """Levels of queries and support as different devices would report them."""
    # Keys 0 and 1 are unused; without them the others would be others.
    _, _, rate_key, access_point_key, word_key, noise_key = jax.random.split(key, 6)
    draws = _uniform(rate_key, (2,))
    lost = 2 * settings.access_point_dropout * draws[0]
    missed = 2 * settings.query_dropout * draws[1]
    present = jax.random.bernoulli(access_point_key, 1 - lost, (1, query.shape[1]))
    reading_key, gain_key = jax.random.split(word_key)
    detected = present & jax.random.bernoulli(reading_key, 1 - missed, query.shape) & (query > 0)
    gain = settings.gain_offset_db * _normal(gain_key, (len(query), 1))
    noise = settings.reading_noise_db * _normal(noise_key, query.shape)
    varied = jnp.clip(query + level_per_db * (gain + noise), 0.0, 1.0)
    return jnp.where(detected, varied, 0.0), jnp.where(present, support, 0.0)


def _draw_turn(key: jax.Array) -> jax.Array:
    """A random rotation, reflected half of the time, float[2, 2]."""
    angle, side = _uniform(key, (2,))
    cosine, sine = jnp.cos(2 * jnp.pi * angle), jnp.sin(2 * jnp.pi * angle)
    mirror = jnp.where(side < 0.5, 1.0, -1.0)
    return jnp.stack([jnp.stack([cosine, -sine * mirror]), jnp.stack([sine, cosine * mirror])])
