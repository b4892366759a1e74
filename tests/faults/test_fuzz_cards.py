"""Cards of students and bundles, edited or broken: refused by name, or read as they are."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from fuzz import fuzz
from hypothesis import given
from hypothesis import strategies as st

from rsstl_jax.config.schema import default_config, flatten
from rsstl_jax.data import Preprocessor
from rsstl_jax.engine.student_card import read_student_card
from rsstl_jax.errors import DamagedError
from rsstl_jax.phases import bundle
from rsstl_jax.phases.bundle import BundleCard, load_bundle
from rsstl_jax.store.files import read_json, write_json, write_sealed

MODEL = {p: v for p, v in flatten(default_config()).items() if p.startswith("model.dnn.")}
STUDENT = {
    "network": "dnn",
    "model": MODEL,
    "dataset": "home",
    "preprocessor": Preprocessor("powed", 2.5, -105.0, np.array([4.0, 48.5]), 7.5).to_dict(),
    "access_points": ["AP1", "AP2", "hall"],
}
CARD = BundleCard("dnn", "mall", "paper", {"teacher.seed": 0}, "ab12", 3, 3, "relu", 2, 4)
BUNDLE = {"format": bundle.FORMAT, **asdict(CARD), "report": {"quality": {"pair_cosine": 0.5}}}

LEAVES = (
    *(st.none(), st.booleans(), st.integers(-3, 300), st.floats(), st.text(max_size=3)),
    *(st.just([]), st.just({}), st.just(10**400), st.just(["AP1", "AP1"]), st.just([1.0, "2"])),
    st.sampled_from(("dnn", "cnnloc", "nowhere:nothing", "raw", "model.dnn.dropout", "AP1")),
)


@st.composite
def edited(draw, card):
    """A card with one to three entries removed, added or replaced, at any depth; it is sealed."""
    card = json.loads(json.dumps(card))
    for _ in range(draw(st.integers(1, 3))):
        node, name = {"": card}, ""
        while isinstance(node[name], dict | list) and node[name] and draw(st.booleans()):
            node = node[name]
            places = sorted(node) if isinstance(node, dict) else range(len(node))
            name = draw(st.sampled_from(places))
        kind = draw(st.sampled_from(("remove", "replace", "replace", "add")))
        if kind == "add" and isinstance(node[name], dict):
            node[name][draw(st.text(max_size=3))] = draw(st.one_of(*LEAVES))
        elif node.get("") is card if isinstance(node, dict) else False:
            continue
        elif kind == "remove":
            del node[name]
        else:
            node[name] = draw(st.one_of(*LEAVES))
    return card


def sealed(card):
    """The bytes of a sealed card; of something else than an object, its bytes as they are."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "card.json")
        (write_sealed if isinstance(card, dict) else write_json)(file, card)
        return file.read_bytes()


@st.composite
def broken(draw, card):
    """A card whose bytes were cut, or of which one was changed."""
    data = sealed(card)
    at = draw(st.integers(0, len(data) - 1))
    return data[:at] + draw(st.just(b"") | st.binary(max_size=2).map(lambda b: b + data[at + 1 :]))


def is_student(card):
    """What a student's card must hold, in the plainest words."""
    if not isinstance(card, dict) or not all(
        type(card.get(name)) is type(value) for name, value in STUDENT.items()
    ):
        return False
    names, pre = card["access_points"], card["preprocessor"]
    if not names or any(type(n) is not str for n in names) or len(set(names)) < len(names):
        return False
    if set(pre) != set(STUDENT["preprocessor"]) or type(pre["origin_m"]) is not list:
        return False
    numbers = [pre["exponent"], pre["floor_dbm"], pre["scale_m"], *pre["origin_m"]]
    if len(numbers) != 5 or any(type(n) not in (int, float) for n in numbers):
        return False
    if not all(-1e300 < number < 1e300 for number in numbers):
        return False
    right = pre["exponent"] > 0 > pre["floor_dbm"] and pre["scale_m"] > 0
    return right and pre["encoding"] in ("raw", "linear", "powed", "exponential")


def check_student(data):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "student.json")
        file.write_bytes(data)
        try:
            found = read_student_card(file)
        except DamagedError as error:
            assert str(error).startswith(str(file)) and len(str(error).splitlines()) == 1
            assert sealed(STUDENT) != data
            return
        card = read_json(file)
    assert is_student(card)
    assert (found.config.network, found.dataset) == (card["network"], card["dataset"])
    assert found.access_points == tuple(card["access_points"])
    assert found.preprocessor.to_dict() == card["preprocessor"]
    read = flatten(found.config)
    assert all(read[path] == value for path, value in card["model"].items())


class LoadedError(Exception):
    """The card was taken, and the parameters asked for."""


def check_bundle(data):
    """Refused, as damaged or as another card's, or taken as it stands."""

    def load(*_, **__):
        raise LoadedError

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "load_checkpoint", load)
        file = Path(folder, "card.json")
        file.write_bytes(data)
        try:
            load_bundle(folder, CARD)
        except DamagedError as error:
            assert str(error).startswith(folder) and len(str(error).splitlines()) == 1
        except LoadedError:
            card, wanted = read_json(file), dict(BUNDLE)
            assert isinstance(card.pop("report"), dict) and wanted.pop("report")
            assert card.pop("sha256") and card == wanted
            return
        else:
            raise AssertionError("a folder with a card holds a bundle")
    assert sealed(BUNDLE) != data


STUDENTS = edited(STUDENT).map(sealed) | broken(STUDENT)
BUNDLES = edited(BUNDLE).map(sealed) | broken(BUNDLE)


@fuzz(40)
@given(STUDENTS, BUNDLES)
def test_cards(student, teacher):
    check_student(student)
    check_bundle(teacher)


@pytest.mark.slow
@fuzz(800)
@given(STUDENTS, BUNDLES)
def test_many_cards(student, teacher):
    check_student(student)
    check_bundle(teacher)


def test_sound_cards_are_read():
    check_student(sealed(STUDENT))
    check_bundle(sealed(BUNDLE))


def test_a_name_that_does_not_print_leaves_the_message_on_one_line():
    """Found by the fuzz: line ends in the name of a field that should not be."""
    check_bundle(sealed(BUNDLE | {"\x85": None}))
    check_student(sealed(STUDENT | {"preprocessor": STUDENT["preprocessor"] | {"\r0": 0}}))


def test_json_that_is_nested_too_deeply_is_refused(tmp_path):
    (tmp_path / "student.json").write_text("[" * 100_000)
    with pytest.raises(DamagedError, match=r"student\.json is not the JSON .* maximum recursion"):
        read_student_card(tmp_path / "student.json")
