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
def test_a_help_is_one_sentence_that_can_be_read_alone_and_names_the_unit(path):
    words = FIELDS[path].meaning
    assert re.fullmatch(r"[A-Z].*\w\.|[A-Z].*\)\.", words), words
    assert len(words.split()) >= 6, words
    # What stands in another field's help is not at hand.
    assert not re.search(r"likewise|the same as above|^(It|Its|This|These|Of|Also)\b", words), words
    for pattern, units in UNITS.items():
        assert not re.search(pattern, path) or any(unit in words for unit in units), words
    # A default that is None or empty is explained.
    assert {None: "None means", "": "empty means"}.get(FIELDS[path].default, "") in words


def test_every_unit_is_that_of_a_field():
    for pattern in UNITS:
        assert any(re.search(pattern, path) for path in FIELDS), pattern
