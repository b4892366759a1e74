"""Episodes: what a query may see, how large a support is, and what is varied."""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from ml_collections import ConfigDict

from rsstl_jax.config import default_config
from rsstl_jax.errors import DataError
from rsstl_jax.site_agnostic import episodes as episodes_module
from rsstl_jax.site_agnostic.episodes import (
    draw_episode,
    make_sources,
    tuning_episodes,
)

PARTS = [tiny.make_part(name) for name in ("home", "mall")]
SOURCES = make_sources(PARTS)
NUM_ROWS = max(len(part) for part in PARTS)
SIZES = ("num_queries", "min_support", "max_support")
DROPOUT = {"access_point_dropout": 0.1, "query_dropout": 0.1}


def replace(settings, **fields):
    return ConfigDict(settings.to_dict() | fields)


FULL = replace(
    default_config().agnostic.episodes, num_queries=4, min_support=3, max_support=16, crop=1.0
)
PLAIN = replace(FULL, **{name: 0.0 for name in FULL if name not in SIZES})


def program(*sizes):
    """Draws an episode for each key; settings that bear on no shape are values of the program."""

    def draw_each(chances, keys, sources):
        settings = ConfigDict(dict(zip(SIZES, sizes, strict=True)) | chances)
        one = partial(draw_episode, settings=settings, num_rows=NUM_ROWS)
        return jax.vmap(one, in_axes=(0, None))(keys, sources)

    return jax.jit(draw_each)


compiled_once = lru_cache(program)


def draw(settings, sources=SOURCES, seed=0, make=compiled_once):
    """Many episodes at once."""
    chances = settings.to_dict()
    sizes = [chances.pop(name) for name in SIZES]
    keys = jax.random.split(jax.random.key(seed), 64)
    return make(*sizes)(chances, keys, sources)


def draw_anew(settings, sources):
    """The same episodes by the module as it is now."""
    return draw(settings, sources, make=program)


def nearest_m(episodes):
    """Distance from each query to the nearest row of its support that counts."""
    apart = np.linalg.norm(
        np.asarray(episodes.position)[:, :, None] - np.asarray(episodes.support.position)[:, None],
        axis=-1,
    )
    return np.where(np.asarray(episodes.support.valid)[:, None], apart, np.inf).min(axis=-1)


def repeated_sources():
    """Sites whose every place was visited twice."""
    return make_sources([part.take([*range(10), *range(10)]) for part in PARTS])


@pytest.mark.slow
def test_no_query_sees_its_own_position(monkeypatch):
    sources = repeated_sources()
    for settings in (PLAIN, FULL):
        assert nearest_m(draw(settings, sources=sources)).min() > 0.1
    monkeypatch.setattr(episodes_module, "at_same_position", lambda ids, rows: ids < 0)
    shown = draw_anew(PLAIN, sources)
    assert (nearest_m(shown) < 1e-3).mean() > 0.3


def test_queries_and_support_are_of_one_site():
    episodes = draw(PLAIN)
    # Turned or not, a row keeps its distance from the mean of its site.
    site = {
        round(float(distance), 2): number
        for number in range(2)
        for distance in np.linalg.norm(SOURCES.position[21 * number : 21 * (number + 1)], axis=1)
    }
    for queries, support, valid in zip(
        episodes.position, episodes.support.position, episodes.support.valid, strict=True
    ):
        positions = [*np.asarray(queries), *np.asarray(support)[np.asarray(valid)]]
        distances = [float(np.linalg.norm(position)) for position in positions]
        assert len({nearest_site(site, distance) for distance in distances}) == 1


def nearest_site(site, distance):
    found = min(site, key=lambda known: abs(known - distance))
    assert abs(found - distance) < 0.01
    return site[found]


def test_sizes_of_supports_are_spread_over_their_range():
    numbers = np.asarray(draw(PLAIN).support.number)
    assert 3 <= numbers.min() <= 4 and 12 <= numbers.max() <= 16
    # log-uniform: the median is the geometric mean
    assert 5 <= np.median(numbers) <= 9


def test_a_support_holds_different_rows_that_count_first():
    for position, valid in zip(*draw(PLAIN).support[1:4:2], strict=True):
        valid = np.asarray(valid)
        assert valid[: valid.sum()].all()
        assert len(np.unique(np.asarray(position)[valid], axis=0)) == valid.sum()


def test_positions_come_with_all_their_scans():
    sources = repeated_sources()
    share = []
    for whole in (0.0, 1.0):
        support = draw(replace(PLAIN, all_scans=whole), sources=sources).support
        share.append(
            np.mean(
                [
                    v.sum() / len(np.unique(np.asarray(p)[np.asarray(v)]))
                    for p, v in zip(support.position_id, support.valid, strict=True)
                ]
            )
        )
    assert share[0] + 0.1 < share[1] > 1.6


def test_without_variation_readings_are_those_of_the_rows():
    levels = {tuple(np.round(row, 5)) for row in np.asarray(SOURCES.level)}
    episodes = draw(PLAIN)
    for row in np.asarray(episodes.level).reshape(-1, episodes.level.shape[-1]):
        assert tuple(np.round(row, 5)) in levels


def test_a_missing_access_point_is_missing_in_both():
    episodes = draw(replace(PLAIN, access_point_dropout=0.5))
    unheard = np.asarray(episodes.support.num_detections == 0)
    assert unheard.mean() > 0.3
    lost = (~(np.asarray(episodes.level) > 0).any(axis=1)) & unheard
    assert lost.sum() > 0.8 * unheard.sum()


def test_readings_of_queries_alone_are_missing_shifted_and_noisy():
    plain = draw(PLAIN)
    for fields, differs in (
        ({"query_dropout": 0.4}, "missing"),
        ({"gain_offset_db": 5.0}, "shifted"),
        ({"reading_noise_db": 5.0}, "noisy"),
    ):
        episodes = draw(replace(PLAIN, **fields))
        np.testing.assert_array_equal(episodes.support.level, plain.support.level)
        heard = np.asarray((plain.level > 0) & (episodes.level > 0))
        assert not np.asarray((plain.level == 0) & (episodes.level > 0)).any()
        apart = np.where(heard, np.asarray(episodes.level - plain.level), np.nan)
        if differs == "missing":
            assert np.nanmax(np.abs(apart)) == 0
            assert 0.2 < 1 - heard.sum() / np.asarray(plain.level > 0).sum() < 0.6
        else:
            inside = np.asarray(episodes.level) < 1
            spread = np.nanstd(np.where(inside, apart, np.nan), axis=-1)
            assert (np.nanmax(spread) < 1e-5) == (differs == "shifted")
            assert 0.01 < np.nanstd(apart) < 0.1


def test_turning_keeps_every_distance_and_mirrors_half(monkeypatch):
    turned = draw(PLAIN)
    monkeypatch.setattr(episodes_module, "_draw_turn", lambda key: jnp.eye(2))
    plain = draw_anew(PLAIN, SOURCES)
    np.testing.assert_allclose(nearest_m(turned), nearest_m(plain), rtol=1e-3)
    basis = np.asarray(plain.position)[:, 1:3] - np.asarray(plain.position)[:, :1]
    other = np.asarray(turned.position)[:, 1:3] - np.asarray(turned.position)[:, :1]
    mirrored = np.sign(np.linalg.det(basis)) != np.sign(np.linalg.det(other))
    assert 0.25 < mirrored.mean() < 0.75


def test_a_crop_is_smaller_than_its_site():
    settings = replace(FULL, num_queries=2)
    radius = draw(settings).support.radius
    assert float(radius.mean()) < 0.9 * float(
        draw(replace(settings, crop=0.0)).support.radius.mean()
    )


def test_the_same_key_draws_the_same_episode():
    tiny.assert_same_bits(draw(FULL), draw(FULL))
    assert tiny.differing(draw(FULL), draw(FULL, seed=1))


def test_a_tuning_differs_from_the_sources_in_its_own_fields_alone():
    config = default_config()
    sources, tuning = config.agnostic.episodes, tuning_episodes(config)
    assert replace(sources, max_support=2048, min_support=512, **DROPOUT) == tuning != sources
    config.agnostic.episodes.num_queries = 5
    assert tuning_episodes(config).num_queries == 5


def test_sources_that_leave_no_support_are_refused():
    with pytest.raises(DataError, match="home train: one position only"):
        make_sources([PARTS[0].take([0, 0])])


def test_padded_columns_of_a_narrow_site_are_never_heard():
    assert bool((SOURCES.level[:21, 6:] == 0).all())
    assert bool(jnp.any(SOURCES.level[21:, 6:] > 0))
