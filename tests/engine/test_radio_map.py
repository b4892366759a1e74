"""A network with a support at one site: what it is trained with, and that it cannot copy."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import assert_same_bits, draw_params, make_part, make_tiny_config, write_sites

from rsstl_jax.baselines.transfer import make_transfer_job
from rsstl_jax.engine import radio_map as survey_module
from rsstl_jax.engine.radio_map import (
    RadioMap,
    draw_support,
    position_ids,
)
from rsstl_jax.engine.saved_student import Student, load_student, save_student
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.engine.site_network import predict_m
from rsstl_jax.errors import ConfigError, DataError
from rsstl_jax.pipeline import run_distillation

NARROW = {
    "network": "agnostic",
    "model.agnostic.width": 4,
    "model.agnostic.num_heads": 2,
    "model.agnostic.num_blocks": 1,
    "model.agnostic.feed_width": 4,
    "model.agnostic.num_neighbours": 3,
    "model.agnostic.num_access_points": 3,
    "teacher.kind": "agnostic",
}


def draw_survey(num_rows=40, num_places=9):
    rng = np.random.default_rng(0)
    place = rng.integers(0, num_places, num_rows)
    position = rng.normal(size=(num_places, 2))[place]
    level = rng.uniform(0.1, 1, (num_rows, 5))
    return RadioMap(jnp.asarray(level), jnp.asarray(position), jnp.asarray(place))


@pytest.mark.parametrize("seed", range(5))
def test_no_row_of_a_support_lies_at_an_asked_place(seed):
    survey = draw_survey()
    asked = jnp.asarray(np.random.default_rng(seed).choice(40, 3, replace=False))
    support = jax.jit(draw_support)(jax.random.key(seed), survey, asked)
    hidden = {int(survey.place[row]) for row in asked}
    expected = [row for row in range(40) if int(survey.place[row]) not in hidden]
    # A survey this small is in the support whole, but for those places.
    valid = np.asarray(support.valid)
    found = np.asarray(support.level)[valid]
    order = np.lexsort(found.T)
    wanted = np.asarray(survey.level)[expected]
    np.testing.assert_array_equal(found[order], wanted[np.lexsort(wanted.T)])
    assert not hidden & set(np.asarray(support.position_id)[valid].tolist())


def test_supports_of_a_large_survey_are_of_many_sizes(monkeypatch):
    monkeypatch.setattr(survey_module, "MIN_SUPPORT", 5)
    monkeypatch.setattr(survey_module, "MAX_SUPPORT", 20)
    survey, asked = draw_survey(), jnp.array([0])
    draw = jax.jit(lambda key: draw_support(key, survey, asked).number)
    sizes = {int(draw(jax.random.key(seed))) for seed in range(40)}
    assert min(sizes) >= 5 and max(sizes) <= 20 and len(sizes) > 8


def test_a_batch_leaves_at_least_half_of_the_places():
    config = make_tiny_config(**NARROW, **{"train.batch_size": 128})
    part = make_part()
    part = dataclasses.replace(part, position_m=np.repeat(part.position_m[:7], 3, axis=0))
    job = make_site_job(config, part)
    assert len(np.unique(job.site_network.survey.place)) == 7
    assert job.batch_size == 3


def test_places_are_numbered_whatever_the_floor():
    part = make_part()
    position_m = np.repeat(part.position_m[:7], 3, axis=0)
    part = dataclasses.replace(
        part, position_m=position_m, floor=np.tile(np.arange(3, dtype=np.int32), 7)
    )
    place = position_ids(part)
    assert len(set(place.tolist())) == 7
    assert (place.reshape(7, 3) == place[::3, None]).all()


def test_three_places_are_too_few():
    part = make_part()
    part = dataclasses.replace(part, position_m=np.repeat(part.position_m[:3], 7, axis=0))
    with pytest.raises(DataError, match=r"^home train: has fingerprints of 3 positions; .*least 4"):
        make_site_job(make_tiny_config(**NARROW), part)


def test_in_training_the_own_place_says_nothing():
    """Moving the place of an asked row, in the survey alone, leaves its answer as it is."""
    config = make_tiny_config(**NARROW, **{"augment.gain_offset_db": 0.0})
    part = make_part()
    site_network = make_site_job(config, part).site_network
    params = draw_params(site_network.network, jnp.zeros((1, 6)), site_network.support)

    @jax.jit
    def locate(survey, asked):
        own = site_network.for_step(jax.random.key(0), survey, asked)
        rows = jnp.asarray(part.rss_dbm)[asked]
        return own.represent(params, rows, key=jax.random.key(1)).location

    asked = jnp.array([3, 5])
    moved = site_network.survey._replace(position=site_network.survey.position.at[asked].add(9.0))
    before = locate(site_network.survey, asked)
    np.testing.assert_array_equal(locate(moved, asked), before)
    others = site_network.survey._replace(position=site_network.survey.position.at[7].add(9.0))
    assert np.abs(locate(others, asked) - before).max() > 0


def test_a_student_keeps_its_support(tmp_path):
    config, part = make_tiny_config(**NARROW), make_part()
    site_network = make_site_job(config, part).site_network
    params = draw_params(site_network.network, jnp.zeros((1, 6)), site_network.support)
    student = Student(site_network, params, part.access_points, "home")
    save_student(tmp_path, config, student)
    loaded = load_student(tmp_path)
    assert_same_bits(loaded.site_network.survey, site_network.survey)
    test = make_part("home", "test")
    before, after = (predict_m(s.site_network, s.params, test) for s in (student, loaded))
    np.testing.assert_array_equal(after, before)


@pytest.mark.slow
def test_it_is_distilled_from_site_agnostic_teachers(tmp_path):
    write_sites(tmp_path, "home", "mall")
    fields = {
        **NARROW,
        "data_dir": str(tmp_path),
        "data.fraction": 0.6,
        "distill.num_unlabelled": 2,
        "distill.weights.soft_target": 1.0,
    }
    result = run_distillation(make_tiny_config(**fields), tmp_path / "run")
    assert result["network"] == "agnostic"
    # Behind attention there is no J_FI.
    assert result["terms"] == ["similarity", "mutual_information"]
    students = result["students"]
    assert students["standalone"]["mae_m"] != students["distilled"]["mae_m"]
    assert np.isfinite(students["distilled"]["mae_m"]).all()
    again = run_distillation(make_tiny_config(**fields), tmp_path / "run")
    assert again["students"] == students


def test_what_it_cannot_do_is_refused(tmp_path):
    for kind in ("surrogate", "both"):
        with pytest.raises(ConfigError, match=rf"network is 'agnostic' .* '{kind}'; no position"):
            run_distillation(make_tiny_config(**{**NARROW, "teacher.kind": kind}), tmp_path)
    config = make_tiny_config(**{**NARROW, "model.agnostic.width": 5})
    with pytest.raises(ConfigError, match=r"model\.agnostic\.width is 5; .*2, must divide it"):
        run_distillation(config, tmp_path)
    with pytest.raises(ConfigError, match=r"no layer of the site's own to put an encoder for"):
        make_transfer_job(make_tiny_config(**NARROW), make_part())
