"""check_site: the card, the plan, the warnings, and the layout that every command then reads by."""

import json
import subprocess
import sys
from dataclasses import replace

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from running import ROOT, call, finish, start

from rsstl_jax.commands import check_site
from rsstl_jax.data import load_radio_map, make_synthetic_site, write_table
from rsstl_jax.report import plots

OFFICE = make_synthetic_site("synthetic-office")


@pytest.fixture
def check(tmp_path):
    """The command on a site of tmp_path: (exit code, stdout, stderr)."""
    (tmp_path / "my-office").mkdir()

    def run(*words, dataset="my-office"):
        where = (f"--dataset={dataset}", f"--data_dir={tmp_path}")
        return call("check_site", *where, *words, cwd=tmp_path)

    return run


def write_as_another_tool(file):
    """Semicolons, decimal commas, degrees, empty cells, names of its own."""
    part = OFFICE.train
    table = pd.DataFrame(part.rss_dbm, columns=[f"AA:bb:{n:02X}" for n in range(60)])
    lon, lat = 24.9 + part.position_m[:, 0] * 1.8e-5, 60.2 + part.position_m[:, 1] * 9e-6
    table = table.assign(id=range(600), lon=lon, lat=lat, Level=part.floor, phone=["a", "b"] * 300)
    table.to_csv(file, index=False, sep=";", decimal=",")


def test_following_what_each_message_names_makes_a_site_readable(check, tmp_path):
    write_as_another_tool(tmp_path / "my-office" / "train.csv")
    steps = (
        ("--delimiter=;", "looks separated by semicolons; "),
        ("--x=lon --y=lat", "'x' is missing from the header; "),
        ("--floor=Level", "--floor=Level --write reads the floor, "),
        ("--ignore=id,phone", "look like something else: id, phone; "),
        ("--decimal=,", "a number with a decimal point is expected; "),
        ("--empty_is_undetected", "cells are empty: "),
        ("--positions=degrees", "are these degrees? "),
    )
    for flags, message in steps:
        code, _, err = check()
        assert code == 2 and message in err and flags in err.replace("'", ""), (flags, err)
        check(*flags.split(" "), "--write")
    code, out, err = check()
    assert code == 0, err
    for line in (
        "fingerprints   600, of 200 positions: 3 at each",
        "floors         0: 189, 1: 189, 2: 222",
        "access points  60: 11 to 55 (median 31) detected in a fingerprint, 52.8% of all cells",
        "levels         -95...-26 dBm, median -82",
        "origin         longitude 24.9005616, latitude 60.2000879; x is metres east, ",
        "there is no test.csv: rsstl evaluate needs one, rsstl predict does not",
        "nothing looks wrong",
    ):
        assert line in out
    plan = matplotlib.image.imread(tmp_path / "results" / "check-site" / "my-office.png")
    assert plan.shape[0] > 500 and plan.std() > 0.05
    part = load_radio_map("my-office", data_dir=tmp_path)
    np.testing.assert_array_equal(part.rss_dbm, OFFICE.train.rss_dbm)
    assert np.ptp(part.position_m, axis=0).round().tolist() == [59.0, 20.0]


def test_the_plan_is_drawn_though_the_reader_of_the_output_has_left(tmp_path):
    words = "experiments/check_site.py --dataset=synthetic-office"
    command = f"PYTHONUNBUFFERED=1 PYTHONPATH={ROOT} {sys.executable} {ROOT}/{words} | true"
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert ended.returncode == 0 and "Error" not in ended.stderr
    assert (tmp_path / "results" / "check-site" / "synthetic-office.png").exists()


def test_a_table_is_checked_where_no_plan_can_be_written(check, tmp_path):
    write_table(OFFICE.train, tmp_path / "my-office" / "train.csv")
    (tmp_path / "results").touch()
    code, out, err = check()
    assert code == 0 and "nothing looks wrong\nno plan: results/check-site cannot be written" in out
    assert "Errno" not in out + err


def test_the_floors_of_a_plan_have_one_scale(monkeypatch, tmp_path):
    """Also where no square of a floor holds two fingerprints; nothing overlaps or is cut off."""
    figures = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: figures.append(figure))
    keep = (OFFICE.train.floor == 0) | (np.arange(len(OFFICE.train)) % 40 == 0)
    check_site._draw(OFFICE.train.take(np.flatnonzero(keep)))
    (figure,) = figures
    figure.draw_without_rendering()
    *panels, colorbar = figure.axes
    squares = [panel.collections[0] for panel in panels]
    counts = [np.ma.compressed(drawn.get_array()) for drawn in squares]
    assert len(squares) == 3 and counts[-1].max() >= 3
    assert counts[0].sum() == sum((OFFICE.train.floor == 2) & keep)
    assert {drawn.get_clim() for drawn in squares} == {(1.0, max(map(np.max, counts)))}
    assert "fingerprints in a square of " in colorbar.get_ylabel()
    for panel in panels:
        label, frame = panel.yaxis.label.get_window_extent(), panel.get_window_extent()
        ticks = [tick.get_window_extent() for tick in panel.get_yticklabels()]
        seen = [box for box in ticks if frame.y0 <= box.y0 + box.height / 2 <= frame.y1]
        assert label.x0 >= 0 and seen and all(label.x1 <= box.x0 for box in seen)


def test_rooms_in_place_of_floors_share_one_plan(monkeypatch, tmp_path):
    figures = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: figures.append(figure))
    check_site._draw(replace(OFFICE.train, floor=np.arange(len(OFFICE.train), dtype=np.int32)))
    panel, _ = figures[0].axes
    assert panel.get_title().startswith("600 fingerprints")


def test_what_looks_wrong_is_said_and_the_exit_code_is_0(check, tmp_path):
    for part in (OFFICE.train, OFFICE.test):
        write_table(part, tmp_path / "my-office" / f"{part.part}.csv")
    (tmp_path / "my-office" / "layout.json").write_text(
        '{"undetected": [-130], "positions": "feet"}'
    )
    code, _, err = check()
    assert code == 2 and "cells are 100: if that means undetected, " in err
    code, out, _ = check("--undetected=100", "--positions=metres", "--write")
    assert code == 0 and "nothing looks wrong" in out and "my-office, test part" in out
    assert (tmp_path / "my-office" / "layout.json").read_text() == "{}\n"
    table = pd.read_csv(tmp_path / "my-office" / "train.csv").replace(100, -110)
    table.to_csv(tmp_path / "my-office" / "train.csv", index=False)
    code, out, err = check()
    assert code == 0 and "W1" not in err
    assert out.count("warning: ") == 1 and "is -110 your 'undetected'?" in out


def test_each_remedy_keeps_what_another_one_stored(check, tmp_path):
    """Half of the undetected cells are 100, half of them -110; the floor was ignored once."""
    file = tmp_path / "my-office" / "train.csv"
    write_table(OFFICE.train, file)
    table = pd.read_csv(file).rename(columns={"floor": "Level"})
    table.iloc[::2] = table.iloc[::2].replace(100, -110)
    table.to_csv(file, index=False)
    check("--ignore=Level,spare", "--write")
    _, out, _ = check("--floor=Level", "--write")
    assert "floors         0: 189, 1: 189, 2: 222" in out
    assert "is -110 your 'undetected'? rsstl check_site --dataset=... --undetected=100,-110 " in out
    code, _, err = check("--undetected=-110")
    assert code == 2 and "--undetected=-110,100 --write says so" in err
    check("--undetected=100,-110", "--write")
    part = load_radio_map("my-office", data_dir=tmp_path)
    np.testing.assert_array_equal(part.rss_dbm, OFFICE.train.rss_dbm)
    np.testing.assert_array_equal(part.floor, OFFICE.train.floor)
    layout = (tmp_path / "my-office" / "layout.json").read_text()
    assert json.loads(layout)["ignore"] == ["spare"]
    check("--ignore=level", "--write")
    layout = json.loads((tmp_path / "my-office" / "layout.json").read_text())
    assert layout["ignore"] == ["spare", "level"] and "floor" not in layout
    # A prefix names no column, whatever it is called.
    check("--access_point_prefix=AP", "--write")
    check("--ignore=ap", "--write")
    layout = json.loads((tmp_path / "my-office" / "layout.json").read_text())
    assert layout["ignore"][2:] == ["ap"] and layout["access_point_prefix"] == "AP"


@pytest.mark.parametrize(
    ("x", "y", "flags"),
    [
        ("X_ft", "Y_ft", "--x=X_ft --y=Y_ft --positions=feet"),
        ("Easting (m)", "y", "'--x=Easting (m)'"),
        ("rechts", "hoch", "--x=... --y=..."),
    ],
)
def test_positions_under_other_names_are_named_by_the_flag_that_a_message_gives(
    check, tmp_path, x, y, flags
):
    file = tmp_path / "my-office" / "train.csv"
    write_table(OFFICE.train, file)
    pd.read_csv(file).rename(columns={"x": x, "y": y}).to_csv(file, index=False)
    code, _, err = check()
    assert code == 2 and f"check_site --dataset=... {flags} --write names another" in err
    feet = ["--positions=feet"] * ("feet" in flags)
    code, out, _ = check(f"--x={x}", f"--y={y}", *feet)
    assert code == 0 and "nothing looks wrong" in out


@pytest.mark.parametrize(
    ("words", "dataset", "message"),
    [
        (
            ("--undetected=low",),
            "my-office",
            "--undetected: could not convert string to float: 'low'",
        ),
        (("--ignore=AP001,",), "my-office", "a name is empty; write them as a,b"),
        (("--ignore=",), "my-office", "a name is empty; write them as a,b"),
        (("--delimiter=x",), "my-office", "delimiter is 'x'; it must be one of"),
        (
            ("--ignore=id", "--write"),
            "uji",
            "--ignore has no effect on uji, which has a form of its own",
        ),
        ((), "my-ofice", "perhaps my-office is meant"),
    ],
)
def test_a_wrong_flag_is_one_line(check, words, dataset, message):
    code, out, err = check(*words, dataset=dataset)
    assert code == 2 and message in err
    assert not out and len(err.splitlines()) == 1


def test_a_way_to_draw_that_a_notebooks_shell_names_is_not_needed(monkeypatch, tmp_path):
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    words = ["rsstl", "check_site", "--dataset=synthetic-office"]
    code = f"import os, sys; os.chdir({str(tmp_path)!r}); sys.argv = {words}"
    ended = finish(start("-c", f"from rsstl_jax.cli import main; {code}; main()"))
    assert ended.code == 0, ended.err
    assert (tmp_path / "results" / "check-site" / "synthetic-office.png").exists()
