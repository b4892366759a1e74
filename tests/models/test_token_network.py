"""The site-agnostic network: what must not matter does not, and what must move along does."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.models.site_agnostic.support import make_support
from rsstl_jax.models.site_agnostic.token_network import TokenRegressor, make_agnostic
from rsstl_jax.models.site_agnostic.tokens import NUM_RETRIEVED, Tokens, make_tokens

SETTINGS = AgnosticSettings(
    num_access_points=5,
    num_neighbours=4,
    width=8,
    num_blocks=2,
    num_heads=2,
    feed_width=6,
)
NETWORK = make_agnostic(SETTINGS)
RNG = np.random.default_rng(1)
NUM_ROWS, NUM_ACCESS_POINTS = 30, 7


def draw_levels(number):
    shape = (number, NUM_ACCESS_POINTS)
    return np.where(RNG.random(shape) < 0.7, RNG.uniform(0.1, 0.9, shape), 0.0).astype(np.float32)


LEVEL, QUERIES = draw_levels(NUM_ROWS), draw_levels(6)
POSITION = RNG.normal(0, 1, (NUM_ROWS, 2)).astype(np.float32)
PLACE = np.arange(NUM_ROWS) // 2
POSITION = POSITION[PLACE]


@jax.jit
def support_of(level, position, place, valid):
    return make_support(level, position, place, valid)


def make(level=LEVEL, position=POSITION, place=PLACE, valid=None):
    return support_of(level, position, place, valid)


PARAMS = tiny.draw_params(NETWORK, jnp.asarray(QUERIES), jax.eval_shape(make))


@jax.jit
def locate(queries, support):
    return NETWORK.apply({"params": PARAMS}, queries, support)


def tokens_of(queries, **counts):
    """Tokens in the site above, compiled as one program."""
    return jax.jit(partial(make_tokens, settings=AgnosticSettings(**counts)))(queries, make())


def assert_same(out, other, rtol=1e-3):
    for leaf, other_leaf in zip(out[:3], other[:3], strict=True):
        np.testing.assert_allclose(leaf, other_leaf, rtol=rtol, atol=1e-4)


def dense(inputs, outputs):
    return inputs * outputs + outputs


def test_parameter_count_equals_hand_arithmetic_and_knows_no_site():
    embedding = dense(7, 8) + dense(9, 8) + dense(14, 8) + dense(8, 8)
    # norm, scores of two heads, values, what is shared (8 pooled and 8 of the first), hidden, out
    block = 2 * 8 + dense(8, 2) + dense(8, 8) + 16 * 6 + dense(8, 6) + dense(6, 8)
    regressor = dense(16, 8) + dense(8, 1) + dense(8, 8) + dense(8, 2)
    assert sum(leaf.size for leaf in jax.tree.leaves(PARAMS)) == (
        embedding + 2 * block + 2 * 8 + regressor
    )


def test_widths_and_finite_numbers_at_any_site():
    for num_rows, num_access_points in ((1, 1), (3, 2), (200, 40)):
        level = RNG.random((num_rows, num_access_points)).astype(np.float32)
        position = np.ones((num_rows, 2), np.float32)
        out = locate(level[:1], make(level, position, np.arange(num_rows)))
        assert (out.frame.shape, out.extract.shape, out.location.shape) == ((1, 8), (1, 8), (1, 2))
        assert all(bool(jnp.isfinite(leaf).all()) for leaf in out[:3])


def test_order_of_access_points_and_of_the_support_does_not_matter():
    out = locate(QUERIES, make())
    columns, rows = RNG.permutation(NUM_ACCESS_POINTS), RNG.permutation(NUM_ROWS)
    assert_same(locate(QUERIES[:, columns], make(LEVEL[:, columns])), out)
    assert_same(locate(QUERIES, make(LEVEL[rows], POSITION[rows], PLACE[rows])), out)


def test_order_of_the_batch_is_only_an_order():
    out, turned = locate(QUERIES, make()), locate(QUERIES[::-1], make())
    assert_same(jax.tree.map(lambda leaf: jnp.asarray(leaf)[..., ::-1, :], tuple(turned[:3])), out)


def test_padding_changes_nothing():
    extra = 9
    filled = make(
        np.vstack([LEVEL, draw_levels(extra)]),
        np.vstack([POSITION, RNG.normal(0, 9, (extra, 2)).astype(np.float32)]),
        np.concatenate([PLACE, np.zeros(extra, int)]),
        jnp.arange(NUM_ROWS + extra) < NUM_ROWS,
    )
    assert_same(locate(QUERIES, filled), locate(QUERIES, make()))
    # columns without a detection, as sites with fewer access points have them
    wide = [np.pad(levels, ((0, 0), (0, 3))) for levels in (QUERIES, LEVEL)]
    assert_same(locate(wide[0], make(wide[1])), locate(QUERIES, make()))


def test_access_points_unknown_to_the_support_do_not_count():
    silent = LEVEL.copy()
    silent[:, 2] = 0
    deaf = QUERIES.copy()
    deaf[:, 2] = 0
    assert_same(locate(QUERIES, make(silent)), locate(deaf, make(silent)))


def test_the_position_moves_and_grows_with_the_plan():
    """All of it: lengths enter relative to the anchor and in local units only."""
    out = locate(QUERIES, make())
    moved = locate(QUERIES, make(position=POSITION + np.float32([4.0, -3.0])))
    np.testing.assert_allclose(moved.location, out.location + jnp.array([[4.0, -3.0]]), atol=1e-3)
    np.testing.assert_allclose(moved.extract, out.extract, atol=1e-3)
    grown = locate(QUERIES, make(position=2.5 * POSITION))
    np.testing.assert_allclose(grown.location, 2.5 * out.location, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(grown.extract, out.extract, atol=1e-3)


def test_the_convex_part_turns_with_the_plan():
    regressor = TokenRegressor(4)
    extract, refined = jnp.ones((3, 8)), jax.random.normal(jax.random.key(0), (3, 5, 8))
    position = jax.random.normal(jax.random.key(1), (3, 5, 2))
    valid = jnp.arange(5)[None, :] < jnp.array([[5], [3], [1]])
    retrieved = jnp.zeros((3, 2)), jnp.zeros(())
    tokens = Tokens(*[None] * 3, position, valid, jnp.zeros(3), jnp.ones(()), *retrieved)
    params = tiny.draw_params(regressor, extract, refined, tokens)
    regress = jax.jit(partial(regressor.apply, {"params": params}, extract, refined))
    place = regress(tokens)
    turn = jnp.array([[0.0, 1.0], [1.0, 0.0]]) @ jnp.array([[0.6, -0.8], [0.8, 0.6]])
    turned = tokens._replace(position=position @ turn)
    np.testing.assert_allclose(regress(turned), place @ turn, atol=1e-5)
    # inside the box of its tokens, and on the only one where there is one
    low, high = (
        f(jnp.where(valid[..., None], position, b), axis=1)
        for f, b in ((jnp.min, 9.0), (jnp.max, -9.0))
    )
    assert bool(((low - 1e-5 <= place) & (place <= high + 1e-5)).all())
    np.testing.assert_allclose(place[2], position[2, 0], atol=1e-6)


def test_temperature_goes_from_the_mean_of_all_tokens_to_one_of_them():
    support = make()
    blunt, sharp = [
        locate(QUERIES, support._replace(inverse_temperature=jnp.float32(value)))
        for value in (0.0, 1e6)
    ]
    tokens = tokens_of(QUERIES, num_access_points=5, num_neighbours=4)
    count = tokens.valid.sum(axis=1, keepdims=True)
    mean = (tokens.position * tokens.valid[..., None]).sum(axis=1) / count
    # The small step is the same whatever the temperature.
    copied = sharp.location - (blunt.location - mean)
    apart = jnp.linalg.norm(tokens.position - copied[:, None], axis=-1)
    assert jnp.where(tokens.valid, apart, jnp.inf).min(axis=1).max() < 1e-4
    assert jnp.abs(copied - mean).max() > 0.1


def test_retrieval_goes_from_the_network_to_the_mean_of_the_most_similar():
    """By hand: Sørensen similarity of levels to the power 1.5, itself to the power 4."""
    retrieving = make()._replace(retrieval_power=jnp.float32(4))
    trained, half, retrieved = [
        locate(QUERIES, retrieving._replace(retrieval=jnp.float32(value))).location
        for value in (0.0, 0.5, 1.0)
    ]
    np.testing.assert_allclose(half, (trained + retrieved) / 2, atol=1e-5)
    for query, found in zip(QUERIES, retrieved, strict=True):
        smaller = (np.minimum(query[None], LEVEL) ** 1.5).sum(axis=1)
        similarity = 2 * smaller / ((query**1.5).sum() + (LEVEL**1.5).sum(axis=1))
        nearest = np.argsort(-similarity)[:NUM_RETRIEVED]
        expected = np.average(POSITION[nearest], axis=0, weights=similarity[nearest] ** 4)
        np.testing.assert_allclose(found, expected, atol=1e-4)
    # No power makes all weights 0: the nearest stays.
    steep = make()._replace(retrieval=jnp.float32(1), retrieval_power=jnp.float32(1e4))
    weak = jnp.zeros_like(QUERIES).at[:, 0].set(1e-3)
    apart = np.linalg.norm(POSITION[None] - locate(weak, steep).location[:1, None], axis=-1)
    assert apart.min() < 1e-4
    # Without a reading nothing is similar.
    silent = locate(0 * QUERIES, make()._replace(retrieval=jnp.float32(1))).location
    np.testing.assert_allclose(silent[0], make().center, atol=1e-5)


def test_tokens_of_one_position_are_one_token_with_votes():
    tokens = tokens_of(LEVEL[:1], num_access_points=7, num_neighbours=9)
    places = np.asarray(tokens.position[0, 8:][np.asarray(tokens.valid[0, 8:])])
    assert len(np.unique(places, axis=0)) == len(places) > 3
    nearest = np.asarray(tokens.neighbours[0, 0])
    np.testing.assert_allclose(tokens.position[0, 8], POSITION[0], atol=1e-6)
    # the query is the first row: no distance, no gain, all access points common, two scans there
    np.testing.assert_allclose(nearest[[3, 4, 5, 6, 7, 9, 10]], 0, atol=1e-3)
    np.testing.assert_allclose(nearest[[8, 11]], 1, atol=1e-5)
    np.testing.assert_allclose(nearest[12], 0.3 * np.log(2), atol=1e-5)


def test_sorensen_distance_is_exact_where_all_readings_are_compared():
    tokens = tokens_of(QUERIES, num_access_points=7, num_neighbours=15)
    for query, features, valid in zip(QUERIES, tokens.neighbours, tokens.valid[:, 8:], strict=True):
        smaller = (np.minimum(query[None], LEVEL) ** 1.5).sum(axis=1)
        distance = 1 - 2 * smaller / ((query**1.5).sum() + (LEVEL**1.5).sum(axis=1))
        expected = np.sort([distance[place == PLACE].min() for place in np.unique(PLACE)])
        np.testing.assert_allclose(features[valid, 3], expected[: int(valid.sum())], atol=1e-5)


def test_a_fingerprint_without_a_reading_is_placed_in_the_middle_of_all():
    tokens = tokens_of(jnp.zeros((1, NUM_ACCESS_POINTS)), num_access_points=5, num_neighbours=4)
    np.testing.assert_allclose(tokens.position[0, 0], POSITION.mean(axis=0), atol=1e-5)
    out = locate(np.zeros((2, NUM_ACCESS_POINTS), np.float32), make())
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in out[:3])


def test_gradients_are_finite_even_without_a_support():
    queries = QUERIES * (np.arange(len(QUERIES)) > 0)[:, None]

    @jax.jit
    @jax.grad
    def differentiate(params, valid):
        return NETWORK.apply({"params": params}, queries, make(valid=valid)).location.sum()

    for valid in (np.ones(NUM_ROWS, bool), np.zeros(NUM_ROWS, bool)):
        grads = differentiate(PARAMS, valid)
        assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(grads))


def test_what_the_contract_cannot_give_is_refused_with_words():
    with pytest.raises(ValueError, match="support is None; make_support computes it"):
        NETWORK.apply({"params": PARAMS}, QUERIES)
    with pytest.raises(TypeError, match="needs the tokens of a fingerprint"):
        NETWORK.apply({"params": PARAMS}, jnp.ones((1, 8)), method="regress")
