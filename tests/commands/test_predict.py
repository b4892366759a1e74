"""Scans in, answers out: CSV and JSON lines, with the pretrained network, a student, an export."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny
from running import ROOT, call, succeed

from rsstl_jax.data import write_table
from rsstl_jax.data.readers.scan_table import BLOCK_ROWS
from rsstl_jax.pipeline import run_distillation


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on tiny sites, and scans of the target without positions."""
    folder = tmp_path_factory.mktemp("predict")
    tiny.write_sites(folder, "home", "mall")
    for part in ("train", "test"):
        file = folder / "home" / f"{part}.csv"
        pd.read_csv(file).replace(100, 0).to_csv(file, index=False)
    (folder / "home" / "layout.json").write_text('{"undetected": [0]}')
    config = tiny.make_tiny_config(data_dir=str(folder), **tiny.ONE_TERM)
    run_distillation(config, folder / "run")
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
    table.replace(100, 0).to_csv(folder / "zeros.csv", index=False)
    zeros = table.drop(columns="time").replace(100, 0)
    zeros.to_json(folder / "zeros.jsonl", orient="records", lines=True)
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
    text = f'{good}\nnot json\n\n{{"AP1": 7}}\n{{"telephone": -40}}\n{{"AP1": -1, "AP1": -2}}\n'
    bad.write_bytes(text.encode() + b'[{"mac": "AP1", "rssi": -6, "rssi": -9}]\n{"\xff": -6}\n')
    code, out, err = call("predict", student_of(folder), f"--scans={bad}")
    assert code == 0 and err.splitlines()[-1] == (
        "2 scans answered, 1 without a known access point, 5 lines not read"
    )
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines[0]["x_m"] is not None
    assert lines[1]["line"] == 2 and "not JSON" in lines[1]["error"]
    assert "'AP1': 7 is outside -130...0 dBm" in lines[2]["error"]
    assert lines[2]["line"] == 4  # as an editor counts them
    assert lines[3]["x_m"] is None and lines[3]["unknown"] == 1
    assert lines[4] == {"line": 6, "error": "'AP1' is named twice in one object; name it once"}
    assert lines[5] == {"line": 7, "error": "'rssi' is named twice in one object; name it once"}
    assert lines[6]["line"] == 8 and "can't decode byte 0xff" in lines[6]["error"]


@pytest.mark.slow
def test_the_pretrained_network_answers_with_a_radio_map_and_is_saved(folder, caplog):
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
    answers = pd.read_csv(folder / "pretrained.csv")
    pd.testing.assert_frame_equal(answers, pd.read_csv(folder / "again.csv"))
    assert_same_with_zeros(folder, f"--student={saved}", answers)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_folder_hides_no_dataset_where_it_is_empty_or_data_dir_is_given(
    folder, tmp_path, monkeypatch, is_empty
):
    (tmp_path / "home").mkdir()
    flags = ["--radio_map=home", f"--scans={folder}/scans.csv", f"--output={tmp_path}/named.csv"]
    if is_empty:
        monkeypatch.setenv("RSSTL_DATA_DIR", str(folder))
    else:
        (tmp_path / "home" / "train.csv").write_text("x,y\n1,2\n")
        flags.append(f"--data_dir={folder}")
    code, _, err = call("predict", student_of(folder), *flags, cwd=tmp_path)
    assert code == 0, err
    assert len(pd.read_csv(tmp_path / "named.csv")) == 9
    if not is_empty:
        monkeypatch.setenv("RSSTL_DATA_DIR", str(folder))
        code, _, err = call("predict", student_of(folder), *flags[:-1], cwd=tmp_path)
        assert code == 2 and f"the folder {tmp_path}/home and the dataset {folder}/home; " in err
        assert f"write ./home for the folder, or --data_dir={folder} for the dataset" in err
        for name in "./home", "home/", "home":
            if name == "home":
                monkeypatch.setenv("RSSTL_DATA_DIR", f"{tmp_path}/nowhere")
            flags[0] = f"--radio_map={name}"
            code, _, err = call("predict", student_of(folder), *flags[:-1], cwd=tmp_path)
            assert code == 2 and "home/train.csv, line 1: names no access point" in err


def assert_same_with_zeros(folder, student, answers):
    """0 stands for undetected at the site: a locator reads its scans so."""
    for name in ("zeros.csv", "zeros.jsonl"):
        out = folder / "out" / "zeros.csv"
        succeed("predict", student, f"--scans={folder}/{name}", f"--output={out}")
        found = pd.read_csv(out)
        pd.testing.assert_frame_equal(found, answers[found.columns], check_dtype=False)


def test_a_student_reads_scans_by_the_layout_of_its_site(folder, caplog):
    out = folder / "out" / "blanks.csv"
    succeed("predict", student_of(folder), f"--scans={folder}/scans.csv", f"--output={out}")
    assert_same_with_zeros(folder, student_of(folder), pd.read_csv(out))
    assert not caplog.records


@pytest.mark.parametrize("name", ["zeros.csv", "zeros.jsonl"])
def test_a_layout_that_is_given_wins_and_odd_scans_get_one_warning(folder, caplog, name):
    (folder / "other").mkdir(exist_ok=True)
    (folder / "other" / "layout.json").write_text('{"undetected": [-110]}')
    layout = f"--layout={folder}/other/layout.json"
    succeed("predict", student_of(folder), f"--scans={folder}/{name}", layout)
    [message] = [record.getMessage() for record in caplog.records]
    assert f"{folder}/{name}: every" in message and "is 0 your 'undetected'?" in message
    assert "--layout=<the layout.json in use with undetected=-110,0 added> says so" in message


def test_an_error_in_a_late_block_leaves_an_older_file_as_it_was(folder):
    bad, out = folder / "late.csv", folder / "out" / "older.csv"
    bad.write_text("AP1,AP2\n" + "-61,-70\n" * BLOCK_ROWS + "-61,loud\n")
    out.parent.mkdir(exist_ok=True)
    out.write_text("x_m,older\n")
    code, _, err = call("predict", student_of(folder), f"--scans={bad}", f"--output={out}")
    assert code == 2 and f"line {BLOCK_ROWS + 2}, column 'AP2': 'loud'" in err
    assert out.read_text() == "x_m,older\n" and not list(out.parent.glob("*.new"))
    succeed("predict", student_of(folder), f"--scans={folder}/scans.csv", "--output=/dev/null")
    assert not Path("/dev/null").is_file() and not list(Path("/dev").glob("*.new"))
    code, _, err = call(
        "predict", student_of(folder), f"--scans={folder}/scans.csv", "--output=/dev/full"
    )
    assert (code, err.splitlines()[-1]) == (
        2,
        "error: [Errno 28] No space left on device: '/dev/full'",
    )


@pytest.mark.parametrize("output", ["scans.csv", "marked.csv", "home/train.csv", "home/test.csv"])
def test_an_output_that_is_an_input_is_refused(folder, output):
    header, *lines = (folder / "scans.csv").read_text().splitlines()
    # It begins as answers do.
    marked = "\n".join([f"x_m,{header}", *(f"0,{line}" for line in lines)])
    (folder / "marked.csv").write_text(marked)
    before = (folder / output).read_bytes()
    scans = folder / ("marked.csv" if output == "marked.csv" else "scans.csv")
    words = (student_of(folder), f"--radio_map={folder}/home", f"--scans={scans}")
    code, _, err = call("predict", *words, f"--output={folder}/home/../{output}")
    assert code == 2 and "this is a file that commands read; name another" in err
    assert (folder / output).read_bytes() == before


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--save=out/never", "--save has no effect without --student=pretrained"),
        ("--data_dir=.", "--data_dir has no effect without a --radio_map"),
        ("--layout=nope/layout.json", "nope/layout.json is no layout.json that is there"),
    ],
)
def test_a_flag_that_would_not_be_used_is_refused(folder, flag, words):
    code, _, err = call("predict", student_of(folder), f"--scans={folder}/scans.jsonl", flag)
    assert code == 2 and words in err.splitlines()[-1]


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


def test_standard_input_that_is_closed_is_named_from_a_folder_that_is_gone_too(tmp_path):
    script = f"{sys.executable} {ROOT}/experiments/predict.py --student=nowhere --scans=-"
    (tmp_path / "gone").mkdir()
    shell = ["sh", "-c", f"cd gone && rmdir ../gone && exec {script} <&-"]
    run = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (2, "error: --scans: standard input is not there\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--student=pretrained", "--scans=scans.csv"], "--radio_map is missing"),
        (
            ["--student=nowhere", "--scans=scans.csv"],
            "--student=nowhere needs --workdir, the folder",
        ),
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
