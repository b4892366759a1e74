"""docs/your-own-site.md by copy and paste: on the TUT7 table, plain and as another tool has it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
TUT7 = Path(os.environ.get("RSSTL_DATA_DIR", "data"), "tut7")
FOOT_M = 0.3048

pytestmark = [pytest.mark.slow, pytest.mark.data]


def commands():
    """The shell commands of the page, in their order."""
    page = (ROOT / "docs" / "your-own-site.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.M)
    inline = re.findall(r"`(rsstl (?:ensemble|export) [^`]*)`", page)
    return [line for block in blocks for line in block.splitlines()] + inline


def some_rows(part, number):
    table = pd.read_csv(TUT7 / f"{part}.csv.gz").drop(columns="building")
    return table.iloc[np.linspace(0, len(table) - 1, number).astype(int)].reset_index(drop=True)


@pytest.fixture
def shell(tmp_path):
    """Runs a command as a reader of the page does; a training has two epochs."""
    (tmp_path / "data" / "my-office").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    short = "--config.train.epochs=2 --config.teacher.epochs=2 --config.run.baselines=knn"
    (tmp_path / "bin" / "rsstl").write_text(
        f'#!/bin/sh\n[ "$1" = distill ] && set -- "$@" {short}\n'
        f'exec {sys.executable} -c "from rsstl_jax.cli import main; main()" "$@"\n'
    )
    (tmp_path / "bin" / "my-scanner").write_text("#!/bin/sh\nexec cat scans.jsonl\n")
    for program in (tmp_path / "bin").iterdir():
        program.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "RSSTL_DATA_DIR": str(tmp_path / "data"),
        "PYTHONPATH": str(ROOT),
    }

    def run(command):
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    return run


def test_the_page_leads_from_a_table_to_positions_floors_and_radii(shell, tmp_path):
    for part, number in (("train", 400), ("test", 40)):
        table = some_rows(part, number)
        table.to_csv(tmp_path / "data" / "my-office" / f"{part}.csv", index=False)
    actual = some_rows("test", 40)
    scans = actual.drop(columns=["x", "y", "floor"])
    timed = pd.concat([pd.Series(range(40), name="time"), scans], axis=1)
    timed.to_csv(tmp_path / "scans.csv", index=False)
    rows = ({k: v for k, v in row.items() if v != 100} for row in scans.to_dict("records"))
    (tmp_path / "scans.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    check, other, answer, scanner, distill, calibrate, predict, ensemble, export = commands()
    assert "nothing looks wrong" in shell(check)
    assert "--delimiter=" in other
    shell(f"{answer} --save=results/my-office")
    positions = pd.read_csv(tmp_path / "positions.csv")
    assert positions.time.tolist() == list(range(40))
    apart_m = np.hypot(positions.x_m - actual.x, positions.y_m - actual.y)
    assert np.nanmean(apart_m) < 10 and (positions.floor == actual.floor).mean() > 0.8
    lines = [json.loads(line) for line in shell(scanner).splitlines()]
    columns = ["x_m", "radius_m"]
    answered = pd.DataFrame(lines)[columns].astype(float)
    np.testing.assert_allclose(answered, positions[columns], atol=2e-3)
    assert "kNN" in shell(distill) and "floor (%)" in shell(distill)
    shell(calibrate)
    assert shell(predict).startswith("x_m,y_m,floor,building,radius_m,")
    shell(ensemble)
    shell(export)
    assert list(tmp_path.rglob("*.onnx"))


def test_a_table_of_another_tool_gives_the_positions_of_a_plain_one(shell, tmp_path):
    """Semicolons, decimal commas, empty cells, addresses in mixed case, positions in feet."""
    train, scans = some_rows("train", 300), some_rows("test", 20)
    columns = [name for name in train if name.startswith("AP")]
    addresses = [f"00:1F:{n // 256:02x}:Aa:{n % 256:02X}:0b" for n in range(len(columns))]

    def written(table, names):
        levels = table[columns].replace(100, np.nan).astype(float)
        return levels.set_axis(names, axis=1)

    there = tmp_path / "data" / "my-office"
    feet = pd.DataFrame({"x": train.x / FOOT_M, "y": train.y / FOOT_M, "floor": train.floor})
    as_other = {"sep": ";", "decimal": ",", "index": False}
    table = pd.concat([written(train, addresses), feet], axis=1)
    table.to_csv(there / "train.csv", **as_other)
    lower = [name.lower() for name in addresses]
    written(scans, lower).to_csv(tmp_path / "scans.csv", **as_other)
    _, describe, answer, *_ = commands()
    shell(describe)
    shell(f"{answer} --save=results/my-office")
    shell("rsstl predict --student=results/my-office --scans=scans.csv --output=again.csv")
    (tmp_path / "data" / "plain").mkdir()
    train.to_csv(tmp_path / "data" / "plain" / "train.csv", index=False)
    scans[columns].to_csv(tmp_path / "plain.csv", index=False)
    plain = answer.replace("my-office", "plain").replace("scans.csv", "plain.csv")
    shell(plain.replace("positions.csv", "expected.csv"))
    expected, *answered = (
        pd.read_csv(tmp_path / f"{name}.csv") for name in ("expected", "positions", "again")
    )
    assert expected.floor.notna().any() and (expected.radius_m > 0).any()
    for positions in answered:
        np.testing.assert_allclose(positions, expected, atol=0.05)
