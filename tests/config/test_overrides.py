"""Fields set by their names, in Python and on the command line, and what is said of mistakes."""

import re

import pytest

from rsstl_jax.config.overrides import (
    check_overrides,
    override,
    read_assignments,
    read_numbers,
)
from rsstl_jax.config.rules import FRACTIONS, SEEDS
from rsstl_jax.config.schema import default_config
from rsstl_jax.errors import ConfigError


@pytest.mark.parametrize("path", ["", "a b", "train[", "\n"])
def test_what_cannot_be_a_name_is_refused_as_a_name(path):
    with pytest.raises(ConfigError, match="is not a field of the configuration"):
        check_overrides(["distill.py", f"--config.{path}=3"])


def test_fields_are_set_in_python_with_the_words_of_their_rules():
    config = default_config()
    override(config, {"train.epochs": 7, "input.encoding": "raw", "distill.margin": 0})
    assert (config.train.epochs, config.input.encoding, config.distill.margin) == (7, "raw", 0.0)
    for value in ("ten", 2.5, None, [3]):
        with pytest.raises(ConfigError) as error:
            override(config, {"train.epochs": value})
        words = "it must be a whole number of at least 1"
        assert str(error.value) == f"train.epochs is {value!r}; {words}"


def test_assignments_are_literals_or_texts():
    texts = ["a.b=1", "c=(2, 3)", "d=fixed", "e=x=y", "f="]
    wanted = {"a.b": 1, "c": (2, 3), "d": "fixed", "e": "x=y", "f": ""}
    assert read_assignments(texts) == wanted
    # The phones of UJI are called 1, 7, ...
    assert read_assignments(["data.held_out_phones=1,7"]) == {"data.held_out_phones": "1,7"}
    assert read_assignments(["bundle_dir=None"]) == {"bundle_dir": None}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["train.epochs"], "--set=train.epochs: it must read field=value"),
        (["a=1", "a=2"], "--set=a=2: a is set twice"),
    ],
)
def test_assignments_that_say_nothing_or_two_things_are_refused(texts, words):
    with pytest.raises(ConfigError, match=words):
        read_assignments(texts)


@pytest.mark.parametrize(
    ("texts", "rule", "message"),
    [
        (["a"], SEEDS, "--n=a: it must be different whole numbers (int) of at least 0"),
        (["1", "1"], SEEDS, "--n=1,1: it must be"),
        (["10%"], FRACTIONS, "--n=10%: it must be different fractions above 0 and up to 1"),
        ([], SEEDS, "--n=: it must be"),
    ],
)
def test_numbers_of_a_flag_are_refused_in_one_line(texts, rule, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_numbers("--n", texts, rule)
