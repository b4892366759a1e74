"""docs/extending.md: a new loss term, by two edits in a copy of the package and by a subclass."""

import doctest
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import numpy as np
import pytest

from rsstl_jax.models import NETWORKS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("### In whole runs")[2].partition("\n### ")[0]


def insert(file, mark, text):
    """Puts text in front of the only place that a mark has in a file."""
    content = file.read_text(encoding="utf-8")
    assert content.count(mark) == 1, (file, mark)
    file.write_text(content.replace(mark, text + mark), encoding="utf-8")


@pytest.mark.slow
def test_the_edits_of_the_page_add_a_term_to_a_run(tmp_path):
    shutil.copytree(ROOT / "rsstl_jax", tmp_path / "rsstl_jax")
    terms, fields = (
        tmp_path / path for path in re.findall(r"^\d\. `(rsstl_jax/\S+\.py)`", SECTION, re.M)
    )
    code, field = (
        textwrap.dedent(block) for block in re.findall(r" *```text\n(.*?) *```", SECTION, re.S)
    )
    entry, _, method = code.partition("\n\n")
    content = terms.read_text(encoding="utf-8")
    terms.write_text(re.sub(r"(?m)^(TERMS = \(.*)\)$", r'\1, "means")', content), encoding="utf-8")
    insert(terms, '"mutual_information": (\n', f"{entry}\n            ")
    insert(terms, "    def _mutual_information(", textwrap.indent(f"{method}\n", "    "))
    insert(fields, '    "distill.weights.soft_target"', textwrap.indent(field, "    "))
    words = ["--config=synthetic:smoke", "--config.sources=synthetic-mall"]
    words += ["--config.distill.weights.means=0.5", f"--workdir={tmp_path / 'run'}"]
    subprocess.run(
        [sys.executable, "-c", "from rsstl_jax.cli import main; main()", "distill", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        check=True,
    )
    assert "means" in json.loads((tmp_path / "run" / "result.json").read_text())["terms"]
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    losses = [line["means"] for line in map(json.loads, lines) if "means" in line]
    assert losses
    assert min(losses) > 0


def test_the_term_of_the_page_reaches_no_student_whose_weight_for_it_is_0(monkeypatch):
    monkeypatch.setitem(NETWORKS, "sines", None)  # which the page sets
    # The root of 0 times anything has no finite derivative.
    page = PAGE.replace('"means": 0.5}', '"means": 0.0}').replace("jnp.square(", "jnp.sqrt(0 * ")
    names = {}
    for example in doctest.DocTestParser().get_examples(page):
        if not example.source.startswith(("with ", "result")):
            exec(example.source, names)
    assert all(np.isfinite(value) for value in names["metrics"].values())
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(names["state"].params))
