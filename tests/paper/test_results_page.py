"""docs/results.md: its commands are those of its records, and other pages quote its tables."""

import re

import pytest
from test_page_commands import commands_of
from test_pages import ROOT

from rsstl_jax.baselines.run_baseline import METHODS, UNTRAINED
from rsstl_jax.config.overrides import read_assignments
from rsstl_jax.config.schema import flatten
from rsstl_jax.paper.receipts import changed_fields
from rsstl_jax.paper.records import read_receipts
from rsstl_jax.paper.rows import SHARES, SOURCES, row_config, row_name, row_students
from rsstl_jax.phases.student_specs import BESIDE

RESULTS = ROOT / "docs" / "results"
DEFAULTS = {"sources": ",".join(SOURCES), "shares": "0.01,0.1", "seeds": "0", "table": "1"}
DEFAULTS |= {"recipe": "tuned", "students": "", "variant": ""}


def rows_of(words):
    """(recipe, target, name, settings, seeds, students) of the rows that a command trains."""
    pairs = [word.removeprefix("--").partition("=")[::2] for word in words[2:]]
    flags = DEFAULTS | dict(pairs)
    overrides = read_assignments([value for name, value in pairs if name == "set"])
    recipe, variant, only = flags["recipe"], flags["variant"], flags["students"]
    for target in flags["targets"].split(","):
        for network in flags.get("networks", "dnn").split(","):
            for row in flags["rows"].split(","):
                for share in map(float, flags["shares"].split(",") if row in SHARES else [1]):
                    config = row_config(
                        row,
                        target=target,
                        network=network,
                        sources=flags["sources"].split(","),
                        recipe=recipe,
                        seeds=[int(seed) for seed in flags["seeds"].split(",")],
                        share=share,
                        overrides=overrides,
                    )
                    about = {"target": target, "network": network, "recipe": recipe}
                    changed = changed_fields(
                        {"row": row, "config": flatten(config), "result": about | {"seeds": [0]}}
                    )
                    tables = flags["table"].split(",")
                    students = row_students(row, config, tables, only.split(",") if only else ())
                    # What has no seed is trained once.
                    seeds = config.seeds[: 1 if row in UNTRAINED else None]
                    name = row_name(row, network, share=share, variant=variant)
                    yield recipe, target, name, changed, seeds, {*students}


def rows_of_records(recipe):
    for receipt in read_receipts(RESULTS / recipe):
        result, row = receipt["result"], receipt["row"]
        share = receipt["config"]["data.fraction"]
        name = row_name(row, result["network"], share=share, variant=receipt.get("label", ""))
        students = {*result["students"]} - {*BESIDE, *METHODS}
        yield recipe, result["target"], name, changed_fields(receipt), result["seeds"], students


def joined(rows):
    """{(recipe, target, name, seed): (settings, students)}, students of several rows together."""
    found = {}
    for recipe, target, name, changed, seeds, students in rows:
        for seed in seeds:
            key = recipe, target, name, seed
            found[key] = changed, found.get(key, (changed, set()))[1] | students
    return found


@pytest.mark.parametrize("recipe", ["tuned", "paper"])
def test_the_commands_are_those_of_the_records(tmp_path, recipe):
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    commands = [words for words in commands_of(text, tmp_path) if "experiments/tables.py" in words]
    rows = [row for words in commands if "--render" not in words for row in rows_of(words)]
    by_commands = joined(row for row in rows if row[0] == recipe)
    by_records = joined(rows_of_records(recipe))
    assert len(by_records) > 50
    for key in sorted(by_commands.keys() | by_records.keys()):
        assert by_commands.get(key) == by_records.get(key), key


QUOTED = re.compile(r"-?\d+\.\d\d(?: ± \d+\.\d\d| \[-?\d+\.\d\d, -?\d+\.\d\d\])")
"""A mean with its deviation, or a difference with its interval."""


@pytest.mark.parametrize(
    ("page", "begin", "end"),
    [
        ("README.md", "## Measured", "## Contributing"),
        ("docs/results/findings.md", "## No gain", "## What helps"),
        ("docs/results/site-agnostic.md", "## As a teacher", "### The full"),
    ],
)
def test_a_figure_that_another_page_quotes_is_in_the_tables(page, begin, end):
    text = (ROOT / page).read_text(encoding="utf-8").partition(begin)[2].partition(end)[0]
    tables = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    quoted = QUOTED.findall(text)
    assert len(quoted) > 10
    # 0.09 is no part of -0.09.
    missing = [figure for figure in quoted if not re.search(rf"[ |(]{re.escape(figure)}", tables)]
    assert missing == []
