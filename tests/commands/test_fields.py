"""The list of the configuration's fields: complete, narrow, and chosen by words."""

import re

import pytest

from rsstl_jax.commands.fields import render_fields
from rsstl_jax.config.recipes import make_config
from rsstl_jax.config.schema import FIELDS, default_config
from rsstl_jax.errors import ConfigError

NAME = re.compile(r"^- `(.+?)` = ", re.MULTILINE)


def test_every_field_is_listed_with_its_rule_in_100_columns():
    text = render_fields((), default_config())
    assert NAME.findall(text) == list(FIELDS)
    assert max(map(len, text.splitlines())) <= 100
    words = " ".join(text.split())
    for field in FIELDS.values():
        assert f"It must be {field.rule.words}." in words


def test_words_choose_fields_that_hold_all_of_them():
    chosen = NAME.findall(render_fields(("Teacher", "epochs"), default_config()))
    assert "teacher.epochs" in chosen and "train.epochs" not in chosen


def test_values_are_those_of_the_configuration_with_the_default_beside():
    config = make_config("tuned", target="tampere", sources="uji")
    text = render_fields(("train",), config)
    assert "- `train.epochs` = 400 (default 500)" in text
    assert "- `train.batch_size` = 128\n" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("learnin_rate",), "no field has learnin_rate in its name or meaning; did you mean learn"),
        (("qqq",), "rsstl fields lists all"),
        (("batch_size", "conditioning"), "no field has batch_size and conditioning"),
    ],
)
def test_words_that_choose_nothing_are_refused(words, message):
    with pytest.raises(ConfigError, match=message):
        render_fields(words, default_config())
