"""Random fields and values through every way into a configuration."""

import functools
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
    refused = refusal(lambda: override(config, {path: value}))
    if refused is None:
        assert said is None or path in COMBINED
        assert flatten(config)[path] == (tuple(value) if isinstance(value, list) else value)
    else:
        assert said == refused and said.startswith(f"{path} is ")


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
    assert message is None or message.startswith(f"{path} is ") or path in COMBINED
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
