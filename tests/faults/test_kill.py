"""A run that was killed anywhere and started again equals the uninterrupted one to the last bit."""

import io
import json
import random
import shutil
import signal
from pathlib import Path

import killing
import pandas as pd
import pytest
import tiny

EPOCHS = 4
PHASES = ("start", "specialise", "expert", "standalone", "distilled")
FIELDS = {
    "model.dnn.hidden_width": 8,
    "teacher.hidden_width": 8,
    "teacher.latent_width": 4,
    "distill.estimator_width": 8,
    "train.batch_size": 8,
    "train.epochs": EPOCHS,
    "specialise.epochs": EPOCHS,
    "teacher.epochs": EPOCHS,
    "run.log_every_epochs": 1,
    "run.checkpoint_every_s": 0.0,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(command, what the uninterrupted run left, how many records it wrote)."""
    data_dir = tiny.write_sites(tmp_path_factory.mktemp("data"), "home", "mall")
    sites = {"target": "home", "sources": "mall"}
    fields = [f"--config.{field}={value}" for field, value in (sites | FIELDS).items()]
    command = (
        "experiments/distill.py",
        "--config=configs/table.py:tuned-smoke",
        f"--config.data_dir={data_dir}",
        *fields,
        "--workdir={folder}/run",
    )
    folder = tmp_path_factory.mktemp("whole")
    killing.run(command, folder)
    left = killing.left_by(folder)
    names = {"run/result.json", "run/predictions.csv", "run/students/seed-0/distilled/student.json"}
    assert names <= left["files"].keys()
    assert {"run/students/seed-0/distilled/params/0", "run/students/seed-0/standalone/params/0"} < (
        left["states"].keys()
    )
    assert "teachers/dnn-mall-tuned-smoke/generator/0" in left["states"]
    return command, left, len(killing.records(folder))


@pytest.fixture(scope="module")
def whole_table(tmp_path_factory):
    """The same of a table: students and a rival, two seeds each."""
    data_dir = tiny.write_sites(tmp_path_factory.mktemp("data"), "home", "mall")
    fields = [f"--set={field}={value}" for field, value in FIELDS.items()]
    command = (
        "experiments/tables.py",
        "--recipe=tuned-smoke",
        "--targets=home",
        "--sources=home,mall",
        "--rows=students,scratch",
        "--seeds=0,1",
        # A mode that a stopwatch chooses would differ from run to run, and so would the last bits.
        "--replicas=vmap",
        f"--set=data_dir={data_dir}",
        *fields,
        "--workdir={folder}/rows",
        "--output={folder}/out",
    )
    folder = tmp_path_factory.mktemp("whole-table")
    killing.run(command, folder)
    left = killing.left_by(folder)
    assert {"seeds.csv", "home-table-1.md", "home-table-1.png"} <= {
        Path(name).name for name in left["files"]
    }
    return command, left, len(killing.records(folder))


def kill_and_resume(whole, folder, random_, after_records, signum):
    """The phase in which the run was killed, once it has been resumed and compared."""
    command, left, _ = whole
    delay_s = random_.uniform(0, 0.3)
    while True:
        options = {"after_records": after_records, "delay_s": delay_s, "signum": signum}
        killed = killing.kill(command, folder, **options)
        if killed is not None:
            break
        # It was faster: once more, a little earlier.
        shutil.rmtree(folder)
        folder.mkdir()
        after_records, delay_s = after_records - 1, 0.0
    ended, records = killed
    killing.assert_ended_by(signum, ended)
    killing.run(command, folder)
    killing.assert_same(timeless(killing.left_by(folder)), timeless(left))
    return records[-1]["run"].rpartition("/")[2] if records else "start"


def timeless(left):
    """Without the starts and seconds that a row took: in receipts, and in the table of costs."""
    files = dict(left["files"])
    for name in files:
        if "receipt" in name:
            receipt = json.loads(files[name])
            assert receipt.pop("starts") > 0 and receipt.pop("seconds") > 0
            files[name] = receipt
        elif name.endswith(".jsonl"):
            shared, *receipts = map(json.loads, files[name].splitlines())
            for receipt in receipts:
                assert receipt.pop("starts") > 0 and receipt.pop("seconds") > 0
            files[name] = [shared, *receipts]
        elif name.endswith("-cost.md"):
            files[name] = ""  # The same figures as those of the CSV file.
        elif name.endswith("-cost.csv"):
            cost = pd.read_csv(io.BytesIO(files[name]))
            assert (cost.pop("starts") > 0).all() and (cost.pop("seconds") > 0).all()
            files[name] = cost.to_csv()
    return left | {"files": files}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signum", "share"),
    [(signal.SIGTERM, 0.6), (signal.SIGKILL, 0.35), (signal.SIGINT, 0.85)],
)
def test_a_killed_run_goes_on_to_the_same_bits(whole, tmp_path, signum, share):
    after_records = int(share * whole[2])
    phase = kill_and_resume(whole, tmp_path, random.Random(after_records), after_records, signum)
    assert phase in PHASES[1:]


def kill_at_moments(whole, folder, seed, number):
    """The phases of kills whose moments are drawn over the whole run, evenly: a record, a delay."""
    random_, phases = random.Random(seed), []
    for i in range(number):
        after_records = int((i + random_.random()) / number * (whole[2] + 1))
        signum = signal.SIGKILL if i % 2 else signal.SIGTERM
        (folder / str(i)).mkdir()
        phases.append(kill_and_resume(whole, folder / str(i), random_, after_records, signum))
    return phases


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_six_of_six_killed_runs_go_on_to_the_same_bits(whole, tmp_path, seed):
    phases = kill_at_moments(whole, tmp_path, seed, 6)
    assert len(phases) == 6 and len(set(phases)) > 2, phases


@pytest.mark.slow
def test_a_killed_table_goes_on_to_the_same_table(whole_table, tmp_path):
    kill_and_resume(whole_table, tmp_path, random.Random(3), whole_table[2] // 2, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_two_of_two_killed_tables_go_on_to_the_same_table(whole_table, tmp_path, seed):
    assert len(kill_at_moments(whole_table, tmp_path, seed, 2)) == 2
