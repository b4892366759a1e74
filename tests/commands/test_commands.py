"""The commands as they are called: exit codes, what they print, and what they leave behind."""

import json
import subprocess
import sys

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from running import ROOT, call, error_of, succeed

from rsstl_jax.config.recipes import make_config
from rsstl_jax.config.schema import flatten
from rsstl_jax.data import load_site
from rsstl_jax.export import load_exported

SMOKE = "--config=configs/synthetic.py:smoke"
NARROW = {
    "model.dnn.hidden_width": 8,
    "teacher.hidden_width": 8,
    "teacher.latent_width": 4,
    "distill.estimator_width": 8,
}
RUN = (SMOKE, *(f"--config.{field}={value}" for field, value in NARROW.items()))
MALL = "--config.sources=synthetic-mall"
TEACHERS = ["teacher-synthetic-mall/specialise", "teacher-synthetic-mall/expert"]
STUDENTS = ["seed-0/standalone", "seed-0/distilled"]
TABLE = "synthetic-office-table-1.md"
UTS = "WAP001,Pos_x,Pos_y,Floor_ID\n-50,1,2,3\n"


def records_of(workdir):
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def epochs_of(workdir):
    """{training: its epochs in the order of metrics.jsonl}."""
    found = {}
    for record in records_of(workdir):
        if "epoch" in record:
            found.setdefault(record["run"], []).append(record["epoch"])
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def expert(folder):
    """Stdout of expert.py, which makes the teachers of all runs in this folder."""
    return succeed("expert", *RUN, MALL, f"--workdir={folder}/expert")


@pytest.fixture(scope="module")
def distilled(folder, expert):
    """(workdir, stdout) of distill.py."""
    workdir = folder / "run"
    return workdir, succeed("distill", *RUN, MALL, f"--workdir={workdir}")


def test_expert_makes_the_bundles_and_prints_their_quality(folder, expert):
    assert f"bundles in {folder}/teachers" in expert
    card = folder / "teachers" / "dnn-synthetic-mall-smoke" / "card.json"
    quality = json.loads(card.read_text())["report"]["quality"]
    line = next(line for line in expert.splitlines() if line.startswith("synthetic-mall "))
    assert f"'pair_cosine': {round(quality['pair_cosine'], 3)}" in line
    assert epochs_of(folder / "expert") == {name: [1, 2] for name in TEACHERS}


def test_distill_takes_these_bundles_and_trains_students_alone(distilled):
    assert epochs_of(distilled[0]) == {name: [1, 2] for name in STUDENTS}


def test_distill_prints_the_table_of_its_result(distilled):
    workdir, out = distilled
    result = json.loads((workdir / "result.json").read_text())
    assert "synthetic-mall -> synthetic-office, recipe smoke, test part" in out
    for student, label in (("standalone", "baseline student"), ("distilled", "distilled student")):
        figures = result["students"][student]
        cells = [f"{figures[name][0]:.2f}" for name in ("mae_m", "p75_m", "p95_m")]
        assert f"| dnn {label} | {' | '.join(cells)} |" in out
    start = f"--workdir={workdir} --student=seed-0/standalone"
    assert out.splitlines()[-8:] == [
        f"report:    {workdir}/report.html",
        f"figures:   {workdir}/result.json",
        f"positions: {workdir}/predictions.csv",
        f"pictures:  {workdir}/map.png {workdir}/cdf.png",
        f"students:  {workdir}/students/seed-0/standalone {workdir}/students/seed-0/distilled",
        "",
        f"measure it: python experiments/evaluate.py {start} --output=positions.csv",
        f"export it:  python experiments/export.py {start}",
    ]


def test_a_validation_part_is_not_what_evaluate_measures_on(distilled, folder, monkeypatch):
    result = json.loads((distilled[0] / "result.json").read_text()) | {"part": "validation"}
    monkeypatch.setattr("rsstl_jax.pipeline.run_distillation", lambda *_: result)
    out = succeed("distill", *RUN, MALL, f"--workdir={folder}/validation")
    assert "\nmeasure it on the test part: python " in out


def test_the_workdir_holds_all_that_is_promised(distilled):
    workdir, _ = distilled
    site = load_site("synthetic-office")
    config = make_config("smoke", target="synthetic-office", sources="synthetic-mall")
    config.update_from_flattened_dict(NARROW)
    written = json.loads((workdir / "config.json").read_text())
    assert written == json.loads(json.dumps(flatten(config)))
    first = records_of(workdir)[0]
    assert first["run"] == "start" and first["device"].startswith(("cpu", "gpu", "tpu"))
    assert first["versions"].keys() >= {"rsstl_jax", "jax", "flax", "optax", "orbax-checkpoint"}
    assert first["commit"] is None or len(first["commit"].removesuffix("-dirty")) == 40
    assert first["data"]["synthetic-office"] == site.train.digest()
    assert set(first["data"]) == {"synthetic-office", "synthetic-mall"}
    result = json.loads((workdir / "result.json").read_text())
    assert {"target", "sources", "network", "recipe", "seeds"} <= result.keys()
    assert list(result["students"]) == ["standalone", "distilled"]
    for figures in result["students"].values():
        low, high = figures.pop("mae_interval_over_positions_m")
        assert {"mae_m", "p75_m", "p95_m"} <= figures.keys()
        assert all(len(values) == 1 for values in figures.values())
        assert low < figures["mae_m"][0] < high
        [percentiles] = figures["percentiles_m"]
        assert len(percentiles) == 51 and percentiles == sorted(percentiles)
    table = pd.read_csv(workdir / "predictions.csv")
    assert len(table) == len(site.test) == result["num_evaluated"]
    assert table.distilled_error_m.mean() == pytest.approx(
        result["students"]["distilled"]["mae_m"][0], abs=1e-3
    )
    for picture in ("cdf.png", "map.png"):
        assert matplotlib.image.imread(workdir / picture).std() > 0.05
    assert '"planes":[]' in (workdir / "report.html").read_text(encoding="utf-8")
    for student in STUDENTS:
        assert (workdir / "checkpoints" / student / "final").is_dir()


def test_every_field_of_the_result_and_every_file_of_a_run_is_documented(distilled):
    workdir, _ = distilled
    page = (ROOT / "docs" / "results" / "files.md").read_text()
    result = json.loads((workdir / "result.json").read_text())
    inner = [*result["students"].values(), *result["teachers"].values()]
    names = {*result, *(name for figures in inner for name in figures)}
    names |= {file.name for file in workdir.iterdir()} | {"../teachers"}
    assert sorted(name for name in names if name not in page) == []


def test_a_second_start_trains_nothing_and_says_the_same(distilled):
    workdir, out = distilled
    before = {name: (workdir / name).read_bytes() for name in ("result.json", "predictions.csv")}
    assert succeed("distill", *RUN, MALL, f"--workdir={workdir}") == out
    assert {name: (workdir / name).read_bytes() for name in before} == before
    assert epochs_of(workdir) == {name: [1, 2] for name in STUDENTS}
    assert [r["run"] for r in records_of(workdir)].count("start") == 2


@pytest.mark.parametrize("student", ["standalone", "distilled"])
def test_evaluate_prints_the_figures_of_the_result(distilled, student):
    workdir, _ = distilled
    out = succeed("evaluate", f"--workdir={workdir}", f"--student=seed-0/{student}")
    figures = json.loads((workdir / "result.json").read_text())["students"][student]
    assert f"seed-0/{student} at synthetic-office, test part, 200 fingerprints:" in out
    for line, name in (("mean error", "mae_m"), ("95th percentile", "p95_m")):
        assert f"  {line:16} {figures[name][0]:7.2f} m\n" in out


@pytest.mark.parametrize("student", ["standalone", "distilled"])
def test_export_leaves_a_program_that_gives_the_predictions(distilled, student, tmp_path):
    workdir, _ = distilled
    name = f"seed-0/{student}"
    out = succeed("export", f"--workdir={workdir}", f"--student={name}", f"--output={tmp_path}")
    assert out == f"{tmp_path}: {name} of synthetic-office, 60 access points\n"
    test = load_site("synthetic-office").test
    scans = [
        {name: level for name, level in zip(test.access_points, row, strict=True) if level < 0}
        for row in test.rss_dbm.tolist()
    ]
    written = pd.read_csv(workdir / "predictions.csv")
    predicted_m = written[[f"{student}_x_m", f"{student}_y_m"]].to_numpy()
    located = load_exported(tmp_path).locate(scans)[["x_m", "y_m"]]
    np.testing.assert_allclose(located, predicted_m, atol=1e-3)


def test_a_loss_that_is_not_finite_ends_with_exit_code_3():
    """A training that diverges is tests/engine/test_loop.py's; here it is what the command does."""
    message = "seed-0/distilled: similarity is nan in epoch 3"
    code = (
        "from rsstl_jax import cli\n"
        "from rsstl_jax.errors import DivergedError\n"
        "def main():\n"
        f"    raise DivergedError({message!r})\n"
        "cli.run(main)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == f"error: {message}\n"


BAD = {
    "recipe": (
        ["distill", "--config=configs/synthetic.py:quick"],
        "recipe is 'quick'; it must be one of paper, tuned, smoke, tuned-smoke",
    ),
    "nested variant": (
        ["tables", "--rows=knn", "--variant=a/b"],
        "--variant=a/b: it names a folder",
    ),
    "unshown variant": (
        ["tables", "--rows=students,scratch", "--variant=a", "--targets=synthetic-office"],
        "--variant=a: no table shows a variant of the row scratch; take --rows of students, share",
    ),
    "set by a flag": (
        ["tables", "--set=target=uji"],
        "--set=target has no effect; --targets sets it",
    ),
    "value twice": (
        ["search", "--config=synthetic:smoke", "--grid=margin=0.1,0.1"],
        "--grid=margin=0.1,0.1: a value is given twice; give it once",
    ),
    "uts": (
        ["distill", "--config=configs/uts.py:smoke", "--config.data_dir={data}"],
        "{data}/uts/UTS_training.csv is not there. It can be had from "
        "https://github.com/XudongSong/UTSIndoorLoc-dataset: put the file there, or choose other "
        "sites.",
    ),
    "target": (
        ["distill", "--config=configs/uji.py:tuned", "--config.target=tampere"],
        "target is 'tampere' and recipe 'tuned' has other values for it than for 'uji'",
    ),
    "row": (
        ["tables", "--targets=synthetic-office", "--rows=scratch", "--networks=dnn,cnnlock"],
        "network is 'cnnlock'",
    ),
    "sources": (
        ["tables", "--targets=synthetic-office,synthetic-mall", "--sources=synthetic-mall"],
        "uji,tut7, that is not the target synthetic-mall",
    ),
    "students": (["tables", "--rows=knn", "--students=a"], "has no student 'a'; it has none"),
    "part": (["benchmark", "--parts=step,foo"], "--parts has 'foo'; it must be of step, networ"),
    "own table": (
        ["distill", "--config=configs/table.py:smoke", "--config.data_dir={data}"],
        "The configuration table is for a dataset of your own: name it, as in "
        "--config.target=my-office.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_with_exit_code_2_and_one_line_that_helps(tmp_path, name):
    (tmp_path / "uts").mkdir()
    (tmp_path / "uts" / "UTS_test.csv").write_text(UTS)
    script, *arguments = (word.format(data=tmp_path) for word in BAD[name][0])
    if script in ("distill", "expert", "tables"):
        arguments.append(f"--workdir={tmp_path}/results")
    code, out, err = call(script, *arguments)
    assert (code, out) == (2, "")
    assert BAD[name][1].format(data=tmp_path) in error_of(err)


def test_after_a_missing_source_the_same_workdir_takes_other_ones(folder, expert):
    """As the message advises."""
    workdir = folder / "other-sources"
    arguments = (*RUN, f"--workdir={workdir}", f"--config.data_dir={folder}")
    code, out, err = call("expert", *arguments, "--config.sources=uts")
    assert (code, out) == (2, "")
    assert error_of(err).startswith(f"error: {folder}/uts/UTS_training.csv is not there")
    out = succeed("expert", *arguments, "--config.sources=synthetic-mall")
    assert "synthetic-mall {" in out


def test_tables_are_rebuilt_from_their_receipts_alone(folder):
    """Trained once; rendered again with the workdirs gone, the files are the same."""
    output = folder / "tables"
    where = (f"--output={output}", f"--workdir={folder}/rows", "--recipe=smoke")
    sites = ("--targets=synthetic-office", "--sources=synthetic-office,synthetic-mall")
    train = ("--rows=knn,scratch", "--set=model.dnn.hidden_width=8", "--seeds=0")
    out = succeed("tables", *where, *sites, *train)
    names = ("seeds.csv", TABLE, "synthetic-office-protocols.md")
    made = {name: (output / "smoke" / name).read_text() for name in names}
    assert all(made[name] in out for name in names[1:])
    assert made[names[2]].startswith("| method | seeds | floor (%) | EvAAL mean (m) |")
    assert "| kNN | 1 |" in out and "| dnn: transfer network, trained from scratch | 1 |" in out
    for name in made:
        (output / "smoke" / name).unlink()
    (folder / "rows").rename(folder / "rows-elsewhere")
    succeed("tables", *where, "--render")
    assert made == {name: (output / "smoke" / name).read_text() for name in made}
    assert matplotlib.image.imread(output / "smoke" / "synthetic-office-table-1.png").std() > 0.05
