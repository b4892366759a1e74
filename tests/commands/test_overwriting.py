"""What commands leave alone, and input that they refuse since they would not use it."""

import dataclasses
import shutil
from pathlib import Path

import pytest
import tiny
from absl import flags
from tiny import save_untrained as save

from rsstl_jax.commands import calibrate, compare, ensemble, evaluate, export, predict
from rsstl_jax.errors import ConfigError, DataError
from rsstl_jax.export import load_exported
from rsstl_jax.serving.saved import load_locator
from rsstl_jax.site_agnostic.weights import PRETRAINED


@pytest.fixture
def members(tmp_path):
    """Folders of three students of one site."""
    for seed in range(3):
        save(tmp_path / "run", f"seed-{seed}/distilled", seed=seed)
    return [tmp_path / "run" / "students" / f"seed-{seed}" / "distilled" for seed in range(3)]


def contents(folder):
    return {file: file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_an_ensemble_never_overwrites_what_it_is_made_of(command, members, tmp_path):
    a, b, c = members
    joined = tmp_path / "joined"
    command(ensemble, f"--members={a},{b}", f"--output={joined}")
    before = contents(tmp_path)
    for sources, output in (
        ((joined, c), joined),
        ((joined / "member-0", c), joined),
        ((joined, c), joined / "member-0" / "new"),
        ((a, b), tmp_path / "run"),
    ):
        words = (f"--members={sources[0]},{sources[1]}", f"--output={output}", "--replace")
        with pytest.raises(ConfigError, match=f"^{output} is, holds or lies in {sources[0]}"):
            command(ensemble, *words)
        assert contents(tmp_path) == before


def test_an_ensemble_takes_the_place_of_another_locator_only_if_asked(command, members, tmp_path):
    a, b, c = members
    for card in ("ensemble.json", "student.json"):
        output = tmp_path / "joined" if card == "ensemble.json" else a
        sources = (a, b) if card == "ensemble.json" else (b, c)
        to = (f"--members={sources[0]},{sources[1]}", f"--output={output}")
        if card == "ensemble.json":
            command(ensemble, *to[:1], *to[1:])
            (output / "radius.json").write_text("of another")
            (output / "member-2").mkdir()
            (output / "notes.txt").write_text("mine")
        before = contents(output)
        message = rf"holds a locator already \({card}\); name another folder, or replace it"
        with pytest.raises(ConfigError, match=message):
            command(ensemble, *to)
        assert contents(output) == before
        assert command(ensemble, *to, "--replace") == f"{output}: 2 members, without a radius\n"
        assert len(load_locator(output).members) == 2
    names = {file.name for file in (tmp_path / "joined").iterdir()}
    assert names == {".lock", "ensemble.json", "member-0", "member-1", "notes.txt"}


def test_the_pretrained_network_is_saved_over_no_other_locator(command, members, tmp_path):
    scans = tmp_path / "scans.jsonl"
    scans.write_text("{}")
    saved = (f"--save={members[0]}", f"--scans={scans}")
    with pytest.raises(ConfigError, match=r"holds a locator already \(student\.json\)"):
        command(predict, "--student=pretrained", "--radio_map=synthetic-office", *saved)
    with pytest.raises(ConfigError, match="--save has no effect without --student=pretrained"):
        command(predict, f"--student={members[1]}", *saved)


def test_the_pretrained_network_is_saved_over_no_weights_that_it_is_made_of(command, tmp_path):
    scans, weights = tmp_path / "scans.jsonl", tmp_path / "weights"
    scans.write_text("{}")
    shutil.copytree(PRETRAINED, weights)
    before = contents(weights)
    words = (f"--student={weights}", f"--scans={scans}", f"--save={weights}", "--replace")
    with pytest.raises(ConfigError, match=f"^{weights} is, holds or lies in {weights}"):
        command(predict, *words, "--radio_map=synthetic-office")
    assert contents(weights) == before


def test_a_program_is_exported_into_no_other_locators_folder(command, members):
    with pytest.raises(ConfigError, match=r"no exported program \(student\.json\); name another"):
        command(export, f"--student={members[0]}", f"--output={members[1]}", "--replace")


def test_members_of_other_sites_are_refused_though_their_access_points_have_the_same_names(
    command, members, tmp_path
):
    part = tiny.make_part()
    moved = dataclasses.replace(part, position_m=part.position_m + 500)
    for name, other in (("mall", dataclasses.replace(part, dataset="mall")), ("home", moved)):
        save(tmp_path / name, part=other)
        there = tmp_path / name / "students" / "seed-0" / "standalone"
        with pytest.raises(DataError, match=rf"must be of one site; .* and {name} around \("):
            command(ensemble, f"--members={members[0]},{there}", f"--output={tmp_path}/joined")
    assert not (tmp_path / "joined").exists()


@pytest.mark.parametrize(
    ("module", "words", "message"),
    [
        (ensemble, ["--members=a,b", "--student=x", "--output=o"], "--student has no effect with"),
        (ensemble, ["--members=a,b", "--pretrained", "--output=o"], "--pretrained has no effect"),
        (
            evaluate,
            ["--student=pretrained", "--workdir=/nowhere/run", "--dataset=office"],
            "--workdir has no effect with --student=pretrained",
        ),
    ],
)
def test_a_flag_without_effect_is_refused(command, module, words, message):
    with pytest.raises(ConfigError, match=message):
        command(module, *words)


@pytest.mark.parametrize(
    ("module", "word", "message"),
    [
        (ensemble, "--members=a,a", "'a' is named twice; name it once"),
        (compare, f"--workdirs=a,{Path('a').absolute()}/", "'a' is named twice; name it once"),
        (compare, "--students=distilled, distilled", "'distilled' is named twice"),
        (calibrate, "--students=a,,b", "a name is empty; write them as a,b"),
        (compare, "--workdirs=a,", "a name is empty"),
        (compare, "--students=", "a name is empty"),
    ],
)
def test_a_list_has_no_empty_name_and_none_twice(command, module, word, message):
    with pytest.raises(flags.IllegalFlagValueError, match=message):
        command(module, word)


def test_folders_in_lists_and_of_students_may_begin_with_the_home(command, members, monkeypatch):
    monkeypatch.setenv("HOME", str(members[0].parent))
    out = members[0].parents[3] / "joined"
    command(ensemble, f"--members=~/distilled,{members[1]}", f"--output={out}")
    assert len(load_locator(out).members) == 2
    command(export, "--student=~/distilled", f"--output={out}-phone")
    assert load_exported(f"{out}-phone").dataset == "home"
