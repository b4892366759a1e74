"""Scans in, answers out: CSV and JSON lines, with the pretrained network, a student, an export."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import tiny
from running import ROOT, call, succeed

from rsstl_jax.data import write_table
from rsstl_jax.pipeline import run_distillation


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on tiny sites, and scans of the target without positions."""
    folder = tmp_path_factory.mktemp("predict")
    tiny.write_sites(folder, "home", "mall")
    run_distillation(tiny.make_tiny_config(data_dir=str(folder)), folder / "run")
    write_table(tiny.make_part(part="test"), folder / "test.csv")
    table = pd.read_csv(folder / "test.csv").drop(columns=["x", "y"])
    table.insert(0, "time", [f"t{n}" for n in range(len(table))])
    table.replace(100, "").to_csv(folder / "scans.csv", index=False)
    readings = [
        {name: level for name, level in row.items() if level != 100}
        for row in table.drop(columns="time").to_dict("records")
    ]
    lines = [json.dumps(scan) for scan in readings]
    (folder / "scans.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def student_of(folder):
    return f"--student={folder}/run/students/seed-0/standalone"


def test_a_student_answers_a_csv_as_its_json_lines_and_as_it_was_measured(folder):
    out = folder / "out" / "positions.csv"
    succeed("predict", student_of(folder), f"--scans={folder}/scans.csv", f"--output={out}")
    answers = pd.read_csv(out)
    assert answers.columns.tolist()[:4] == ["x_m", "y_m", "floor", "building"]
    assert answers["time"].tolist() == [f"t{n}" for n in range(9)]
    measured = pd.read_csv(folder / "run" / "predictions.csv")[["standalone_x_m", "standalone_y_m"]]
    np.testing.assert_allclose(answers[["x_m", "y_m"]], measured, atol=2e-3)
    printed = succeed("predict", student_of(folder), f"--scans={folder}/scans.jsonl")
    lines = [json.loads(line) for line in printed.splitlines()]
    np.testing.assert_allclose([[a["x_m"], a["y_m"]] for a in lines], measured, atol=2e-3)
    assert lines[0]["radius_m"] is None and lines[0]["unknown"] == 0


def test_a_bad_line_is_answered_with_its_error(folder):
    bad = folder / "bad.jsonl"
    good = (folder / "scans.jsonl").read_text().splitlines()[0]
    bad.write_text(f'{good}\nnot json\n{{"AP1": 7}}\n{{"telephone": -40}}\n')
    lines = [
        json.loads(line)
        for line in succeed("predict", student_of(folder), f"--scans={bad}").splitlines()
    ]
    assert lines[0]["x_m"] is not None
    assert lines[1]["line"] == 2 and "not JSON" in lines[1]["error"]
    assert "'AP1': 7 is outside -130...0 dBm" in lines[2]["error"]
    assert lines[3]["x_m"] is None and lines[3]["unknown"] == 1


def test_the_pretrained_network_answers_with_a_radio_map_and_is_saved(folder):
    saved = folder / "saved"
    succeed(
        "predict",
        "--student=pretrained",
        f"--radio_map={folder}/home",
        f"--scans={folder}/scans.csv",
        f"--output={folder}/pretrained.csv",
        f"--save={saved}",
    )
    succeed(
        "predict",
        f"--student={saved}",
        f"--scans={folder}/scans.csv",
        f"--output={folder}/again.csv",
    )
    pd.testing.assert_frame_equal(
        pd.read_csv(folder / "pretrained.csv"), pd.read_csv(folder / "again.csv")
    )


def test_standard_input_is_answered_before_it_ends(folder):
    command = [sys.executable, "experiments/predict.py", student_of(folder), "--scans=-"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.stdin.write((folder / "scans.jsonl").read_text().splitlines()[0] + "\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["detected"] > 0
    process.stdin.close()
    assert process.wait(timeout=60) == 0
    process.stdout.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--student=pretrained", "--scans=scans.csv"], "--radio_map is missing"),
        (["--student=nowhere", "--scans=scans.csv"], "nowhere holds no localiser"),
        (
            [
                "--student=pretrained",
                "--radio_map=HOME",
                "--scans=scans.csv",
                "--layout=other.json",
            ],
            "other.json is no layout.json",
        ),
        (["--student=nowhere", "--scans=scans.txt"], "a .csv, a .jsonl or - is expected"),
        (["--student=nowhere", "--scans=missing.csv"], "missing.csv is not there"),
    ],
)
def test_what_is_missing_is_named(folder, arguments, words):
    arguments = [
        a.replace("=scans.csv", f"={folder}/scans.csv").replace("HOME", f"{folder}/home")
        for a in arguments
    ]
    code, _, err = call("predict", *arguments)
    assert code == 2 and words in err.splitlines()[-1]
