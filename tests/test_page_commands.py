"""The commands of the pages, as a shell expands them: each flag once, `--config` before its fields.

Absl refuses a field before the configuration, and the commands refuse a flag that is given twice.
"""

import re
import shlex
import subprocess
from collections import Counter

import pytest
from test_pages import PAGES, ROOT

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
SOURCES = [*(ROOT / "rsstl_jax" / "commands").rglob("*.py"), *(ROOT / "experiments").glob("*.py")]
REPEATED = {
    name
    for file in SOURCES
    for name in re.findall(r'DEFINE_multi_\w+\(\s*"(\w+)"', file.read_text(encoding="utf-8"))
}
"""Flags that may be given several times."""

SHELL = """
rsstl() { printf '%q ' rsstl "$@"; echo; }
python() { printf '%q ' python "$@"; echo; }
"""


def commands_of(text, folder):
    """The words of each rsstl and python command of a page's blocks; nothing else is run."""
    blocks = re.sub(r"<(\w+)>", r"\1", "\n".join(BLOCK.findall(text)))
    # No program is on the path, so that other commands end with an error.
    shell = ["/bin/bash", "--restricted", "-c", SHELL + blocks]
    ended = subprocess.run(
        shell, cwd=folder, env={"PATH": "", "HOME": str(folder)}, capture_output=True, text=True
    )
    lines = ended.stdout.splitlines()
    found = [shlex.split(line) for line in lines if re.match(r"rsstl |python ", line)]
    assert len(found) >= len(re.findall(r"^(?:rsstl|python) ", blocks, re.MULTILINE)), blocks
    return found


def faults(words):
    """What a command would refuse of its flags."""
    names = [word.partition("=")[0] for word in words if word.startswith("--")]
    twice = [name for name, n in Counter(names).items() if n > 1 and name[2:] not in REPEATED]
    early = [name for name in names if name.startswith("--config.")]
    is_early = "--config" in names and early and names.index(early[0]) < names.index("--config")
    return [*twice, *(early[:1] if is_early else [])]


WITH_COMMANDS = [page for page in PAGES if "```sh" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_command_of_a_page_is_refused_for_its_flags(page, tmp_path):
    wrong = [
        (found, shlex.join(words))
        for words in commands_of(page.read_text(encoding="utf-8"), tmp_path)
        if (found := faults(words))
    ]
    assert wrong == []


def test_a_command_with_a_doubled_or_an_early_flag_is_found(tmp_path):
    text = """```sh
A="rsstl agnostic --config.seeds=0,1 --output=a"
rm -r nothing
$A --config=uji:tuned
$A --config.seeds=2
rsstl distill --config=uji:tuned --config.seeds=0
```
"""
    found = [faults(words) for words in commands_of(text, tmp_path)]
    assert found == [["--config.seeds"], ["--config.seeds"], []]
