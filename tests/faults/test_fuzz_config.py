"""Random fields and values through every way into a configuration."""

import functools
import math
import operator
import re
import sys
from pathlib import Path

import pytest
from absl import flags
from fuzz import fuzz
from hypothesis import given
from hypothesis import strategies as st
from ml_collections import ConfigDict, config_flags

from rsstl_jax import cli
from rsstl_jax.config.overrides import override
from rsstl_jax.config.schema import FIELDS, default_config, flatten, validate
from rsstl_jax.errors import ConfigError

CONFIG_FILE = Path(__file__).parents[2] / "configs" / "synthetic.py"
CHOICES = {word for field in FIELDS.values() for word in re.findall(r"[\w-]+", field.rule.words)}
TEXTS = st.sampled_from(sorted(CHOICES)) | st.text(max_size=6)
NUMBERS = (
    st.integers(-2, 200)
    | st.integers()
    | st.floats()
    | st.sampled_from((2**31 - 1, 2**31, 10**400, 1e-300, 0.5, 1.0, True, False))
)
VALUES = st.one_of(
    *(st.none(), TEXTS, NUMBERS, NUMBERS, st.binary(max_size=3), st.lists(NUMBERS, max_size=3)),
    st.lists(st.integers(0, 9), max_size=4).map(tuple),
)
# May be right by themselves and contradict another field.
COMBINED = ("sources", "target", "train.batch_size", "model.baat.token_width")
COMBINED += ("model.baat.num_heads", "distill.weights.soft_target", "distill.num_unlabelled")
COMBINED += ("model.agnostic.width", "model.agnostic.num_heads", "network")
COMBINED += tuple(path for path in FIELDS if path.endswith(("min_support", "max_support")))
COMBINED += ("data.unlabelled", "distill.pseudo_labels")


def is_dataset(name):
    signs = "".join(c for c in name if c not in "._-")
    return name.isascii() and signs.isalnum() and name[:1] not in "._-"


def is_network(name):
    module, colon, function = name.partition(":")
    parts = [*module.split("."), function] if colon else [name]
    return all(part.replace("_", "a").isalnum() for part in parts)


def is_mesh(text):
    parts = [word.strip() for word in text.split(",")] if text.strip() else []
    axes = [part.partition(":") for part in parts]
    names = [name for name, _, _ in axes]
    sizes = [size for _, _, size in axes]
    return (
        set(names) <= {"replica", "data"}
        and len(set(names)) == len(names)
        and all(
            size.isascii() and size.isdigit() and size[0] != "0" and len(size) < 6 for size in sizes
        )
    )


def are_names(text, is_name=bool):
    names = [name.strip() for name in text.split(",")] if text.strip() else []
    return len(set(names)) == len(names) and all(map(is_name, names))


def is_month(name):
    year, dash, month = name.partition("-")
    digits = (year + month).isascii() and (year + month).isdigit()
    return (len(year), dash, len(month)) == (4, "-", 2) and digits and 1 <= int(month) <= 12


# What the words of the rules say, in other words.
TESTS = {
    "True or False": lambda v: True,
    "a number above 0": lambda v: v > 0,
    "a number of at least 0": lambda v: v >= 0,
    "a fraction above 0 and up to 1": lambda v: 0 < v <= 1,
    "a fraction above 0 and below 1": lambda v: 0 < v < 1,
    "a probability from 0 to below 1": lambda v: 0 <= v < 1,
    "a probability from 0 to 1": lambda v: 0 <= v <= 1,
    "a mean probability from 0 to 0.5": lambda v: 0 <= v <= 0.5,
    "an angle from 0 to below pi": lambda v: 0 <= v < math.pi,
    "a whole number from 1 to 100": lambda v: 1 <= v <= 100,
    "numbers of devices": is_mesh,
    "different fractions": lambda v: len(v) == len(set(v)) > 0 and all(0 < n <= 1 for n in v),
    "different whole": lambda v: len(v) == len(set(v)) > 0 and min(v) >= 0,
    "two or more whole": lambda v: len(v) > 1 and min(v) > 0,
    "a folder": lambda v: "\0" not in v and v != "None" and not v.startswith("~"),
    "a dataset's": is_dataset,
    "datasets'": lambda v: not v.strip() or all(is_dataset(n.strip()) for n in v.split(",")),
    "a network's": is_network,
    "different names": are_names,
    "different months": lambda v: are_names(v, is_month),
    "names separated by commas, of knn": lambda v: are_names(v, ("knn", "pretrained").__contains__),
}


def fits(path, value):
    """Whether a value is what the words of its field's rule say."""
    words, kind = FIELDS[path].rule.words, type(FIELDS[path].default)
    if words.endswith(", or None"):
        if value is None:
            return True
        words, kind = words.removesuffix(", or None"), int
    kinds = {float: (float, int), tuple: (tuple, list)}.get(kind, (kind,))
    if type(value) not in kinds:
        return False
    parts = (int, float) if "fractions" in words else (int,)
    if kind is tuple and any(type(number) not in parts for number in value):
        return False
    for number in value if kind is tuple else (value,):
        sized = type(number) in (int, float) and number != 0
        if sized and not 2.0**-126 <= abs(number) < 2**31:  # NaN, too, is not
            return False
    if words.startswith("one of "):
        return value in words.removeprefix("one of ").split(", ")
    if words.startswith("a whole number of at least "):
        return value >= int(words.rsplit(" ", 1)[1])
    return next(test for start, test in TESTS.items() if words.startswith(start))(value)


def refusal(action):
    """The message of a refusal, one line; None where there is none. Nothing else may be raised."""
    try:
        action()
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1
        return str(error)
    return None


def check_value(path, value):
    """`validate` on anything at all in one place, and `override` with it."""
    forced = default_config().unlock()
    *sections, name = path.split(".")
    node = functools.reduce(operator.getitem, sections, forced)
    del node[name]
    node[name] = value
    said = refusal(lambda: validate(forced))
    config = default_config()
    assert (refusal(lambda: override(config, {path: value})) is None) == fits(path, value)
    if fits(path, value):
        assert said is None or path in COMBINED
        wanted = tuple(value) if isinstance(value, list) else value
        assert flatten(config)[path] == wanted
    else:
        assert said.startswith(f"{path} is ")


ONE_VALUE = {"path": st.sampled_from(sorted(FIELDS)), "value": VALUES}


@fuzz(60)
@given(**ONE_VALUE)
def test_values(path, value):
    check_value(path, value)


@pytest.mark.slow
@fuzz(2000)
@given(**ONE_VALUE)
def test_many_values(path, value):
    check_value(path, value)


@st.composite
def misspelt(draw):
    """The name of a field with some of its letters changed, or anything."""
    path = draw(st.sampled_from(sorted(FIELDS)))
    at = draw(st.integers(0, len(path)))
    changed = path[:at] + draw(st.text(max_size=2)) + path[at + draw(st.integers(0, 2)) :]
    return draw(st.just(changed) | st.just(path.rpartition(".")[2]) | st.text(max_size=5))


def check_name(path):
    if path in FIELDS:
        return
    message = refusal(lambda: override(default_config(), {path: 1}))
    shown = path if path and path.isprintable() else repr(path)
    assert message.startswith(f"{shown} is not a field of the configuration")
    hint = message.partition("; did you mean ")[2].removesuffix("?")
    assert hint == "" or hint in FIELDS


@fuzz(30)
@given(misspelt())
def test_names(path):
    check_name(path)


@pytest.mark.slow
@fuzz(500)
@given(misspelt())
def test_many_names(path):
    check_name(path)


def parsed(words):
    """What the command line makes of `--config.<field>=<value>`: a configuration, or SystemExit."""
    argv = ["distill.py", f"--config={CONFIG_FILE}:smoke", *words]
    values = flags.FlagValues()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", argv)
        patch.setattr(flags, "FLAGS", values)
        config_flags.DEFINE_config_file("config", flag_values=values)
        cli._parse(argv)
        return values.config


# Words that never are the value of a flag: the next flag, or what the shell would have eaten.
ARGUMENTS = st.one_of(
    *(NUMBERS.filter(lambda n: n != 10**400).map(str), TEXTS),
    st.lists(NUMBERS.filter(lambda n: n != 10**400), max_size=3).map(
        lambda values: ",".join(map(str, values))
    ),
    st.text("(),[]{}'\"\\0123456789abc=:. ", max_size=8),
).filter(lambda text: "\0" not in text)


def check_command_line(path, text, capsys):
    try:
        config = parsed([f"--config.{path}={text}"])
    except SystemExit as stopped:
        said = capsys.readouterr().err.strip()
        assert stopped.code == 2 and said.startswith("error: ") and len(said.splitlines()) == 1
        return
    message = refusal(lambda: validate(config))
    value = flatten(config)[path]
    assert (message is None) == fits(path, value) or path in COMBINED
    kind = type(FIELDS[path].default)
    if kind in (int, float, str):
        assert value == kind(text) or value != value


# ml_collections loads a config file in a way that Python 3.11 warns of.
LOADING = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
ONE_ARGUMENT = {"path": st.sampled_from(sorted(FIELDS)) | misspelt(), "text": ARGUMENTS}


@LOADING
@fuzz(30)
@given(**ONE_ARGUMENT)
def test_arguments(capsys, path, text):
    check_command_line(path, text, capsys)


@LOADING
@pytest.mark.slow
@fuzz(700)
@given(**ONE_ARGUMENT)
def test_many_arguments(capsys, path, text):
    check_command_line(path, text, capsys)


def test_a_section_may_not_stand_for_a_field():
    with pytest.raises(ConfigError, match=r"^train\.epochs is "):
        override(default_config(), {"train.epochs": ConfigDict({"x": 1})})
