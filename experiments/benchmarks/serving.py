"""What `rsstl predict` costs, and ONNX files: seconds, peak memory, latency, size, parity.

    python experiments/benchmarks/serving.py --site=tampere
    python experiments/benchmarks/serving.py --site=tampere --student=pretrained
    python experiments/benchmarks/serving.py --site=tampere --onnx

The scans are the site's test fingerprints, repeated for predict. The networks of the tuned recipe
are untrained: their values do not change the cost. Every predict is a process of its own, as a user
starts it. --onnx measures the files of all locators against JAX, in onnxruntime with one thread.
"""

import argparse
import itertools
import json
import re
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
from ml_collections import ConfigDict

from rsstl_jax import Student, load_pretrained, load_site, make_config
from rsstl_jax.data import Fingerprints
from rsstl_jax.engine.locator import NetworkLocator
from rsstl_jax.engine.prototypes import Prototypes, make_prototypes
from rsstl_jax.engine.radius import fit_radius
from rsstl_jax.engine.saved_student import save_student
from rsstl_jax.engine.site_job import make_site_job
from rsstl_jax.export import write_onnx
from rsstl_jax.serving.ensemble import Ensemble
from rsstl_jax.serving.saved import save_at_site
from rsstl_jax.site_agnostic.at_site import EnsembleAtSite

KINDS = ("dnn", "cnnloc", "bayescnn", "baat", "agnostic", "pretrained", "ensemble")
NUM_SINGLE = 500
PREDICT = (sys.executable, "-c", "from rsstl_jax.cli import main; main()", "predict")


def tuned_config(train: Fingerprints) -> ConfigDict:
    return make_config("tuned", target=train.dataset, sources="synthetic-mall")


def make_locator(
    kind: str, train: Fingerprints, prototypes: Prototypes | None = None
) -> NetworkLocator:
    """A locator with floors and radii; prototypes that were made for these data are taken."""
    if kind == "pretrained":
        return load_pretrained().fit(train)
    config = tuned_config(train)
    config.network = "dnn" if kind == "ensemble" else kind
    job = make_site_job(config, train)
    prototypes = make_prototypes(train, job.site_network.preprocessor, prototypes)
    about = train.access_points, train.dataset
    students = [
        Student(job.site_network, job.init(jax.random.key(seed)), *about, prototypes=prototypes)
        for seed in range(3 if kind == "ensemble" else 1)
    ]
    locator = Ensemble(students) if kind == "ensemble" else students[0]
    some = train.take(np.arange(0, len(train), max(1, len(train) // 500)))
    locator.radius = fit_radius(locator.held_out(some), len(np.asarray(locator.labels)))
    return locator


def time_table(part: Fingerprints, number: int, student: Path, folder: Path) -> dict[str, Any]:
    """Seconds and peak memory of a CSV of so many scans."""
    rows = np.arange(number) % len(part)
    # An empty cell is not detected: most of a table, and quickly written.
    table = pd.DataFrame(part.rss_dbm[rows], columns=list(part.access_points))
    scans = folder / f"scans-{number}.csv"
    table.to_csv(scans, index=False, float_format="%.0f")
    output = f"--output={folder / 'positions.csv'}"
    start, peak_kb = time.perf_counter(), 0
    process = subprocess.Popen([*PREDICT, f"--student={student}", f"--scans={scans}", output])
    while process.poll() is None:
        # Not that of getrusage, which is at least the size of the process that forked.
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak_kb = max([peak_kb, *map(int, re.findall(r"VmHWM:\s*(\d+)", status))])
        time.sleep(0.1)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(process.returncode)
    scans.unlink()
    return {"scans": number, "seconds": seconds, "peak memory, MB": peak_kb / 1024}


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


def measure_onnx(locator: NetworkLocator, part: Fingerprints, file: Path) -> dict[str, Any]:
    """Size of a locator's file, how it differs from JAX, and the latency of one scan."""
    import onnxruntime

    write_onnx(locator, file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    run = lambda rss_dbm: session.run(None, {"rss_dbm": rss_dbm})  # noqa: E731
    centered_m, label, radius_m = run(part.rss_dbm)
    wanted = locator.answer(part.rss_dbm)
    position_m = centered_m + locator.preprocessor.origin_m
    milliseconds = []
    for row in range(NUM_SINGLE):
        scan = part.rss_dbm[row : row + 1]
        start = time.perf_counter()
        run(scan)
        milliseconds.append(1e3 * (time.perf_counter() - start))
    return {
        "file, MB": file.stat().st_size / 1e6,
        "position, mm": 1e3 * np.abs(position_m - wanted.position_m).max(),
        "radius, mm": 1e3 * np.abs(radius_m - wanted.radius_m).max(),
        "other floors": int((label != wanted.label).sum()),
        "smallest, ms": min(milliseconds),
        "median, ms": float(np.median(milliseconds)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--site", default="tampere")
    parser.add_argument("--student", default="dnn", choices=("dnn", "pretrained"))
    parser.add_argument("--scans", type=int, nargs="*", default=(10_000, 100_000))
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--onnx", action="store_true")
    args = parser.parse_args()
    site = load_site(args.site)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.onnx:
            lines, prototypes = [], None
            for kind in KINDS:
                locator = make_locator(kind, site.train, prototypes)
                prototypes = locator.prototypes
                line = measure_onnx(locator, site.test, folder / f"{kind}.onnx")
                lines.append({"locator": kind} | line)
            print(pd.DataFrame(lines).to_string(index=False))
            return
        locator = make_locator(args.student, site.train)
        if isinstance(locator, EnsembleAtSite):
            save_at_site(folder / "student", locator)
        elif isinstance(locator, Student):
            save_student(folder / "student", tuned_config(site.train), locator)
        tables = [time_table(site.test, n, folder / "student", folder) for n in args.scans]
        latency = time_lines(site.test, args.lines, folder / "student")
    for frame in (pd.DataFrame(tables), pd.DataFrame([latency])):
        print(f"\n{args.student} at {args.site}\n{frame.to_string(index=False)}", flush=True)


if __name__ == "__main__":
    main()
