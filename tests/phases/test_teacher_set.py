"""Which bundles a run takes, which it makes anew, and what is said where data are missing."""

import shutil
from importlib import import_module

import jax
import jax.numpy as jnp
import pytest
from tiny import (
    assert_same_bits,
    draw_bundle,
    draw_params,
    make_bundle_card,
    make_jobs,
    make_part,
    make_tiny_config,
    write_sites,
)

from rsstl_jax.config.schema import FIELDS, flatten
from rsstl_jax.errors import DamagedError, DataError, MissingDataError
from rsstl_jax.models import make_network
from rsstl_jax.phases.bundle import load_bundle, save_bundle
from rsstl_jax.phases.teacher_set import make_source_jobs, make_teachers
from rsstl_jax.store.recorder import Recorder

TEACHERS = import_module("rsstl_jax.phases.teacher_set")


class Place:
    """A folder of data and one of bundles; trainings are counted and replaced by a draw."""

    def __init__(self, folder):
        self.data_dir = write_sites(folder / "data", "mall", "campus")
        self.bundle_dir, self.workdir = folder / "teachers", folder / "run"
        self.trained = []

    def train_teacher(self, job, source, generator, recorder):
        self.trained.append(source)
        params = draw_params(generator, jnp.zeros((1, 6)), seed=len(self.trained))
        return params, {"quality": {"pair_cosine": len(self.trained)}}

    def make(self, sources="mall,campus", **fields):
        config = make_tiny_config(sources, data_dir=str(self.data_dir), **fields)
        self.trained.clear()
        jobs, recorder = make_source_jobs(config), Recorder(self.workdir)
        teachers = make_teachers(config, make_network(config), jobs, self.bundle_dir, recorder)
        return teachers, tuple(self.trained)


@pytest.fixture
def place(tmp_path, monkeypatch):
    place = Place(tmp_path)
    monkeypatch.setattr(TEACHERS, "_train_teacher", place.train_teacher)
    return place


def rows(tree, order):
    return jax.tree.map(lambda leaf: leaf[jnp.array(order)], tree)


def test_a_source_needs_no_test_part(place):
    (place.data_dir / "mall" / "test.csv").unlink()
    assert place.make()[1] == ("mall", "campus")


def test_a_second_start_finds_all_teachers_in_any_order(place):
    first, trained = place.make()
    assert trained == ("mall", "campus")
    assert sorted(folder.name for folder in place.bundle_dir.iterdir()) == [
        "dnn-campus-tuned-smoke",
        "dnn-mall-tuned-smoke",
    ]
    second, trained = place.make("campus,mall")
    assert trained == () and list(second.reports) == ["campus", "mall"]
    assert_same_bits(second.params, rows(first.params, [1, 0]))
    assert second.reports == first.reports
    assert place.make("campus")[0].reports == {"campus": first.reports["campus"]}


@pytest.mark.parametrize(
    ("fields", "difference"),
    [
        ({"teacher.seed": 5}, "teacher.seed was 0 and is 5"),
        ({"model.dnn.dropout": 0.1}, "model.dnn.dropout was 0.3 and is 0.1"),
        ({"specialise.epochs": 7}, "train.epochs was 2 and is 7"),
    ],
)
def test_another_setting_makes_them_anew_and_so_does_the_way_back(
    place, fields, difference, caplog
):
    place.make()
    changed, trained = place.make("mall,campus", **fields)
    assert trained == ("mall", "campus")
    said = f"dnn-mall-tuned-smoke holds a teacher of another card: {difference}; it is made anew"
    assert said in caplog.text
    assert any(said in r.get("not used", "") for r in Recorder(place.workdir).records())
    assert place.make(**fields)[1] == ()
    assert_same_bits(place.make(**fields)[0].params, changed.params)
    assert place.make("mall")[1] == ("mall",)


def test_other_data_make_it_anew(place):
    place.make("mall")
    shutil.copy(place.data_dir / "campus" / "train.csv", place.data_dir / "mall" / "train.csv")
    shutil.copy(place.data_dir / "campus" / "test.csv", place.data_dir / "mall" / "test.csv")
    assert place.make("mall")[1] == ("mall",)


def test_a_bundle_broken_off_before_its_card_is_made_anew(place):
    place.make("mall")
    (place.bundle_dir / "dnn-mall-tuned-smoke" / "card.json").unlink()
    _, trained = place.make("mall")
    assert trained == ("mall",)
    assert place.make("mall")[1] == ()


def test_without_the_data_a_matching_bundle_is_used_and_that_is_logged(place, caplog):
    first, _ = place.make()
    shutil.rmtree(place.data_dir / "mall")
    second, trained = place.make()
    assert trained == ()
    assert_same_bits(second.params, first.params)
    assert "dnn-mall-tuned-smoke is used unchecked" in caplog.text
    assert "mall/train.csv is not there" in caplog.text
    assert "dnn-campus" not in caplog.text


def test_with_neither_data_nor_a_matching_bundle_the_file_is_named(place):
    place.make()
    shutil.rmtree(place.data_dir / "mall")
    message = r"mall/train\.csv is not there.* card: teacher\.seed was 0 and is 1"
    with pytest.raises(DataError, match=message):
        place.make(**{"teacher.seed": 1})
    shutil.rmtree(place.bundle_dir)
    with pytest.raises(MissingDataError, match=r"mall/train\.csv is not there"):
        place.make()


def test_a_missing_source_is_named_before_another_is_trained(place):
    shutil.rmtree(place.data_dir / "campus")
    with pytest.raises(MissingDataError, match=r"campus/train\.csv is not there"):
        place.make("mall,campus")
    assert place.trained == []


def another_value(path, default):
    """A valid value that is not the default."""
    known = {"network": "baat", "recipe": "tuned", "target": "uts", "seeds": (4,)}
    known |= {"specialise.epochs": 7, "teacher.epochs": 7}
    if path in known:
        return known[path]
    words = FIELDS[path].rule.words
    if words.startswith("one of "):
        return next(w for w in words.removeprefix("one of ").split(", ") if w != default)
    if isinstance(default, str):
        return "elsewhere"
    if isinstance(default, tuple):
        return tuple(2 * value for value in default)
    if isinstance(default, bool):
        return not default
    return default + 1 if isinstance(default, int) else default / 2 + 0.01


@pytest.mark.parametrize("path", FIELDS)
def test_a_card_names_what_bears_on_its_teacher_and_nothing_else(path):
    """A source keeps input, augmentation and schedule of its own site's recipe."""
    config = make_tiny_config()
    card = make_bundle_card(config)
    config.update_from_flattened_dict({path: another_value(path, flatten(config)[path])})
    bears = path in ("network", "recipe", "specialise.epochs", "train.batch_size")
    of_phase_2 = path in ("teacher.noise", "teacher.kind")
    bears |= path.startswith(("model.dnn.", "teacher.")) and not of_phase_2
    assert (make_bundle_card(config) != card) == bears


def test_a_bundle_is_loaded_for_its_own_card_only(tmp_path):
    card = make_bundle_card(make_tiny_config(), "mall", make_part("mall"))
    params = draw_bundle(card)
    save_bundle(tmp_path, card, params, report={"quality": {"pair_cosine": 0.5}})
    loaded, report = load_bundle(tmp_path, card)
    assert_same_bits(loaded, params)
    assert report == {"quality": {"pair_cosine": 0.5}}
    assert load_bundle(tmp_path, card | {"data_digest": None}) is not None
    for name, value in card.items():
        other = value + 1 if isinstance(value, int) else "other"
        other = {**value, "teacher.seed": 9} if name == "settings" else other
        wanted = card | {name: other}
        named = "teacher.seed was 0 and is 9" if name == "settings" else f"{name} was "
        with pytest.raises(DamagedError, match=f"holds a teacher of another card: {named}"):
            load_bundle(tmp_path, wanted)


def test_the_controls_read_no_source(tmp_path):
    config = make_tiny_config("mall,campus", data_dir=str(tmp_path))
    config.teacher.kind = "untrained"
    jobs = make_source_jobs(config)
    assert jobs == {}
    recorder = Recorder(tmp_path / "run")
    teachers = make_teachers(config, make_network(config), jobs, tmp_path / "teachers", recorder)
    assert teachers.reports == {}
    for leaf in jax.tree.leaves(teachers.params):
        assert leaf.shape[0] == 2
    kernels = teachers.params["framer"]["kernel"]
    assert jnp.abs(kernels[0] - kernels[1]).max() > 0


def test_a_network_of_ones_own_is_told_apart_by_every_field_of_its_model():
    cards = [
        make_bundle_card(make_tiny_config(network="rsstl_jax.models.dnn:make_dnn", **fields))
        for fields in ({}, {"model.dnn.dropout": 0.5})
    ]
    assert cards[0] != cards[1]
    other = make_tiny_config(**{"model.baat.dropout": 0.5})
    assert make_bundle_card(other) == make_bundle_card(make_tiny_config())


def test_a_source_starts_from_parameters_of_its_own(tmp_path, monkeypatch):
    """Not from those of another source, nor of a student of the same seed."""
    seeds = []

    def note(job, *, seed, **_):
        seeds.append(seed)
        raise DataError("noted")

    monkeypatch.setattr(TEACHERS, "specialise", note)
    for seed in (0, 1):
        for source in ("mall", "campus"):
            config = make_tiny_config(**{"teacher.seed": seed})
            with pytest.raises(DataError, match="noted"):
                job = make_jobs(config, make_part(source))[source]
                TEACHERS._train_teacher(job, source, None, Recorder(tmp_path))
    assert len(set(seeds)) == 4 and not {0, 1} & set(seeds)
