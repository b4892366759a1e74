"""What `rsstl predict` costs: seconds and peak memory of many scans, and latency of JSON lines.

    python experiments/benchmarks/serving.py --site=tampere
    python experiments/benchmarks/serving.py --site=tampere --student=pretrained

The scans are the site's test fingerprints, repeated. The DNN of the tuned recipe is untrained: its
values do not change the cost. Every command is a process of its own, as a user starts it.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from rsstl_jax import Student, load_pretrained, load_site, make_config
from rsstl_jax.data import Fingerprints
from rsstl_jax.engine.prototypes import make_prototypes
from rsstl_jax.engine.radius import fit_radius
from rsstl_jax.engine.saved_student import save_student
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.serving.saved import save_at_site

PREDICT = (sys.executable, "-c", "from rsstl_jax.cli import main; main()", "predict")


def save_localizer(kind: str, train: Fingerprints, folder: Path) -> None:
    """Saves a localiser with floors and radii."""
    if kind == "pretrained":
        save_at_site(folder, load_pretrained().fit(train))
        return
    config = make_config("tuned", target=train.dataset, sources="synthetic-mall")
    job = make_site_job(config, train)
    student = Student(
        job.localizer,
        job.init(jax.random.key(0)),
        train.access_points,
        train.dataset,
        prototypes=make_prototypes(train, job.localizer.preprocessor),
    )
    some = train.take(np.arange(0, len(train), max(1, len(train) // 500)))
    student.radius = fit_radius(student.held_out(some), len(np.asarray(student.labels)))
    save_student(folder, config, student)


def time_table(part: Fingerprints, number: int, student: Path, folder: Path) -> dict[str, Any]:
    """Seconds and peak memory of a CSV of so many scans."""
    rows = np.arange(number) % len(part)
    # An empty cell is not detected: most of a table, and quickly written.
    table = pd.DataFrame(part.rss_dbm[rows], columns=list(part.access_points))
    scans = folder / f"scans-{number}.csv"
    table.to_csv(scans, index=False, float_format="%.0f")
    output = f"--output={folder / 'positions.csv'}"
    start = time.perf_counter()
    process = subprocess.Popen([*PREDICT, f"--student={student}", f"--scans={scans}", output])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    scans.unlink()
    return {
        "scans": number,
        "seconds": seconds,
        "CPU seconds": usage.ru_utime + usage.ru_stime,
        "peak memory, MB": usage.ru_maxrss / 1024,
    }


def time_lines(part: Fingerprints, number: int, student: Path) -> dict[str, Any]:
    """Latency of JSON lines, each sent when the line before is answered."""
    command = [*PREDICT, f"--student={student}", "--scans=-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        milliseconds = []
        for line in itertools.islice(json_lines(part), number):
            start = time.perf_counter()
            process.stdin.write(line)
            answer = process.stdout.readline()
            milliseconds.append(1e3 * (time.perf_counter() - start))
            json.loads(answer)["x_m"]
        process.stdin.close()
    # The first line waits until the program has started.
    first, *later = milliseconds
    median, slow = np.percentile(later, [50, 99])
    return {
        "lines": number,
        "first, s": first / 1e3,
        "smallest, ms": min(later),
        "median, ms": median,
        "99th percentile, ms": slow,
        "largest, ms": max(later),
    }


def json_lines(part: Fingerprints) -> Iterator[str]:
    for row in itertools.cycle(range(len(part))):
        levels = part.rss_dbm[row]
        scan = {part.access_points[i]: float(levels[i]) for i in np.flatnonzero(~np.isnan(levels))}
        yield f"{json.dumps(scan)}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--site", default="tampere")
    parser.add_argument("--student", default="dnn", choices=("dnn", "pretrained"))
    parser.add_argument("--scans", type=int, nargs="*", default=(10_000, 100_000))
    parser.add_argument("--lines", type=int, default=1000)
    args = parser.parse_args()
    site = load_site(args.site)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_localizer(args.student, site.train, folder / "student")
        tables = [time_table(site.test, n, folder / "student", folder) for n in args.scans]
        lines = time_lines(site.test, args.lines, folder / "student")
    for frame in (pd.DataFrame(tables), pd.DataFrame([lines])):
        print(f"\n{args.student} at {args.site}\n{frame.to_string(index=False)}", flush=True)


if __name__ == "__main__":
    main()
