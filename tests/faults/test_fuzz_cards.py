"""Cards of students and bundles whose bytes were changed: refused by name."""

import json
import tempfile
from pathlib import Path

import pytest
from fuzz import fuzz
from hypothesis import given
from hypothesis import strategies as st

from rsstl_jax.config import default_config
from rsstl_jax.engine.saved_student import load_student
from rsstl_jax.errors import DamagedError
from rsstl_jax.models import make_network
from rsstl_jax.phases.bundle import load_bundle, make_card
from rsstl_jax.store.files import write_sealed

CARD = make_card(default_config(), make_network(default_config()), "mall", "ab12")
STUDENT = {"network": "dnn", "model": {}, "dataset": "home", "access_points": ["AP1", "hall"]}
LOADERS = {
    "student.json": load_student,
    "card.json": lambda folder: load_bundle(Path(folder), CARD),
}


@st.composite
def broken(draw):
    """A sealed card that was cut, or of which a byte was changed."""
    with tempfile.TemporaryDirectory() as folder:
        write_sealed(Path(folder, "card"), STUDENT)
        data = Path(folder, "card").read_bytes()
    at = draw(st.integers(0, len(data) - 2))
    changed = draw(st.binary(max_size=2).filter(lambda b: b.strip() != data[at : at + 1]))
    return data[:at] + draw(st.just(b"") | st.just(changed + data[at + 1 :]))


@pytest.mark.parametrize("name", LOADERS)
@fuzz(40)
@given(broken())
def test_a_card_that_was_changed_is_refused_by_name(name, data):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, name)
        file.write_bytes(data)
        with pytest.raises(DamagedError) as error:
            LOADERS[name](folder)
    assert str(error.value).startswith(str(file)) and len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("text", ["[" * 100_000, "3", json.dumps(STUDENT)])
def test_what_was_never_sealed_is_refused_by_name(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(DamagedError, match=f"{name} (has no checksum|is not the JSON that was)"):
        LOADERS[name](tmp_path)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"preprocessor": {}}, "preprocessor fields missing or unknown: encoding, exponent"),
        ({"preprocessor": None}, "preprocessor is None; dict is expected"),
        ({"preprocessor": {}, "model": {"model.dnn.depth": 2}}, "model.dnn.depth"),
    ],
)
def test_a_card_of_another_version_is_refused_with_its_field(field, words, tmp_path):
    write_sealed(tmp_path / "student.json", STUDENT | field)
    with pytest.raises(DamagedError, match=rf"student\.json: .*{words}"):
        load_student(tmp_path)
