"""Flags, fields and files that a command would not use, and results that it would replace."""

import json
import shutil

import pytest
import tiny
from running import call, error_of, succeed
from tiny import save_untrained as save

from rsstl_jax.commands import check_site, ensemble, evaluate, export, predict
from rsstl_jax.commands.research.robustness import find_locators
from rsstl_jax.commands.shared.outputs import check_file
from rsstl_jax.errors import ConfigError, DamagedError, DataError
from rsstl_jax.report.predicted import Predicted
from rsstl_jax.report.run_comparison import read_run
from rsstl_jax.report.run_result import write_result

CONFIG = ("--config=table:tuned-smoke", "--config.target=home", "--config.sources=mall")
REFUSED = {
    "distill --config.model.baat.dropout=0.2": "--config.model.baat.dropout has no effect with ne",
    "search --grid=margin=0,1 --config.agnostic.members=3": "agnostic.members has no effect with t",
    "search --grid=margin=0,1 --batches=3": "--batches has no effect with --grid",
    "search --grid=margin=0,1 --config.data.evaluate_on=test": "evaluate_on=test has no effect in",
    "search --grid=margin=0,1 --config.run.replicas=vmap": "replicas=vmap has no effect in a sear",
    "search --grid=margin=0,1 --config.run.baselines=knn": "baselines=knn has no effect in a sear",
    "baselines --method=centroid --config.seeds=1,2": "seeds=(1, 2) has no effect with --method=c",
    "agnostic --pretrain=out --output=table": "--output has no effect with --pretrain",
    "agnostic --pretrain=out --baselines=false": "--baselines has no effect with --pretrain",
    "agnostic --pretrain=out --config.data.fraction=0.1": "--config.target has no effect with --pr",
    "agnostic --config.data.evaluate_on=validation --output=table": "effect on a validation part",
    "agnostic --config.network=cnnloc": "--config.network has no effect on a site-agnostic network",
    "agnostic --config.agnostic.members=3": "--config.agnostic.members has no effect on a site-ag",
    "agnostic --config.model.agnostic.learning_rate_factor=3": "learning_rate_factor has no effect",
    "lipschitz --render --batches=2": "--batches has no effect with --render",
    "phones": "--fold",
    "phones --fold=1 --config.data.validation_fraction=0.3": "ion_fraction=0.3 has no effect",
    "phones --fold=1 --config.data.held_out_phones=2": "held_out_phones=2 has no effect here",
    "many_devices --config.teacher.kind=both": "teacher.kind=both has no effect on what a step",
    "many_devices --replicas=2 --devices=1,4": "--replicas=2 is fewer than 4 devices",
    "profile --config.teacher.kind=noise": "only surrogate teachers can be profiled",
    "ensemble --members=a,./a/ --output=o": "'a' is named twice; name it once",
    "tables --render --seeds=0,1": "--seeds has no effect with --render",
    "tables --rows=students --set=agnostic.epochs=9": "--set=agnostic.epochs has no effect with t",
    "tables --rows=students --shares=0.5": "--shares has no effect without a row of table 4",
    "tables --rows=students --set=bundle_dir=a": "--set=bundle_dir has no effect; --workdir sets",
    "tables --table=4 --rows=share --set=data.fraction=0.9": "data.fraction is set twice",
    "tables --render=maybe": "flag --render=maybe: ",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_would_not_be_used_is_refused(line, tmp_path):
    command, *words = line.split()
    config = () if command in ("ensemble", "lipschitz", "tables") else CONFIG
    code, _, err = call(command, *config, *words, cwd=tmp_path)
    assert code == 2 and REFUSED[line] in err.strip().splitlines()[-1]


@pytest.mark.slow
def test_a_bundle_takes_the_place_of_no_locator_and_of_no_other_bundle(tmp_path):
    tiny.write_sites(tmp_path, "home", "mall")
    words = ("agnostic", "--config=table:smoke", f"--config.data_dir={tmp_path}")
    words += ("--config.agnostic.episodes.max_support=50", f"--workdir={tmp_path}/run")
    bundle = tmp_path / "bundle"
    to = (*words, "--config.sources=mall", f"--pretrain={bundle}")
    succeed(*to)
    before = (bundle / "agnostic.npz").read_bytes()
    succeed(*to)  # the same training, from its saved states
    assert (bundle / "agnostic.npz").read_bytes() == before
    code, _, err = call(*words, "--config.sources=home", f"--pretrain={bundle}")
    assert code == 2 and "bundle holds a bundle of another training (data was {'mall'" in err
    (bundle / "at_site.json").write_text("{}")
    code, _, err = call(*to)
    assert code == 2 and "holds a locator (at_site.json); name another folder" in err
    assert (bundle / "agnostic.npz").read_bytes() == before


@pytest.fixture
def members(tmp_path):
    """Folders of two students of one site."""
    for seed in range(2):
        save(tmp_path / "run", f"seed-{seed}/distilled", seed=seed)
    return [tmp_path / "run" / "students" / f"seed-{seed}" / "distilled" for seed in range(2)]


def test_a_replaced_export_leaves_no_file_of_the_other_student(command, members, tmp_path):
    out = tmp_path / "phone"
    command(export, f"--student={members[0]}", f"--output={out}")
    (out / "student.onnx").write_text("of the first")
    command(export, f"--student={members[0]}", f"--output={out}")
    assert (out / "student.onnx").exists()
    command(export, f"--student={members[1]}", f"--output={out}", "--replace")
    assert not (out / "student.onnx").exists()
    (out / "student.onnx").write_text("of the second")
    command(ensemble, f"--members={members[0]},{members[1]}", f"--output={out}", "--replace")
    assert {"student.bin", "student.onnx", "exported.json"}.isdisjoint(
        p.name for p in out.iterdir()
    )


def test_a_student_that_cannot_be_joined_has_those_that_can_named(command, members, tmp_path):
    (tmp_path / "run" / "config.json").write_text('{"seeds": [0]}')
    words = (f"--workdir={tmp_path}/run", "--student=seed-0/distilled", f"--output={tmp_path}/e")
    with pytest.raises(ConfigError, match="it has seed-0/distilled, seed-1/distilled"):
        command(ensemble, *words)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.json", "a", "a.txt", "a.parquet"])
def test_a_file_whose_name_says_another_form_is_refused(command, members, tmp_path, name):
    scans = tmp_path / "scans.jsonl"
    scans.write_text("{}")
    to = (f"--student={members[0]}", f"--output={tmp_path}/{name}")
    with pytest.raises(ConfigError, match=r"a \.csv or \.jsonl is written; name such a file"):
        command(predict, *to, f"--scans={scans}")
    with pytest.raises(ConfigError, match=r"a \.csv is written; name such a file"):
        command(evaluate, *to)
    check_file("--output", "/dev/null", endings=(".csv",), begins=(b"x_m,",))


def test_a_byte_order_mark_and_numbers_beyond_floats_lose_no_line(command, members, tmp_path):
    scans, out = tmp_path / "scans.jsonl", tmp_path / "out.jsonl"
    record = '{"mac": "AP0", "rssi": -61}'
    lines = ['{"AP0": -61}', f'{{"AP0": 1{"0" * 400}}}', f"[{record}]", record]
    scans.write_text("\r\n".join(lines), encoding="utf-8-sig")
    command(predict, f"--student={members[0]}", f"--scans={scans}", f"--output={out}")
    first, second, third, fourth = map(json.loads, out.read_text().splitlines())
    assert first == third and first["detected"] == 1
    assert second["line"] == 2 and "'AP0': inf is outside" in second["error"]
    assert fourth["line"] == 4 and fourth["error"].endswith(
        "is one record; a list of them is a scan"
    )


def test_a_datasets_name_is_no_folder_of_the_current_one(command, members, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uts").mkdir()
    (tmp_path / "scans.jsonl").write_text("{}")
    words = (f"--student={members[0]}", "--scans=scans.jsonl", f"--data_dir={tmp_path}")
    with pytest.raises(DataError, match=r"uts/UTS_training\.csv is not there"):
        command(predict, *words, "--radio_map=uts")


def test_no_layout_is_written_for_a_name_that_no_site_can_have(command, tmp_path):
    words = (f"--data_dir={tmp_path}", "--undetected=-110", "--write")
    with pytest.raises(DataError, match="a name is made of ASCII letters, digits"):
        command(check_site, "--dataset=.", *words)
    assert not list(tmp_path.iterdir())


def test_a_name_stands_for_one_locator_and_for_the_seed_of_its_own_folder(members, tmp_path):
    tiny.write_sites(tmp_path, "home")
    where = ("--dataset=home", f"--data_dir={tmp_path}", f"--output={tmp_path}/out", "--draws=1")
    words = ("robustness", *where, "--most=3")
    code, _, err = call(*words, "--locator=a=knn", "--reference=b")
    assert code == 2 and error_of(err) == "error: --reference is 'b'; there are a"
    assert not (tmp_path / "out" / "home.jsonl").exists()  # before anything is measured
    odd = tmp_path / "seed-7" / "run[1]" / "seed-0"
    shutil.copytree(members[0], odd)
    assert list(find_locators([f"a={odd}"])) == [("a", 0)]
    succeed(*words, f"--locator=a={odd}")
    succeed(*words, f"--locator=a={members[0]}")  # the same student in another folder


def test_predictions_that_were_cut_short_are_not_compared(tmp_path):
    part = tiny.make_part(part="test")
    config = tiny.make_tiny_config()
    positions_m = {"standalone": part.position_m + 1, "distilled": part.position_m}
    predicted = {0: {name: Predicted(one) for name, one in positions_m.items()}}
    write_result(config, part, predicted, tmp_path, num_train=21)
    file = tmp_path / "predictions.csv"
    text = file.read_text()
    assert len(read_run(tmp_path).methods["distilled"].errors_m[0]) == len(part)
    file.write_text("".join(text.splitlines(keepends=True)[:6]))
    with pytest.raises(DamagedError, match=r"same fingerprints, as many as result\.json says"):
        read_run(tmp_path)
