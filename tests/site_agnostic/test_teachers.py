"""Which site-agnostic bundle a run takes, and when it makes one anew."""

import re
from importlib import import_module

import jax
import jax.numpy as jnp
import pytest
from tiny import assert_same_bits, make_part, make_tiny_config

from rsstl_jax.config import default_config
from rsstl_jax.errors import DataError, MissingDataError
from rsstl_jax.models.site_agnostic.settings import AgnosticSettings
from rsstl_jax.site_agnostic.teachers import make_agnostic_teachers
from rsstl_jax.site_agnostic.training import init_agnostic
from rsstl_jax.store.files import read_sealed, write_sealed
from rsstl_jax.store.recorder import Recorder

SOURCES = {name: make_part(name) for name in ("mall", "campus")}


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes the teachers of a configuration; trainings are replaced by fresh parameters."""
    trained = []

    def draw(config, parts, network, *, seed, **_):
        trained.append(([part.dataset for part in parts], seed))
        shapes = jax.eval_shape(lambda: init_agnostic(AgnosticSettings(), jax.random.key(0)))
        return jax.tree.map(lambda leaf: jnp.full(leaf.shape, float(len(trained))), shapes)

    monkeypatch.setattr(import_module("rsstl_jax.site_agnostic.training"), "fit_agnostic", draw)

    def make(sources=SOURCES, **fields):
        config = make_tiny_config("mall,campus", **{"teacher.kind": "agnostic"} | fields)
        trained.clear()
        recorder = Recorder(tmp_path / "run")
        made = make_agnostic_teachers(config, tmp_path / "teachers", recorder, sources)
        return made, list(trained)

    return make


def test_members_are_trained_on_all_sources_once(make):
    first, trained = make(**{"agnostic.members": 2})
    assert trained == [(["mall", "campus"], 0), (["mall", "campus"], 1)]
    second, trained = make(**{"agnostic.members": 2})
    assert trained == [] and second.sources == ("mall", "campus")
    assert_same_bits(second.members, first.members)


@pytest.mark.parametrize(
    ("fields", "difference"),
    [
        ({"agnostic.epochs": 9}, "epochs was 1 and is 9"),
        ({"agnostic.learning_rate": 0.5}, r"learning_rate was 0\.002 and is 0\.5"),
        ({"agnostic.episodes.crop": 0.0}, r"episodes was .*'crop': 0\.3.* and is .*'crop': 0\.0"),
        ({"teacher.seed": 4}, r"seeds was \[0\] and is \[4\]"),
    ],
)
def test_another_setting_makes_them_anew(make, fields, difference, caplog):
    make()
    assert len(make(**fields)[1]) == 1
    assert re.search(f"{difference}.*; it is made anew", caplog.text)


def test_a_bundle_serves_where_the_data_are_not_at_hand(make, caplog):
    missing = MissingDataError("mall: no file")
    with pytest.raises(MissingDataError, match="mall: no file"):
        make({"mall": missing, "campus": SOURCES["campus"]})
    made, _ = make()
    found, trained = make({"mall": missing, "campus": SOURCES["campus"]})
    assert trained == [] and "is used unchecked" in caplog.text
    assert_same_bits(found.members, made.members)
    with pytest.raises(DataError, match="epochs was 1 and is 9"):
        make({"mall": missing, "campus": SOURCES["campus"]}, **{"agnostic.epochs": 9})


def test_other_data_of_a_source_make_them_anew(make):
    make()
    assert len(make({**SOURCES, "mall": make_part("mall", "test")})[1]) == 1


def test_a_bundle_that_matches_needs_no_lock(make, monkeypatch):
    """So that it may lie in a folder that can only be read."""
    make()

    def refuse(*_, **__):
        raise PermissionError("a folder that can only be read")

    monkeypatch.setattr(import_module("rsstl_jax.store.lock"), "locked", refuse)
    assert make()[1] == []
    with pytest.raises(PermissionError):
        make(**{"agnostic.epochs": 9})


def rewrite(tmp_path, **episodes):
    file = tmp_path / "teachers" / "agnostic-mall+campus" / "agnostic.json"
    card = read_sealed(file)
    card["report"]["made"]["episodes"] = episodes
    write_sealed(file, card)


def test_a_bundle_of_an_earlier_version_is_taken_if_its_episodes_were_the_same(
    make, tmp_path, caplog
):
    make()
    episodes = default_config().agnostic.episodes.to_dict()
    episodes |= {"hidden_radius": 0.0, "access_points_merged": 0.0}
    episodes |= {"turn": True, "grouped": True, "whole_places": episodes.pop("all_scans")}
    rewrite(tmp_path, **episodes)
    assert make()[1] == []
    rewrite(tmp_path, **episodes | {"hidden_radius": 0.5})
    assert len(make()[1]) == 1
    assert "hidden_radius is 0.5 and is no field any more" in caplog.text
