"""The configuration schema: every field, every kind of mistake, and what is said of it."""

import math

import pytest
from ml_collections import ConfigDict

from rsstl_jax.config import FIELDS, ConfigError, default_config, flatten, name_list, validate

# One value that is wrong for each rule's words; a field's rule is found by its words.
WRONG = {
    "text": [3, None],
    "True or False": [1, 0, "True", None],
    "a name": ["", "  ", 3, None],
    "a number above 0": [0.0, -1, math.nan, math.inf, "1", True, None],
    "a number of at least 0": [-1e-9, math.nan, math.inf, "1", True],
    "a share above 0 and up to 1": [0.0, 1.01, "1", True],
    "a probability from 0 to below 1": [-0.1, 1.0, 1, math.nan, True],
    "an angle from 0 to below pi": [-0.1, math.pi, math.nan, "0.2"],
    "different whole numbers of at least 0, such as (0, 1, 2)": [
        (),
        (0, 0),
        (-1,),
        (0.5,),
        (True,),
        0,
        "0",
    ],
    "two or more whole numbers above 0, such as (32, 64, 128)": [(32,), (0, 1), (1.5, 2), 32],
}


def wrong_values(words):
    if words.startswith("a whole number of at least "):
        least = int(words.rsplit(" ", 1)[1])
        return [least - 1, least + 0.5, float(least), True, "1", None]
    return ["wrong", 1, None] if words.startswith("one of ") else WRONG[words]


def with_value(path, value):
    """The default configuration with a field forced to a value of any type."""
    config = default_config().unlock()
    *sections, name = path.split(".")
    node = config
    for section in sections:
        node = node[section]
    if name in node:
        del node[name]  # Else a float field would turn an int, or True, into a float.
    node[name] = value
    return config


@pytest.mark.parametrize("path", FIELDS)
def test_a_default_passes_its_own_rule_and_the_field_is_explained(path):
    field = FIELDS[path]
    assert field.rule.holds(field.default)
    assert field.rule.words and field.meaning


def test_the_defaults_together_are_valid_and_the_schema_is_locked():
    config = default_config()
    validate(config)
    assert flatten(config) == {path: field.default for path, field in FIELDS.items()}
    with pytest.raises(AttributeError):
        config.epochs = 3


@pytest.mark.parametrize("path", FIELDS)
def test_a_wrong_value_is_refused_with_name_value_and_remedy(path):
    words = FIELDS[path].rule.words
    for value in wrong_values(words):
        with pytest.raises(ConfigError) as error:
            validate(with_value(path, value))
        assert str(error.value) == f"{path} is {value!r}; it must be {words}"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seeds", [3, 1]),
        ("seeds", (7,)),
        ("teacher.penalty_weight", 0),
        ("distill.margin", 0.0),
        ("data.fraction", 1),
        ("model.dnn.dropout", 0),
        ("specialise.epochs", 0),
        ("data_dir", "/some/where"),
    ],
)
def test_values_at_the_edge_of_their_range_pass(path, value):
    validate(with_value(path, value))


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("train.epoch", "train.epochs"),
        ("distill.weights.similarty", "distill.weights.similarity"),
        ("source", "sources"),
    ],
)
def test_an_unknown_field_is_told_the_nearest_name(path, near):
    with pytest.raises(ConfigError) as error:
        validate(with_value(path, 1))
    assert str(error.value) == f"{path} is not a field of the configuration; did you mean {near}?"


def test_an_unknown_field_like_no_other_is_named_alone():
    with pytest.raises(ConfigError) as error:
        validate(with_value("zzz", 1))
    assert str(error.value) == "zzz is not a field of the configuration"


def test_a_missing_field_is_named():
    config = default_config().unlock()
    del config.train["epochs"]
    message = "^train.epochs is missing; it must be a whole number of at least 1$"
    with pytest.raises(ConfigError, match=message):
        validate(config)


@pytest.mark.parametrize(
    ("target", "sources", "message"),
    [
        ("uji", " , ", "sources is empty; name at least one dataset"),
        ("uji", "uts,tampere,uts", "name each dataset once"),
        ("uji", "uts, uji", "sources is 'uts, uji' and holds the target 'uji'"),
    ],
)
def test_fields_that_contradict_each_other(target, sources, message):
    config = default_config()
    config.target, config.sources = target, sources
    with pytest.raises(ConfigError, match=message):
        validate(config)


def test_names_are_read_without_blanks():
    assert name_list(" uji ,tampere,") == ("uji", "tampere")
    assert name_list("") == ()


def test_flattening_keeps_every_leaf_by_its_path():
    nested = ConfigDict({"a": 1, "b": {"c": {"d": 2}, "e": (3, 4)}})
    assert flatten(nested) == {"a": 1, "b.c.d": 2, "b.e": (3, 4)}
