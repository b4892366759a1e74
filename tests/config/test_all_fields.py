"""The help of every field: a sentence that can be read alone, with its unit."""

import re

import pytest

from rsstl_jax.config import FIELDS

# What a field is called: words of which its help has one.
UNITS = {
    r"_db$": ["in dB"],
    r"_s$": ["in seconds"],
    r"margin$": ["in radians"],
    r"localization_weight$|soft_target$": ["per metre"],
    r"epochs$": ["Number of passes", "Number of epochs"],
    r"learning_rate$": ["Step size of Adam"],
    r"learning_rate_factor$": ["Factor by which train.learning_rate"],
    r"fractions?$": ["Fraction"],
    r"[a-z]seeds?$|^seeds$|\.seed$": ["Seed"],
    r"dropout$": ["Probability", "Mean fraction"],
    r"weights?\.|_weight$": ["Weight"],
    r"\.num_|_width$|\.width$|batch_size$|_support$": ["Number of"],
}


@pytest.mark.parametrize("path", FIELDS)
def test_a_help_is_one_sentence_that_can_be_read_alone(path):
    words = FIELDS[path].meaning
    assert re.fullmatch(r"[A-Z].*\w\.|[A-Z].*\)\.", words), words
    assert len(words.split()) >= 6, words
    # What stands in another field's help is not at hand.
    assert not re.search(r"likewise|the same as above|^(It|Its|This|These|Of|Also)\b", words), words


@pytest.mark.parametrize("path", FIELDS)
def test_a_help_names_the_unit(path):
    for pattern, units in UNITS.items():
        if re.search(pattern, path):
            assert any(unit in FIELDS[path].meaning for unit in units), FIELDS[path].meaning


def test_every_unit_is_that_of_a_field():
    for pattern in UNITS:
        assert any(re.search(pattern, path) for path in FIELDS), pattern


@pytest.mark.parametrize("path", FIELDS)
def test_a_default_that_is_none_or_empty_is_explained(path):
    words = {None: "None means", "": "empty means"}.get(FIELDS[path].default, "")
    assert words in FIELDS[path].meaning
