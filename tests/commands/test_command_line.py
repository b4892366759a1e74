"""A command line that absl would take with a word dropped is refused, with the spelling meant."""

import os
import runpy

import pytest
from absl import flags
from running import ROOT, call, finish, start

from rsstl_jax.cli import command_module
from rsstl_jax.commands.shared.command_line import (
    check_flags,
    explain_unknown,
    translate_config,
)
from rsstl_jax.commands.shared.flag_definitions import FolderParser, config_file
from rsstl_jax.commands.shared.named_site import get_config
from rsstl_jax.config.rules import POSITIVE, optional
from rsstl_jax.config.schema import FIELDS, flatten
from rsstl_jax.errors import ConfigError


@pytest.fixture
def define(request):
    """Defines the flags of a command for one test."""
    before = set(flags.FLAGS)
    yield lambda name: command_module(name).define_flags()
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)


CONFIG = "--config=configs/uji.py"
REFUSED = {
    "field": (
        ("distill", CONFIG, "train.epochs=50"),
        "'train.epochs=50' is no flag; did you mean --config.train.epochs=50?",
    ),
    "field of config": (
        ("distill", CONFIG, "config.train.epochs=50"),
        "did you mean --config.train.epochs=50?",
    ),
    "misspelt field": (
        ("distill", CONFIG, "train.epoch=5"),
        "did you mean --config.train.epochs=5",
    ),
    "flag": (("distill", CONFIG, "workdir=a"), "did you mean --workdir=a?"),
    "two words": (
        ("evaluate", "--student", "A", "B"),
        "'B' is no flag; did you mean --student='A B'",
    ),
    "two names": (
        ("distill", CONFIG, "--config.sources", "a,", "b"),
        "'b' is no flag; did you mean --config.sources=a,b?",
    ),
    "two numbers": (
        ("distill", CONFIG, "--config.seeds=0", "1", "2"),
        "'1' is no flag; did you mean --config.seeds=0,1,2?",
    ),
    "config": (("distill", "configs/uji.py:tuned"), "did you mean --config=configs/uji.py:tuned?"),
    "unlike any": (("export", "uji"), "'uji' is no flag"),
    "twice": (("distill", CONFIG, "--workdir=a", "--workdir=b"), "--workdir is given twice"),
    "twice in words": (
        ("distill", CONFIG, "--workdir", "a", "-workdir=b"),
        "--workdir is given twi",
    ),
    "field twice": (
        ("distill", CONFIG, "--config.train.epochs=1", "--config.train.epochs=2"),
        "--config.train.epochs is given twice; give it once",
    ),
    "config twice": (("distill", CONFIG, CONFIG), "--config is given twice"),
    "text for a number": (
        ("distill", CONFIG, "--config.train.epochs=abc"),
        "train.epochs is 'abc'; it must be a whole number of at least 1",
    ),
    "text in words": (
        ("distill", CONFIG, "--config.train.learning_rate", "fast"),
        "train.learning_rate is 'fast'; it must be a number above 0",
    ),
    "no value": (
        ("distill", CONFIG, "--config.train.epochs="),
        "train.epochs is ''; it must be a whole number of at least 1",
    ),
    "list": (
        ("distill", CONFIG, "--config.seeds=0,a"),
        "seeds is '0,a'; it must be different whole numbers of at least 0, such as 0,1,2",
    ),
    "switch": (
        ("distill", CONFIG, "--config.distill.force_functional_information=maybe"),
        "distill.force_functional_information is 'maybe'; it must be True or False",
    ),
    "None": (
        ("distill", CONFIG, "--config.teacher.epochs=None"),
        "teacher.epochs is 'None'; it must be a whole number of at least 1; leave it out for None",
    ),
    "number of a flag": (
        ("search", CONFIG, "--batches=many"),
        "--batches is 'many'; it must be a positive integer",
    ),
    "unknown flag in words": (
        ("distill", CONFIG, "--train.epochs", "50"),
        "--train.epochs is no flag of this command; did you mean --config.train.epochs=50?",
    ),
    "no config": (("distill", "--config.train.epochs=1"), "--config is missing; name a"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_dropped_is_refused_with_the_spelling_meant(define, name):
    (command, *arguments), message = REFUSED[name]
    define(command)
    with pytest.raises(ConfigError) as error:
        check_flags(arguments, takes_words=False)
    assert message in str(error.value)


def test_what_is_right_passes(define):
    define("search")
    line = f"{CONFIG} --grid=a=1 --grid b=2 --workdir=-5 --config.teacher.seed -5 --batches 3"
    check_flags(line.split(), takes_words=False)
    check_flags(["any", "words"], takes_words=True)


def test_an_optional_field_reads_the_numbers_of_its_kind(define, monkeypatch):
    define("distill")
    rule = optional(POSITIVE, float)
    monkeypatch.setitem(FIELDS, "train.patience", rule.field(None, "Epochs without progress."))
    check_flags([CONFIG, "--config.train.patience=0.5"], takes_words=False)
    with pytest.raises(ConfigError, match=r"train\.patience is 'long'; it must be a number"):
        check_flags([CONFIG, "--config.train.patience=long"], takes_words=False)


@pytest.mark.parametrize(
    ("command", "word", "hint"),
    [
        ("distill", "--train.epochs=50", "did you mean --config.train.epochs=50?"),
        ("distill", "--epochs=50", "did you mean --config.train.epochs=50?"),
        ("distill", "-workdirr=a b", "did you mean --workdir='a b'?"),
        ("evaluate", "--config.sources=uji", "did you mean --dataset=uji?"),
        ("evaluate", "--config.data_dir=d", "did you mean --data_dir=d?"),
        ("evaluate", "--config.train.epochs=3", "its flags are --data_dir, --dataset, --output,"),
        ("tables", "--config.target=uji", "did you mean --targets=uji?"),
        ("tables", "--config.train.epochs=3", "did you mean --set=train.epochs=3?"),
    ],
)
def test_a_flag_that_the_command_lacks_has_the_one_meant_named(define, command, word, hint):
    define(command)
    assert f"{word.partition('=')[0].lstrip('-')} is no flag of this command; {hint}" in (
        explain_unknown(word)
    )


@pytest.mark.parametrize("value", ["None", "~nobody-of-this-name/run"])
def test_a_folder_named_after_nothing_is_refused(value):
    flag_values = flags.FlagValues()
    flags.DEFINE(FolderParser(), "workdir", None, "", flag_values)
    with pytest.raises(flags.IllegalFlagValueError, match="name a folder"):
        flag_values(["distill", f"--workdir={value}"])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "configs/tampre.py",
            "No such file or directory: 'configs/tampre.py'; did you mean configs/",
        ),
        ("configs/uji", "did you mean configs/uji.py?"),
        ("configs/x.py:tuned", "; configs has synthetic.py, table.py, tampere.py, uji.py, uts.py"),
        ("none/uji.py:tuned", "; a site's name needs no file: --config=uji:tuned"),
        ("", "--config is missing"),
    ],
)
def test_a_config_file_that_is_not_there_has_its_nearest_named(monkeypatch, value, message):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ConfigError) as error:
        config_file(value)
    assert message in str(error.value)


def test_a_sites_name_stands_for_a_packaged_file(monkeypatch):
    monkeypatch.chdir(ROOT)
    named, arguments = translate_config(["--config=uji:tuned", "--config.seeds=1"])
    assert named.endswith("shared/named_site.py:uji:tuned") and arguments == "--config.seeds=1"
    assert translate_config(["--config", "configs/uji.py"]) == ["--config", "configs/uji.py"]
    assert translate_config(["-config", "mysite"])[1].endswith("named_site.py:mysite")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["distill"], "--config is missing; name a configuration, such as"),
        (["export"], "--student=seed-0/standalone needs --workdir, the folder"),
        (["baselines", CONFIG], "--method is missing; it must be one of knn, centroid"),
        (["distill", CONFIG, "--workdir="], "flag --workdir=: it is empty; name a folder"),
        (["distill", CONFIG, "train.epochs=5"], "did you mean --config.train.epochs=5?"),
        (["distill", CONFIG, "--epochs=5"], "did you mean --config.train.epochs=5?"),
        (["export", "--workdir=~/run"], "--workdir=/home/of/mine/run: there is no such folder"),
    ],
)
def test_a_command_refuses_in_one_line_with_exit_code_2(monkeypatch, words, message):
    monkeypatch.setenv("HOME", "/home/of/mine")
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and message in err and err.count("\n") == 1


def call_script(*words):
    """The console script in a process of its own."""
    code = f"import sys; sys.argv = ['rsstl', *{words!r}]; from rsstl_jax.cli import main; main()"
    return finish(start("-c", code))


def test_the_console_script_refuses_as_the_files_do():
    code, out, err = call_script("fields", "learnin_rate")
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and "did you mean learning_rate?" in err
    assert err.count("\n") == 1
    code, out, err = call_script("help", "distil")
    assert (code, out) == (2, "") and "'distil' is no command; did you mean distill?" in err
    code, out, err = call_script("help", "distill", "expert")
    assert (code, out) == (2, "") and "help takes one command" in err


@pytest.mark.parametrize(
    "platform",
    [
        "nonsense",
        pytest.param(
            "cuda",
            marks=pytest.mark.skipif(os.path.exists("/dev/nvidia0"), reason="there is a GPU here"),
        ),
    ],
)
def test_a_platform_that_is_not_there_is_said_in_one_line(monkeypatch, platform):
    monkeypatch.setenv("JAX_PLATFORMS", platform)
    code, out, err = call_script("distill", CONFIG)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: JAX_PLATFORMS is {platform!r} and JAX finds no such device")
    assert err.count("\n") == 1


@pytest.mark.parametrize("file", ["synthetic", "table", "tampere", "uji", "uts"])
def test_a_sites_name_gives_the_configuration_of_its_file(file):
    of_file = runpy.run_path(f"{ROOT}/configs/{file}.py")["get_config"]
    assert flatten(get_config(f"{file}:tuned")) == flatten(of_file("tuned"))
    assert flatten(get_config(file)) == flatten(of_file())


def test_a_site_of_ones_own_has_the_configuration_of_a_table():
    table = flatten(get_config("table:tuned"))
    assert flatten(get_config("mysite:tuned")) == table | {"target": "mysite"}
    with pytest.raises(ConfigError, match="recipe is 'quick'; it must be one of paper"):
        get_config("mysite:quick")
