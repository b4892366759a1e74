"""One of two processes of a table is killed, ten times at random; the table stays the same."""

import random
import signal
import time

import pytest
from faults.test_kill import timeless
from killing import assert_same, left_by, records
from phases.test_several_processes import FLAGS, finish, start
from tiny import write_sites

pytestmark = pytest.mark.slow

NUMBER = 10
CONTINUES = "; the same command continues from the last saved state"
OF_JAX = "Terminating process because the JAX distributed service detected fatal errors"


@pytest.fixture
def begin(tmp_path):
    """Starts the two processes of the table in a folder."""
    sites = write_sites(tmp_path / "sites", "home", "mall", "campus")
    fields = {f.removeprefix("config."): v for f, v in FLAGS.items() if f.count(".") > 1}
    fields |= {"data_dir": sites, "run.mesh": "replica:2"}
    flags = {"targets": "home", "sources": "mall,campus", "recipe": "tuned-smoke"}
    flags |= {"seeds": "0,1", "rows": "students"}
    settings = [f"--set={field}={value}" for field, value in fields.items()]

    def begin(name):
        # The lock of a row says that the processes have met: before that they wait for each other.
        for lock in (tmp_path / name).rglob(".lock"):
            lock.unlink()
        own = {"workdir": tmp_path / name / "rows", "output": tmp_path / name / "out"}
        return start("tables", flags | own, *settings, devices=1, processes=2)

    return begin


def end_one(started, victim, folder, *, after_records, delay_s):
    """Kills one of two processes: the words of the other, and how many seconds it lived on."""
    while len(records(folder)) < after_records or not any(folder.rglob(".lock")):
        assert all(process.poll() is None for process in started), finish(started)
        time.sleep(0.02)
    time.sleep(delay_s)
    started[victim].kill()
    begun = time.monotonic()
    killed, other = (started[number].wait(timeout=60) for number in (victim, 1 - victim))
    took_s = time.monotonic() - begun
    assert killed == -signal.SIGKILL and other != 0, finish(started)
    return finish(started)[1 - victim].err, took_s


def test_ten_killed_processes_end_the_other_and_leave_the_same_table(begin, tmp_path):
    """Evenly over the records of the run, a little later than each; which process is drawn too."""
    for ended in finish(begin("whole")):
        assert ended.code == 0, ended.err
    number, random_ = len(records(tmp_path / "whole")), random.Random(5)
    for i in range(NUMBER):
        moment = {
            "after_records": int((i + random_.random()) / NUMBER * number),
            "delay_s": random_.uniform(0, 0.3),
        }
        victim = random_.randrange(2)
        said, took_s = end_one(begin("broken"), victim, tmp_path / "broken", **moment)
        print(f"process {victim} killed after {moment}: the other ended in {took_s:.1f} s\n{said}")
        assert "Traceback" not in said
        lines = said.strip().splitlines()
        if victim == 1 or OF_JAX not in said:
            assert "another process of this run" in lines[-1] and lines[-1].endswith(CONTINUES)
    for ended in finish(begin("broken")):
        assert ended.code == 0, ended.err
    broken, whole = (timeless(left_by(tmp_path / name)) for name in ("broken", "whole"))
    assert_same(broken, whole)
