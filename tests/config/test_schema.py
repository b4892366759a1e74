"""The configuration schema: every field, every kind of mistake, and what is said of it."""

import json
import math

import numpy as np
import pytest
from ml_collections import ConfigDict

from rsstl_jax.config.all_fields import FIELDS
from rsstl_jax.config.overrides import check_overrides, override
from rsstl_jax.config.recipes import RECIPES
from rsstl_jax.config.rules import name_list
from rsstl_jax.config.schema import default_config, flatten, validate
from rsstl_jax.errors import ConfigError
from rsstl_jax.models.site_agnostic.tokens import NUM_CANDIDATES

# One value that is wrong for each rule's words; a field's rule is found by its words.
WRONG = {
    "a folder, or empty": [3, None, "a\0b"],
    "True or False": [1, 0, "True", None],
    "a dataset's name of ASCII letters, digits, '.', '_' and '-', such as uji": [
        *("", "  ", 3, None, "../uji", "uji ", "-uji", "uji,uts", "u/v", "uji\n", "büro"),
    ],
    "datasets' names separated by commas, such as uji,tampere": [
        *(3, None, "uji;uts", "uji uts", "../uji", "uji,/etc", ("uji", "uts")),
    ],
    "a network's name, or package.module:function": [
        *("", "  ", 3, None, "dnn:", ":dnn", ".:dnn", "a.b", "a..b:c", "dnn\n", "a b"),
    ],
    "a fraction above 0 and below 1": [0.0, 1, 1.0, math.nan, "0.5", True],
    "a number above 0": [0.0, -1, math.nan, math.inf, "1", True, None],
    "a number of at least 0": [-1e-9, math.nan, math.inf, "1", True],
    "a fraction above 0 and up to 1": [0.0, 1.01, "1", True],
    "different fractions above 0 and up to 1, such as 0.1,1.0": [
        *((), (0.5, 0.5), (0.0,), (10.0,), (True,), 0.5, "0.5"),
    ],
    "a probability from 0 to 1": [-0.1, 1.1, math.nan, True],
    "a mean probability from 0 to 0.5": [-0.1, 0.6, math.nan, True],
    "a probability from 0 to below 1": [-0.1, 1.0, 1, math.nan, True],
    "an angle from 0 to below pi / 2": [-0.1, math.pi / 2, math.nan, "0.2"],
    "different whole numbers (int) of at least 0, such as 0,1,2": [
        (np.int64(1),),
        (),
        (0, 0),
        (-1,),
        (0.5,),
        (True,),
        0,
        "0",
    ],
    "two or more whole numbers above 0, such as 32,64,128": [(32,), (0, 1), (1.5, 2), 32],
    "numbers of devices for replica and data, each at most once, such as replica:4,data:2, or "
    "empty": ["replica", "replica:0", "data:two", "model:2", "data:2,data:4", "data:-1", None, 2],
    "different names separated by commas, or empty": ["a,,b", "a,a", "a,", None, 13, ("13",)],
    "different months separated by commas, such as 2013-05,2013-06, or empty": [
        "May",
        "2013-13",
        None,
    ],
    "a whole number from 1 to 64": [0, 65, 1.0, True, None, "1"],
    "a whole number from 1 to 100": [0, 101, 1.0, True, None, "1"],
    "names separated by commas, of knn, pretrained, or empty": [
        *("kNN", "knn;pretrained", None, 1, "knn,", "knn,knn"),
    ],
}


def wrong_values(words):
    if words.endswith(", or None"):
        return [v for v in wrong_values(words.removesuffix(", or None")) if v is not None]
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


def test_the_defaults_together_are_valid_and_the_schema_is_locked():
    config = default_config()
    validate(config)
    assert flatten(config) == {path: field.default for path, field in FIELDS.items()}
    with pytest.raises(AttributeError):
        config.epochs = 3


@pytest.mark.parametrize(("words", "path"), {f.rule.words: p for p, f in FIELDS.items()}.items())
def test_a_wrong_value_is_refused_with_name_value_and_remedy(words, path):
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
        ("specialise.epochs", None),
        ("teacher.epochs", 3),
        ("agnostic.fractions", [0.5, 1]),
        ("agnostic.episodes.crop", 1.0),
        ("data_dir", "/some/where"),
        ("network", "package.module:function"),
        ("network", "my-network"),
        ("sources", "uts, tampere"),
        ("train.epochs", 2**31 - 1),
        ("distill.weights.similarity", 1e-37),
    ],
)
def test_values_at_the_edge_of_their_range_pass(path, value):
    validate(with_value(path, value))


def test_more_neighbours_than_are_compared_are_refused():
    """The network would take the candidates that there are and not say so."""
    path = "model.agnostic.num_neighbours"
    validate(with_value(path, NUM_CANDIDATES))
    with pytest.raises(ConfigError, match=f"it must be a whole number from 1 to {NUM_CANDIDATES}$"):
        validate(with_value(path, NUM_CANDIDATES + 1))


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("train.epoch", "train.epochs"),
        ("distill.weights.similarty", "distill.weights.similarity"),
        ("source", "sources"),
        ("epochs", "train.epochs"),
        ("trian.epochs", "train.epochs"),
        ("specialise", "specialise.epochs"),
        ("model", "model.dnn.hidden_width"),
        ("run.checkpoint_every_s.x", "run.checkpoint_every_s"),
        ("agnostic.episodes.crops", "agnostic.episodes.crop"),
    ],
)
def test_an_unknown_field_is_told_the_nearest_name(path, near):
    """Whichever way it comes: in a whole configuration, set in Python, or on the command line."""
    message = f"{path} is not a field of the configuration; did you mean {near}?"
    ways = [
        lambda: override(default_config(), {path: 1}),
        lambda: check_overrides(["distill.py", "--config=uji.py", f"--config.{path}=1"]),
        lambda: check_overrides(["distill.py", f"-noconfig.{path}"]),
    ]
    if path not in ("model", "specialise", "trian.epochs", "run.checkpoint_every_s.x"):
        ways.append(lambda: validate(with_value(path, 1)))
    for way in ways:
        with pytest.raises(ConfigError) as error:
            way()
        assert str(error.value) == message


def test_a_section_in_place_of_a_field_is_refused_even_if_it_is_empty():
    config = with_value("epochs", ConfigDict())
    message = "^epochs is not a field of the configuration; did you mean train.epochs"
    with pytest.raises(ConfigError, match=message):
        validate(config)
    with pytest.raises(ConfigError, match=r"^train.epochs.x is not a field .* mean train.epochs"):
        validate(with_value("train.epochs", ConfigDict({"x": 3})))


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        ("train.epochs", 2**31, "2147483648"),
        ("train.learning_rate", 1e300, "1e+300"),
        ("distill.margin", 1e-300, "1e-300"),
        ("seeds", (1, 10**40), f"(1, {10**40})"),
        ("distill.weights.similarity", 10**400, str(10**400)),
    ],
)
def test_numbers_that_single_precision_does_not_hold_are_refused(path, value, shown):
    with pytest.raises(ConfigError) as error:
        validate(with_value(path, value))
    expected = f"{path} is {shown}; a number must be 0 or of a size from 1.2e-38 to 2147483647"
    assert str(error.value) == expected


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


def test_epochs_of_the_sources_recipe_are_none_and_come_through_json():
    """None there and back, and a number in its place."""
    config = default_config()
    read = json.loads(json.dumps(flatten(config)))
    assert read["specialise.epochs"] is None
    override(config, {"specialise.epochs": 4})
    assert config.specialise.epochs == 4
    override(config, read)
    assert config.specialise.epochs is None
    with pytest.raises(ConfigError, match="whole number of at least 1, or None"):
        override(config, {"specialise.epochs": 0})


def test_the_recipes_are_those_there_are():
    assert FIELDS["recipe"].rule.words == "one of " + ", ".join(RECIPES)


def test_names_are_read_without_blanks():
    assert name_list(" uji ,tampere") == ("uji", "tampere")
    assert name_list("uji,,a,") == ("uji", "", "a", "")  # Which no rule lets pass.
    assert name_list("") == ()
