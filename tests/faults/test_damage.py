"""What is truncated, edited or foreign is named and not used; what is whole is used instead."""

import json
import pickle
import shutil
from importlib import import_module

import jax
import jax.numpy as jnp
import optax
import pytest
from damaging import DAMAGES, TREE, array_file, flip_a_byte, truncate
from tiny import (
    assert_same_bits,
    draw_bundle,
    draw_params,
    make_bundle_card,
    make_jobs,
    make_part,
    make_tiny_config,
)

from rsstl_jax.engine.loop import fit
from rsstl_jax.engine.saved_student import Student, load_student, save_student
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.engine.train_state import make_state
from rsstl_jax.errors import DamagedError
from rsstl_jax.phases.bundle import load_bundle, save_bundle
from rsstl_jax.phases.teacher_set import make_teachers
from rsstl_jax.store.checkpoint import load_checkpoint
from rsstl_jax.store.files import write_json
from rsstl_jax.store.recorder import Recorder

TEACHERS = import_module("rsstl_jax.phases.teacher_set")
named = lambda function: function.__name__  # noqa: E731


@pytest.mark.parametrize("damage", DAMAGES, ids=named)
def test_a_damaged_state_is_named_and_the_one_before_is_used(tmp_path, caplog, capfd, damage):
    recorder = Recorder(tmp_path, checkpoint_every_s=0)
    good = jax.tree.map(lambda leaf: leaf + 1, TREE)
    recorder.save_latest("a", good, 2)
    # Kept aside, as some damages are done by a save, which keeps its own alone.
    shutil.copytree(tmp_path / "checkpoints/a/latest/2", tmp_path / "two")
    recorder.save_latest("a", TREE, 4)
    said = damage(tmp_path / "checkpoints/a/latest/4")
    shutil.rmtree(tmp_path / "checkpoints/a/latest/2", ignore_errors=True)
    shutil.copytree(tmp_path / "two", tmp_path / "checkpoints/a/latest/2")
    epoch, state = Recorder(tmp_path).load_latest("a", TREE)
    assert epoch == 2
    assert_same_bits(state, good)
    [line] = caplog.messages
    assert line.startswith(said)
    assert recorder.records() == [{"run": "a", "not used": line}]
    assert capfd.readouterr().err == ""  # no traceback of Orbax's beside ours


@pytest.mark.parametrize("damage", DAMAGES, ids=named)
def test_without_a_state_before_there_is_none(tmp_path, damage):
    recorder = Recorder(tmp_path)
    recorder.save_final("a", TREE, 4)
    said = damage(tmp_path / "checkpoints/a/final/4")
    with pytest.raises(DamagedError) as error:
        load_checkpoint(tmp_path / "checkpoints/a/final", TREE, owner="a")
    assert str(error.value).startswith(said)
    assert recorder.load_final("a", TREE) is None
    recorder.save_final("a", TREE, 4)
    assert_same_bits(recorder.load_final("a", TREE), jax.tree.map(jnp.asarray, TREE))


def walk(state, batch, key, context):
    params = state.params + batch.sum() * jax.random.normal(key)
    return state._replace(params=params), {"loss": params}


def train(workdir):
    start = make_state(jnp.zeros(()), optax.sgd(1.0))
    recorder = Recorder(workdir, log_every_epochs=1, checkpoint_every_s=0)
    options = {"epochs": 4, "batch_size": 4, "name": "a", "recorder": recorder}
    state = fit(walk, start, jnp.arange(10.0), jax.random.key(0), **options)
    return state, [r for r in recorder.records() if "not used" not in r]


def test_a_training_with_a_damaged_newest_state_ends_with_the_same_bits(tmp_path):
    whole, records = train(tmp_path)
    flip_a_byte(tmp_path / "checkpoints/a/latest/4")
    state, again = train(tmp_path)
    assert_same_bits(state, whole)
    assert again == records
    assert [r["epoch"] for r in again] == [1, 2, 3, 4]
    for epoch in (3, 4):
        flip_a_byte(tmp_path / f"checkpoints/a/latest/{epoch}")
    assert_same_bits(train(tmp_path)[0], whole)


def test_a_metrics_line_that_was_edited_is_named(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"run": "a"}\n{"run": \n')
    with pytest.raises(DamagedError, match=r"metrics\.jsonl, line 2: "):
        Recorder(tmp_path).records()


@pytest.fixture
def bundle(tmp_path):
    card = make_bundle_card(make_tiny_config(), "mall", make_part("mall"))
    params = draw_bundle(card)
    save_bundle(tmp_path / "bundle", card, params, report={})
    return tmp_path / "bundle", card, params


def edit_the_card(folder):
    content = json.loads((folder / "card.json").read_text())
    write_json(folder / "card.json", content | {"source": "campus"})
    return f"{folder}/card.json was changed: its checksum does not fit"


def truncate_the_card(folder):
    file = folder / "card.json"
    file.write_text(file.read_text()[:-30])
    return f"{file} is not the JSON that was written"


def put_another_teacher_there(folder):
    """Of the same shapes, under this card."""
    card = make_bundle_card(make_tiny_config(**{"teacher.seed": 5}), "mall", make_part("mall"))
    params = draw_bundle(card)
    save_bundle(folder.parent / "other", card, params, report={})
    shutil.rmtree(folder / "generator")
    shutil.copytree(folder.parent / "other" / "generator", folder / "generator")
    return f"{folder}/generator/0 is a state of 'the bundle of dnn at mall with card "


def lose_the_parameters(folder):
    shutil.rmtree(folder / "generator")
    return f"{folder} holds a card and no parameters: generator is missing"


BUNDLE_DAMAGES = [
    edit_the_card,
    truncate_the_card,
    put_another_teacher_there,
    lose_the_parameters,
    *(lambda folder, d=d: d(folder / "generator" / "0") for d in (truncate, flip_a_byte)),
]


@pytest.mark.parametrize("damage", BUNDLE_DAMAGES)
def test_a_damaged_bundle_is_refused_by_name_and_made_anew(
    bundle, tmp_path, monkeypatch, caplog, damage
):
    folder, card, params = bundle
    said = damage(folder)
    with pytest.raises(DamagedError) as error:
        load_bundle(folder, card)
    assert str(error.value).startswith(said)
    monkeypatch.setattr(TEACHERS, "_train_teacher", lambda *_: (params, {}))
    config = make_tiny_config()
    jobs = make_jobs(config, make_part("mall"))
    folder.rename(tmp_path / "dnn-mall-tuned-smoke")
    recorder = Recorder(tmp_path / "run")
    for _ in range(2):
        teachers = make_teachers(config, jobs["mall"].network, jobs, tmp_path, recorder)
        assert_same_bits(jax.tree.map(lambda leaf: leaf[0], teachers.params), params)
    [line] = [line for line in caplog.messages if "made anew" in line]
    assert [r["not used"] for r in recorder.records()] == [line]


def make_student(folder, **fields):
    config, part = make_tiny_config(**fields), make_part()
    site_network = make_site_job(config, part).site_network
    params = draw_params(site_network.network, jnp.zeros((1, part.num_access_points)))
    student = Student(site_network, params, part.access_points, "home")
    save_student(folder, config, student)
    return config, student


def edit_the_students_card(folder):
    file = folder / "student.json"
    write_json(file, json.loads(file.read_text()) | {"network": "baat"})
    return f"{file} was changed: its checksum does not fit"


def put_another_students_parameters_there(folder):
    make_student(folder.parent / "wide", **{"model.dnn.hidden_width": 12})
    shutil.rmtree(folder / "params")
    shutil.copytree(folder.parent / "wide" / "params", folder / "params")
    return f"{folder}/params/0 is a state of another structure: "


STUDENT_DAMAGES = [
    edit_the_students_card,
    put_another_students_parameters_there,
    lambda folder: truncate(folder / "params" / "0"),
]


@pytest.mark.parametrize("damage", STUDENT_DAMAGES)
def test_a_damaged_student_is_refused_by_name_and_written_anew(tmp_path, damage):
    config, student = make_student(tmp_path / "student")
    said, reports = damage(tmp_path / "student"), []
    with pytest.raises(DamagedError) as error:
        load_student(tmp_path / "student")
    assert str(error.value).startswith(said)
    for _ in range(2):
        save_student(tmp_path / "student", config, student, report=reports.append)
    assert_same_bits(load_student(tmp_path / "student").params, student.params)
    assert len(reports) == 1 and reports[0].startswith(said)


def test_no_pickle_is_ever_loaded(bundle, tmp_path, monkeypatch):
    """Not of what is whole, and what pretends to be a state is refused before Orbax sees it."""
    folder, card, _ = bundle
    make_student(tmp_path / "student")
    recorder = Recorder(tmp_path / "run")
    recorder.save_final("a", TREE, 1)

    class Opened:
        def __init__(self, *_, **__):
            raise AssertionError("a pickle was opened")

    for name in ("Unpickler", "load", "loads", "_Unpickler"):
        monkeypatch.setattr(pickle, name, Opened)
    assert load_bundle(folder, card) is not None
    assert load_student(tmp_path / "student") is not None
    assert recorder.load_final("a", TREE) is not None
    file = array_file(tmp_path / "run/checkpoints/a/final/1")
    file.write_bytes(pickle.dumps(TREE))
    assert recorder.load_final("a", TREE) is None
