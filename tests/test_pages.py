"""The pages: links work, figures are those of the records, README and guide stay short."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import rsstl_jax
from rsstl_jax.config.schema import FIELDS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
GUIDE = sorted(page for page in (ROOT / "docs").glob("*.md") if page.name != "results.md")
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


@cache
def prose(page):
    """A page's text without its code blocks, in which brackets mean something else."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)


@cache
def anchors(page):
    """The anchors that GitHub gives the headings of a page."""
    count = Counter()
    slugs = set()
    for heading in HEADING.findall(prose(page)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        slugs.add(f"{slug}-{count[slug]}" if count[slug] else slug)
        count[slug] += 1
    return slugs


def broken_links(page):
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            yield f"{link}: there is no such file"
        elif anchor and anchor not in anchors(target):
            yield f"{link}: there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    assert list(broken_links(page)) == []


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A title, *here*\n[a](#a-title-here) [b](#b) [c](c.md) [d](https://d.de)\n")
    assert list(broken_links(page)) == [
        "#b: there is no such heading",
        "c.md: there is no such file",
    ]


def test_the_index_names_every_page_of_guide_and_results():
    index = ROOT / "docs" / "README.md"
    named = {(index.parent / link).resolve() for link in LINK.findall(prose(index))}
    listed = {*GUIDE, ROOT / "docs" / "results.md", *(ROOT / "docs" / "results").glob("*.md")}
    assert sorted(listed - {index} - named) == []


WRITTEN_BY_HAND = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *GUIDE]
CODE = re.compile(r"`((?:[\w.]+/)+[\w.]*|\w+\.py)`")
IN_TEXT = re.compile(r"--config\.([\w.]+)=")


@pytest.mark.parametrize("page", WRITTEN_BY_HAND, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page):
    homes = (ROOT, ROOT / "rsstl_jax", ROOT / "tests" / "faults", ROOT / "rsstl_jax/data/readers")
    wrong = [
        path
        for path in CODE.findall(prose(page))
        if path.endswith((".py", "/"))
        and not path.startswith(("results/", "students/", "checkpoints/", "my-office/"))
        and not any((home / path).exists() for home in homes)
    ]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_fields_that_a_page_sets_exist(page):
    fields = set(IN_TEXT.findall(page.read_text(encoding="utf-8")))
    assert sorted(fields - FIELDS.keys()) == []


def count_words(*pages):
    return sum(len(page.read_text(encoding="utf-8").split()) for page in pages)


def test_the_readme_is_short():
    assert count_words(ROOT / "README.md") <= 900


def test_the_guide_is_short():
    assert count_words(*GUIDE) <= 9000


def test_the_readme_has_one_table_of_figures():
    tables = re.findall(r"(?:^\|.*\n)+", prose(ROOT / "README.md"), re.MULTILINE)
    assert sum(len(re.findall(r"\d\.\d\d", table)) > 3 for table in tables) == 1


RESULTS = ROOT / "docs" / "results"
FINDINGS = RESULTS / "findings.md"


@cache
def records(recipe, target):
    lines = (RESULTS / recipe / f"{target}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[1:]]


def test_the_quality_of_the_surrogate_teachers_is_that_of_the_records():
    tuned = [*records("tuned", "tampere"), *records("tuned", "uji")]
    literal = [record for record in tuned if record.get("label") == "literal"]
    teachers = [
        teacher
        for record in tuned
        if record not in literal
        for teacher in record["result"].get("teachers", {}).values()
    ]
    errors_m = [teacher["decoded_error_m"] for teacher in teachers]
    cosines = [teacher["pair_cosine"] for teacher in teachers]
    assert not any(teacher["collapsed"] for teacher in teachers)
    row = f"{min(cosines):.2f} to {max(cosines):.2f} | {min(errors_m):.1f} to {max(errors_m):.1f}"
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert (
        f"| tuned recipe, conditioned on the position | all networks and sources | {row} | no |"
        in results
    )
    printed = [*records("paper", "tampere"), *records("paper", "uji"), *literal]
    for teacher in (t for record in printed for t in record["result"].get("teachers", {}).values()):
        collapsed = "yes" if teacher["collapsed"] else "no"
        figures = f"{teacher['pair_cosine']:.2f} | {teacher['decoded_error_m']:.1f}"
        assert f"| {figures} | {collapsed} |" in results
    text = " ".join(FINDINGS.read_text(encoding="utf-8").split())
    assert f"a mean error of {min(errors_m):.1f} to {max(errors_m):.1f} m" in text


def baseline_errors_m(target, network, row, fraction):
    """{seed: mean error} of a row's baseline students."""
    errors_m = {}
    for record in records("tuned", target):
        result, fields = record["result"], record["config"]
        names = record["row"], record.get("label") or "", result["network"]
        if names == (row, "", network) and fields.get("data.fraction", 1.0) == fraction:
            baseline = result["students"].get("standalone", {"mae_m": []})
            errors_m |= dict(zip(result["seeds"], baseline["mae_m"], strict=False))
    return errors_m


def test_the_noise_of_rounding_is_that_of_the_records():
    text = FINDINGS.read_text(encoding="utf-8").partition("### How large the noise")[2]
    rows = re.findall(
        r"^\| *(\w*) *\| *([a-z ]*) *\| (\w+) \| ([\d.]+) \| ([\d.]+) \|$", text, re.M
    )
    assert len(rows) == 12
    target = part = ""
    for of_target, of_part, network, *figures in rows:
        target, part = of_target.lower() or target, of_part.strip() or part
        fraction = {"all": 1.0, "a tenth": 0.1, "a hundredth": 0.01}[part]
        suffix = "" if fraction == 1 else "-share"
        one = baseline_errors_m(target, network.lower(), f"agnostic{suffix}", fraction)
        other = baseline_errors_m(target, network.lower(), suffix[1:] or "students", fraction)
        gaps = [other[seed] - one[seed] for seed in one]
        expected = max(map(abs, gaps)), abs(sum(gaps)) / len(gaps)
        assert figures == [f"{value:.2f}" for value in expected], (target, part, network)


def test_the_version_is_the_same_everywhere():
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    version = re.search(r"^version = (\S+)$", setup, re.MULTILINE)[1]
    assert rsstl_jax.__version__ == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## [{version}] - " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
