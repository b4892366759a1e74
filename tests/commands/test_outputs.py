"""Where a command writes, and the students that it reads: checked before it computes anything."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
import tiny
from absl import flags
from tiny import save_untrained as save

from rsstl_jax import default_config
from rsstl_jax.commands import compare, evaluate, export, predict
from rsstl_jax.commands.shared.outputs import (
    check_file,
    check_folder,
    find_student,
    folder_of_run,
)
from rsstl_jax.config.overrides import override
from rsstl_jax.data import load_site
from rsstl_jax.engine.saved_student import load_student
from rsstl_jax.errors import ConfigError, DataError
from rsstl_jax.export import load_exported
from rsstl_jax.pipeline import bundle_folder

CSV = {"endings": (".csv",), "begins": (b"x_m,",)}


@pytest.fixture
def data_dir(tmp_path):
    return tiny.write_sites(tmp_path / "data", "home")


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("a.txt", "a.txt is a file; name a folder"),
        ("a.txt/run", "a.txt is a file; name a folder"),
        ("/proc/foo/bar", r"nothing can be written in /proc \(No such file or directory\); name a"),
    ],
)
def test_a_folder_that_cannot_be_is_refused_by_flag_and_path(tmp_path, monkeypatch, folder, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").touch()
    with pytest.raises(ConfigError, match=f"^--output={folder}: {words}"):
        check_folder("--output", folder)
    with pytest.raises(ConfigError, match=f"^--output={folder}: {words}"):
        check_file("--output", f"{folder}/x.csv", **CSV)


def test_a_file_may_lie_in_folders_that_are_not_there_and_none_is_made_yet(tmp_path):
    check_file("--output", tmp_path / "new" / "folder" / "x.csv", **CSV)
    check_folder("--workdir", tmp_path / "new")
    assert not os.listdir(tmp_path)
    with pytest.raises(ConfigError, match=f"--output={tmp_path}: this is a folder; name a file"):
        check_file("--output", tmp_path, **CSV)


@pytest.fixture
def workdir_flag():
    flags.DEFINE_string("workdir", None, "")
    yield
    del flags.FLAGS.workdir


def test_the_default_folder_of_a_run_has_a_plain_name(workdir_flag):
    flags.FLAGS(["distill"])
    config = default_config()
    config.network = "my.package:make_network"
    assert folder_of_run(config, "r/<target>-<network>-<recipe>") == (
        "r/uji-my.package.make_network-paper"
    )


def test_a_bundle_folder_that_is_a_file_is_refused(workdir_flag, tmp_path):
    flags.FLAGS(["distill", f"--workdir={tmp_path}/run"])
    (tmp_path / "a.txt").touch()
    config = default_config()
    config.bundle_dir = str(tmp_path / "a.txt")
    with pytest.raises(ConfigError, match=r"--config.bundle_dir=.*a\.txt is a file; name a folder"):
        folder_of_run(config, "")


@pytest.mark.parametrize("field", ["data_dir", "bundle_dir"])
def test_a_folder_field_takes_a_home_and_refuses_none(field, monkeypatch):
    monkeypatch.setenv("HOME", "/home/of/mine")
    config = default_config()
    override(config, {field: "~/bundles"})
    if field == "bundle_dir":
        assert str(bundle_folder(config, "run")) == "/home/of/mine/bundles"
    for value in ("None", "~nobody-of-this-name/x"):
        with pytest.raises(ConfigError, match=f"{field} is '{value}'; it must be a folder, or em"):
            override(config, {field: value})


def test_a_student_that_is_not_there_has_those_that_are_named(tmp_path):
    for seed in (0, 1):
        save(tmp_path, f"seed-{seed}/distilled")
    with pytest.raises(ConfigError) as error:
        find_student(tmp_path, "seed-0/distiled")
    assert str(error.value) == (
        f"{tmp_path} has no student seed-0/distiled; it has seed-0/distilled, seed-1/distilled"
    )
    found = find_student(tmp_path, "seed-1/distilled/")
    assert load_student(found).dataset == "home"


def test_a_workdir_without_students_is_named(tmp_path):
    for workdir in tmp_path, tmp_path / "nowhere":
        with pytest.raises(ConfigError, match=f"--workdir={workdir} holds no student; name the"):
            find_student(workdir, "seed-0/standalone")


def test_evaluate_measures_the_baseline_student_and_writes_into_a_new_folder(
    command, data_dir, tmp_path
):
    student = save(tmp_path / "run")
    output = tmp_path / "new" / "folder" / "positions.csv"
    where = (f"--workdir={tmp_path}/run", f"--data_dir={data_dir}")
    out = command(evaluate, *where, f"--output={output}")
    table = pd.read_csv(output)
    test = load_site("home", data_dir=data_dir).test
    scans = [
        {name: float(dbm) for name, dbm in zip(test.access_points, row, strict=True) if dbm < 0}
        for row in test.rss_dbm
    ]
    located_m = np.asarray(student.locate(scans))[:, :2].astype(float)
    errors_m = np.linalg.norm(located_m - test.position_m, axis=1)
    np.testing.assert_allclose(table["error_m"], errors_m, atol=1e-3)
    assert out.splitlines() == [
        "seed-0/standalone at home, test part, 9 fingerprints:",
        f"  mean error       {errors_m.mean():7.2f} m",
        f"  median           {np.median(errors_m):7.2f} m",
        f"  75th percentile  {np.percentile(errors_m, 75):7.2f} m",
        f"  95th percentile  {np.percentile(errors_m, 95):7.2f} m",
        f"  within 10 m      {100 * np.mean(errors_m <= 10):7.2f} % of the fingerprints",
        f"every position: {output}",
    ]
    # A test scan without a reading is measured, and said.
    test_csv = data_dir / "home" / "test.csv"
    cells = pd.read_csv(test_csv)
    cells.loc[0, list(test.access_points)] = 100
    cells.to_csv(test_csv, index=False)
    assert command(evaluate, *where).splitlines()[1] == (
        "  without readings    1    of them; they are measured, too"
    )


def test_an_output_that_cannot_be_written_is_refused_before_the_student_is_read(command, tmp_path):
    """The student is damaged: a command that read it would say so."""
    save(tmp_path / "run")
    (tmp_path / "run" / "students" / "seed-0" / "standalone" / "student.json").write_text("{")
    (tmp_path / "a.txt").touch()
    with pytest.raises(ConfigError, match=r"a\.txt is a file; name a folder"):
        command(evaluate, f"--workdir={tmp_path}/run", f"--output={tmp_path}/a.txt/x.csv")
    with pytest.raises(ConfigError, match=r"a\.txt is a file; name a folder"):
        command(export, f"--workdir={tmp_path}/run", f"--output={tmp_path}/a.txt")


@pytest.mark.parametrize(
    ("name", "content"),
    [("predictions.csv", "seed,row,x_m\n"), ("metrics.jsonl", '{"run": "start"}\n')],
)
def test_an_output_never_takes_the_place_of_a_file_of_a_run(command, tmp_path, name, content):
    save(tmp_path / "run")
    file = tmp_path / "run" / name
    file.write_text(content)
    scans = tmp_path / "scans.csv"
    scans.write_text("AP1\n-60\n")
    calls = [(predict, f"--scans={scans}")] + [(evaluate,)] * name.endswith(".csv")
    for module, *words in calls:
        with pytest.raises(ConfigError, match=f"{name}: this file holds something else than the"):
            command(module, f"--workdir={tmp_path}/run", f"--output={file}", *words)
        assert file.read_text() == content


def test_answers_may_be_written_once_more(command, tmp_path):
    save(tmp_path / "run")
    scans, output = tmp_path / "scans.csv", tmp_path / "out.csv"
    scans.write_text("AP1\n-60\n")
    output.touch()
    for _ in range(2):
        command(predict, f"--workdir={tmp_path}/run", f"--scans={scans}", f"--output={output}")
    assert output.read_text().startswith("x_m,")


def test_a_file_in_the_place_of_a_comparison_is_refused_first(command, tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(ConfigError, match=r"--output=.*a\.txt is a file; name a folder"):
        command(compare, f"--workdirs={tmp_path}/run", f"--output={tmp_path}/a.txt")


def test_an_onnx_file_that_is_there_is_written_anew(command, tmp_path):
    save(tmp_path / "run")
    command(export, f"--workdir={tmp_path}/run", f"--output={tmp_path}/phone")
    file = tmp_path / "phone" / "student.onnx"
    file.write_bytes(b"of a student without a radius")
    command(export, f"--workdir={tmp_path}/run", f"--output={tmp_path}/phone")
    assert len(file.read_bytes()) > 1000


@pytest.mark.parametrize("exported", [False, True])
def test_another_site_than_the_students_is_refused(command, data_dir, tmp_path, exported):
    """Its access points may have the same names, as those of a collection do."""
    save(tmp_path / "run")
    where = [f"--workdir={tmp_path}/run"]
    if exported:
        command(export, *where, f"--output={tmp_path}/phone")
        where = [f"--student={tmp_path}/phone"]
    other = data_dir / "other"
    shutil.copytree(data_dir / "home", other)
    for file in other.glob("*.csv"):
        pd.read_csv(file).assign(x=lambda t: t.x + 500).to_csv(file, index=False)
    with pytest.raises(DataError, match="other: its fingerprints lie 500 m from those of home"):
        command(evaluate, *where, "--dataset=other", f"--data_dir={data_dir}")


def test_an_exported_student_has_a_folder_of_its_own(command, tmp_path):
    for name in ("seed-0/standalone", "seed-1/distilled"):
        save(tmp_path, name)
        out = command(export, f"--workdir={tmp_path}", f"--student={name}")
        folder = tmp_path / "exported" / name.replace("/", "-")
        assert out == f"{folder}: {name} of home, 6 access points\n"
        assert load_exported(folder).dataset == "home"


def test_an_exported_student_of_another_is_replaced_only_if_asked(command, tmp_path):
    here, there, output = tmp_path / "here", tmp_path / "there", tmp_path / "phone"
    save(here)
    save(here, "seed-1/standalone", seed=1)
    save(there, part=tiny.make_part("mall"))
    to = f"--output={output}"
    command(export, f"--workdir={here}", to)
    command(export, f"--workdir={here}", to)  # The same student may be written once more.
    before = (output / "student.bin").read_bytes()
    for other in (f"--workdir={there}",), (f"--workdir={here}", "--student=seed-1/standalone"):
        with pytest.raises(ConfigError, match="phone holds another student; name another"):
            command(export, *other, to)
        assert (output / "student.bin").read_bytes() == before
    command(export, f"--workdir={there}", to, "--replace")
    assert load_exported(output).dataset == "mall"
