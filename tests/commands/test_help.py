"""Every command explains itself at once: --help loads nothing heavy and ends with exit code 0."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from rsstl_jax import cli

ROOT = Path(__file__).parents[2]
HEAVY = {"jax", "flax", "orbax", "optax", "pandas", "scipy", "matplotlib", "sklearn"}
WITH_CONFIG = {"distill", "expert", "agnostic", "baselines", "search", "profile", "fields"}
ASK_ALL = """
import contextlib, io, json, sys
from absl import flags
from rsstl_jax import cli
texts, before = {}, set(flags.FLAGS)
for name in cli.COMMANDS:
    sys.argv = ["rsstl", name, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            cli.main()
        except SystemExit as ended:
            assert not ended.code
    texts[name] = out.getvalue()
    for flag in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, flag)
print(json.dumps([texts, sorted({module.partition(".")[0] for module in sys.modules})]))
"""


@pytest.fixture(scope="module")
def asked():
    """({command: its help}, the top-level packages that all of them have loaded)."""
    done = subprocess.run([sys.executable, "-c", ASK_ALL], capture_output=True, check=True)
    return json.loads(done.stdout)


def test_help_loads_nothing_heavy(asked):
    assert not HEAVY & set(asked[1])


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_shows_the_commands_own_flags(asked, name):
    out = asked[0][name]
    assert f"    rsstl {name}" in out and "\nFlags:\n" in out
    assert "--only_check_args" not in out and "--logtostderr" not in out
    assert ("rsstl fields [word ...]" in out) == (name in WITH_CONFIG)
    assert all(len(line) <= 100 for line in out.splitlines())


@pytest.mark.parametrize("name", [name for name in cli.COMMANDS if name != "fields"])
def test_every_command_is_a_file_of_experiments(name):
    file = f"experiments/{name}.py"
    text = (ROOT / file).read_text(encoding="utf-8")
    assert f'run_command("{name}")' in text


def test_help_of_a_file_is_spelled_as_it_was_called():
    done = subprocess.run(
        [sys.executable, "experiments/distill.py", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "    python experiments/distill.py --config=uji:tuned" in done.stdout
    assert "rsstl distill" not in done.stdout


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_the_script_alone_lists_its_commands(words, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["rsstl", *words])
    cli.main()
    out = capsys.readouterr().out
    for name, meaning in cli.COMMANDS.items():
        assert f"  {name}" in out and meaning in out


@pytest.mark.parametrize(
    ("word", "hint"), [("distil", "did you mean distill?"), ("xyz", "there are distill, expert")]
)
def test_an_unknown_command_is_refused_with_the_nearest(word, hint, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["rsstl", word])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {word!r} is no command; {hint}")


def test_choices_are_those_of_the_code_that_help_must_not_load():
    from rsstl_jax.baselines.run_baseline import METHODS
    from rsstl_jax.paper.rows import SOURCES

    assert import_module("rsstl_jax.commands.research.baselines").METHODS == METHODS
    assert import_module("rsstl_jax.commands.research.tables").SOURCES == SOURCES


@pytest.mark.parametrize("words", ["", "distill --help", "fields"])
def test_a_reader_may_leave_before_the_end(words):
    called = f"import sys; sys.argv = ['rsstl', *{words.split()!r}]"
    code = f"{called}; from rsstl_jax.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == ("", 0)
