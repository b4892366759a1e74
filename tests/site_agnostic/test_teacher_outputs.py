"""What site-agnostic teachers predict for the target, and what a student makes of it."""

from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny import draw_members, make_part, make_tiny_config

from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.engine.site_network import make_batch
from rsstl_jax.errors import DataError
from rsstl_jax.models import make_network
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.phases.alignment_terms import Alignment
from rsstl_jax.phases.distill_step import DistillContext, make_distill_state, make_distill_step
from rsstl_jax.site_agnostic.teacher_outputs import (
    TeacherOutputs,
    average_with_student,
    cross_predict,
    join_teacher_fns,
    lookup_params,
    make_lookup_fn,
)
from rsstl_jax.types import Batch

OUTPUTS = import_module("rsstl_jax.site_agnostic.teacher_outputs")
SETTINGS = AgnosticSettings(width=8, num_heads=2, feed_width=4, num_blocks=1)
MEMBERS = draw_members(SETTINGS)


def test_no_fingerprint_is_located_with_its_own_position_in_the_support(monkeypatch):
    part = make_part().take(np.repeat(np.arange(21), 3))
    located = []

    def record(network, members, radio_map, valid, rows):
        known = np.asarray(radio_map.level)[np.asarray(valid)]
        located.extend((row, known) for row in np.asarray(rows))
        echo = jnp.stack([rows, rows])
        return echo, echo, echo[..., :2]

    monkeypatch.setattr(OUTPUTS, "_represent", record)
    outputs = cross_predict(SETTINGS, MEMBERS, part, make_part(part="test").rss_dbm)
    site_network = OUTPUTS.make_agnostic_site_network(SETTINGS, part)
    level = np.asarray(site_network.preprocessor.encode(part.rss_dbm))
    # The three scans of a place are equal rows here: none of them may be known.
    of_train = [(row, known) for row, known in located if len(known) < len(part)]
    assert len(of_train) >= len(part)
    for row, known in of_train:
        assert len(known) >= len(part) * 0.7
        assert not (known == row).all(axis=1).any()
    # In the order of the part, the unlabelled ones behind it, those with the whole part known.
    np.testing.assert_array_equal(outputs.extract[1, : len(part)], level)
    others = site_network.preprocessor.encode(make_part(part="test").rss_dbm)
    np.testing.assert_array_equal(outputs.extract[0, len(part) :], others)
    assert outputs.pseudo_labelled().row.tolist() == list(range(63, 72))


def test_outputs_are_the_networks_own():
    part, others = make_part(), make_part(part="test")
    outputs = cross_predict(SETTINGS, MEMBERS, part, others.rss_dbm)
    assert outputs.frame.shape == outputs.extract.shape == (2, 30, 8)
    site_network = OUTPUTS.make_agnostic_site_network(SETTINGS, part)
    represent = jax.jit(site_network.represent)
    out = [represent(params, jnp.asarray(others.rss_dbm)) for params in MEMBERS]
    for member, own in enumerate(out):
        np.testing.assert_allclose(outputs.extract[member, 21:], own.extract, atol=1e-5)
    position_m = np.mean([own.location for own in out], axis=0) * site_network.preprocessor.scale_m
    np.testing.assert_allclose(outputs.position_m[21:], position_m, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(outputs.pseudo_labelled().centered_m, outputs.position_m[21:])


def test_a_site_of_one_position_is_refused():
    with pytest.raises(DataError, match="one position only"):
        cross_predict(SETTINGS, MEMBERS, make_part().take(np.zeros(5, int)))


def test_a_wider_student_is_given_the_same_inner_products():
    drawn = jax.random.normal(jax.random.key(0), (2, 40, 6))
    outputs = TeacherOutputs(drawn, drawn, jnp.zeros((40, 2)), jnp.zeros((0, 5)))
    network = make_network(make_tiny_config())
    frame, extract = make_lookup_fn(network)(
        lookup_params(outputs, network),
        jax.random.key(1),
        Batch(jnp.zeros((40, 5)), jnp.zeros((40, 2)), jnp.arange(40)),
    )
    units = (drawn - drawn.mean(axis=1, keepdims=True)) / drawn.std(axis=1, keepdims=True)
    gram = lambda z: np.einsum("nbd,ncd->nbc", z, z)  # noqa: E731
    np.testing.assert_allclose(gram(frame), gram(units), rtol=1e-4, atol=1e-3)
    assert extract.shape == (2, 40, 8) and float(extract.min()) == 0.0  # behind the DNN's ReLU


def test_teachers_of_two_kinds_are_stacked_in_order():
    kinds = [lambda value, key, batch: (jnp.full((1, 2, 3), value),) * 2] * 2
    frame, _ = join_teacher_fns(*kinds)((1.0, 2.0), jax.random.key(0), None)
    assert frame[:, 0, 0].tolist() == [1.0, 2.0]


def test_unlabelled_fingerprints_bear_on_the_soft_target_alone():
    plain = {"model.dnn.dropout": 0.0} | dict.fromkeys(
        ("augment.access_point_dropout", "augment.gain_offset_db", "augment.reading_noise_db"), 0.0
    )
    part = make_part()
    site_network = make_site_job(make_tiny_config(**plain), part).site_network
    tx = optax.sgd(1e-2)
    data = make_batch(part, site_network.preprocessor)
    own = jax.tree.map(lambda leaf: leaf[:8], data)
    among = jax.tree.map(lambda leaf: leaf[8:9], data)
    silent = lambda teachers, key, batch: (jnp.zeros((1, len(batch.row), 8)),) * 2  # noqa: E731

    def metrics(number, soft_m, weight=1.0):
        step = make_distill_step(
            site_network, silent, Alignment(None, ()), tx, num_unlabelled=number
        )
        weights = {"localization": 1.0, "soft_target": weight}
        context = DistillContext({}, weights, 0.2, soft_target_m=soft_m, unlabelled=among)
        student = site_network.init(jax.random.key(0), part.num_access_points)
        state, found = jax.jit(step)(
            make_distill_state(student, {}, tx), own, jax.random.key(1), context
        )
        return state, {term: float(value) for term, value in found.items()}

    truth = data.centered_m
    far = truth.at[8].add(1000.0)
    _, near_alone = metrics(0, truth)
    _, near = metrics(4, truth)
    _, away = metrics(4, far)
    assert near_alone["soft_target"] == pytest.approx(near_alone["localization"], rel=1e-5)
    for found in (near, away):
        assert found["localization"] == pytest.approx(near_alone["localization"], rel=1e-5)
    # A third of the rows lie 1000 sqrt(2) m further away.
    moved = (away["soft_target"] - near["soft_target"]) / (1000 * np.sqrt(2) / 3)
    assert moved == pytest.approx(1.0, abs=0.1)
    _, lost = metrics(4, truth[:8])  # The ninth is not there: not the eighth in its place.
    assert np.isnan(lost["soft_target"])
    without, _ = metrics(4, far, weight=0.0)
    plain_state, _ = metrics(0, truth, weight=0.0)
    for leaf, other in zip(
        jax.tree.leaves(without.params), jax.tree.leaves(plain_state.params), strict=True
    ):
        np.testing.assert_allclose(leaf, other, rtol=1e-5, atol=1e-6)


def test_a_student_is_averaged_with_where_positions_are_unknown():
    part, others = make_part(), make_part(part="test")
    site_network = make_site_job(make_tiny_config(), part).site_network
    params = site_network.init(jax.random.key(0), part.num_access_points)
    position_m = jax.random.normal(jax.random.key(1), (30, 2))
    silent = jnp.zeros((1, 30, 8))
    outputs = TeacherOutputs(silent, silent, position_m, jnp.asarray(others.rss_dbm))
    found = average_with_student(outputs, site_network, params).position_m
    own = site_network.represent(params, outputs.unlabelled_dbm).location
    own_m = own * site_network.preprocessor.scale_m
    np.testing.assert_array_equal(found[:21], position_m[:21])
    np.testing.assert_allclose(found[21:], (position_m[21:] + own_m) / 2, rtol=1e-5, atol=1e-4)
