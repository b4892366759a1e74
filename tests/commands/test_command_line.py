"""A command line that absl would take with a word dropped is refused, with the spelling meant."""

import os
import runpy
import sys

import pytest
from running import ROOT, call, finish, start

from rsstl_jax.commands.shared.command_line import translate_config
from rsstl_jax.commands.shared.flag_definitions import config_file
from rsstl_jax.commands.shared.named_site import get_config
from rsstl_jax.config.schema import flatten
from rsstl_jax.errors import ConfigError

CONFIG = "--config=configs/uji.py"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "configs/tampre.py:tuned",
            "No such file or directory: 'configs/tampre.py'; there are configs/synthetic.py, conf",
        ),
        ("none/uji.py:tuned", "; a site's name needs no file, as in --config=uji"),
        ("", "--config is missing"),
    ],
)
def test_a_config_file_that_is_not_there_has_the_others_named(monkeypatch, value, message):
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
        (["distill", "--config.train.epochs=1"], "--config is missing; name a"),
        (["export"], "--student=seed-0/standalone needs --workdir, the folder"),
        (["evaluate", "--student=pretrained", "--dataset="], "is empty; name a site, such as uji"),
        (["baselines", CONFIG], "--method is missing: Names the baseline. One of knn, centroid"),
        (["distill", CONFIG, "--workdir="], "flag --workdir=: it is empty; name a folder"),
        (["predict", "--scans="], "flag --scans=: it is empty; name a folder or a file, or leave"),
        (["distill", CONFIG, "train.epoch=5"], "is no flag; did you mean --config.train.epochs?"),
        (["distill", "workdir=a", CONFIG], "'workdir=a' is no flag; did you mean --workdir?"),
        (["evaluate", "--student", "A", "B"], "'B' is no flag; quote a value with spaces"),
        (["distill", CONFIG, "--config.seeds=0", "1"], "'1' is no flag; quote a value with"),
        (["distill", CONFIG, "--epochs", "5"], "--epochs is no flag of this command; did you mean"),
        (["export", "--config.seeds=0"], "no flag of this command; its flags are --onnx, --output"),
        (["distill", CONFIG, "--workdir", "a", "-workdir=b"], "--workdir is given twice"),
        (["distill", CONFIG, CONFIG], "--config is given twice; give it once"),
        (["distill", CONFIG, CONFIG, "--config.target=uji"], "--config is given twice; give it"),
        (["distill", CONFIG, *2 * ["--config.seeds=0"]], "--config.seeds is given twice; give it"),
        (
            ["distill", CONFIG, "--config.train.epochs=1", "--config.train.epochs=2"],
            "--config.train.epochs is given twice",
        ),
        (["distill", CONFIG, "--config.train.epochs=abc"], "train.epochs is 'abc'; it must be a"),
        (["distill", CONFIG, "--config.seeds=0,1", "--config.train.epochs=0"], "epochs is 0; it"),
        (["distill", CONFIG, "--config.seeds=0,a"], "seeds is ('0,a',); it must be different"),
        (["distill", CONFIG, "--config.run.tensorboard="], "is ''; it must be True or False"),
        (["distill", CONFIG, "--config.teacher.epochs=None"], "at least 1; leave it out for None"),
        (["search", CONFIG, "--batches=many"], "--batches is 'many'; it must be a positive integ"),
        (["distill", CONFIG, "--workdir=None"], "flag --workdir=None: it is None; name a folder"),
        (["distill", CONFIG, "--workdir=~nobody-here/x"], "there is no user 'nobody-here'"),
        (["export", "--workdir=~/run"], "--workdir=/home/of/mine/run holds no student; name the"),
    ],
)
def test_a_command_refuses_in_one_line_with_exit_code_2(monkeypatch, words, message):
    monkeypatch.setenv("HOME", "/home/of/mine")
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and message in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import numpyy\n", ", line 1: ModuleNotFoundError: No module named 'numpyy'"),
        ("\nget_config = lambda:\n", ", line 2: invalid syntax"),
        ("get_config = lambda:\\\n 1 / zero", ", line 2: NameError: name 'zero' is not defined"),
        ("get_config = lambda: int('a')", ", line 1: ValueError: invalid literal for int() with"),
        ("open('/no/x')", ": [Errno 2] No such file or directory: '/no/x'"),
        ("seeds = (1, 2)", ": module 'config_config' has no attribute 'get_config'"),
        ("get_config = lambda: {'a': 1}", ": get_config returns {'a': 1}; a ConfigDict is expect"),
        ("get_config = lambda: None", ": get_config returns None; a ConfigDict is expected"),
    ],
)
def test_what_is_wrong_with_a_config_file_is_one_line(tmp_path, monkeypatch, text, message):
    monkeypatch.delitem(sys.modules, "config_config", raising=False)
    file = tmp_path / "mine.py"
    file.write_text(text)
    code, out, err = call("distill", f"--config={file}")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith(f"error: {file}{message}") and "Traceback" not in err


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
