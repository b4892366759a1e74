"""What J_FI measures: its estimate beside the true Lipschitz constant of the extractor.

For every batch of the target's train part the estimate is `functional_information` of frame and
extract; the truth is the largest singular value of the extractor's Jacobian, exact at each sample,
the largest of the batch. Both at initialisation and for a trained student.

    D=results/tables/tuned/tampere
    python experiments/lipschitz.py --workdirs=$D/dnn,$D/cnnloc,$D/baat,$D/bayescnn \\
        --batches=4 --batches=4 --batches=4 --batches=1
    python experiments/lipschitz.py --render --output=results/lipschitz.png

--render measures nothing and draws the figures of the .json beside --output again.
"""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from rsstl_jax import cli
from rsstl_jax.commands.shared.flag_definitions import (
    define_data_dir,
    define_folder,
    refuse_unused,
)
from rsstl_jax.commands.shared.outputs import check_folder
from rsstl_jax.data import load_site
from rsstl_jax.data.preprocess import to_device
from rsstl_jax.engine.input_order import in_order_of
from rsstl_jax.engine.saved_student import load_student
from rsstl_jax.engine.site_network import SiteNetwork
from rsstl_jax.errors import ConfigError
from rsstl_jax.losses import functional_information
from rsstl_jax.report.plots import new_figure, save_figure, wrap_title
from rsstl_jax.store.files import write_json
from rsstl_jax.types import Params

FLAGS = flags.FLAGS
BATCH = 128
_MARKERS = {"initial": "o", "trained": "^"}


def true_lipschitz(site_network: SiteNetwork, params: Params, rss_dbm: jax.Array) -> jax.Array:
    """Largest singular value of the extractor's Jacobian at each fingerprint (Eq. 6)."""
    network = site_network.network

    def extract(features: jax.Array) -> jax.Array:
        return network.extractor.apply({"params": params["extractor"]}, features[None])[0]

    def largest(features: jax.Array) -> jax.Array:
        jacobian = jax.jacrev(extract)(features)
        rows = jacobian.reshape(jacobian.shape[0], -1)
        gram = jnp.matmul(rows, rows.T, precision=jax.lax.Precision.HIGHEST)
        return jnp.sqrt(jnp.maximum(jnp.linalg.eigvalsh(gram)[-1], 0.0))

    encoded = site_network.preprocessor.encode(rss_dbm)
    features = network.framer.apply({"params": params["framer"]}, encoded)
    return jax.lax.map(largest, features)


def compare_student(
    folder: str | Path, *, num_batches: int, data_dir: str | Path | None = None
) -> list[dict[str, Any]]:
    """Estimate and truth on batches of the train part of a student's site, fresh and trained."""
    student = load_student(folder)
    network = json.loads((Path(folder) / "student.json").read_text(encoding="utf-8"))["network"]
    if student.site_network.network.uses_support:
        raise ConfigError(
            f"{folder}: the extractor of network {network!r} reads a set of tokens, whose places "
            "are no features; a Jacobian is formed of dnn, cnnloc, bayescnn and baat"
        )
    train = in_order_of(student, load_site(student.dataset, data_dir=data_dir or None).train)
    count = max(1, min(num_batches, len(train) // BATCH))
    rows = np.random.default_rng(0).permutation(len(train))[: count * BATCH]
    initial = student.site_network.init(jax.random.key(0), len(student.access_points))
    measure = jax.jit(partial(_measure, student.site_network))
    measured = []
    for state, params in (("initial", initial), ("trained", student.params)):
        for batch in np.split(rows, count):
            estimate, truth = measure(params, to_device(train.rss_dbm[batch]))
            measured.append(
                {
                    "network": network,
                    "dataset": student.dataset,
                    "state": state,
                    "estimate": float(estimate),
                    "true_max": float(truth.max()),
                    "true_median": float(jnp.median(truth)),
                }
            )
    return measured


def _measure(
    site_network: SiteNetwork, params: Params, rss_dbm: jax.Array
) -> tuple[jax.Array, jax.Array]:
    out = site_network.represent(params, rss_dbm)
    estimate = functional_information(out.frame, out.extract)
    return estimate, true_lipschitz(site_network, params, rss_dbm)


def plot_comparison(path: str | Path, rows: Sequence[dict[str, Any]]) -> None:
    """Draws estimate against truth, one point a batch, one colour a network."""
    figure = new_figure((6.4, 5.0))
    axes = figure.add_subplot()
    networks = list(dict.fromkeys(row["network"] for row in rows))
    for index, network in enumerate(networks):
        for state, marker in _MARKERS.items():
            points = [r for r in rows if (r["network"], r["state"]) == (network, state)]
            axes.scatter(
                [point["true_max"] for point in points],
                [point["estimate"] for point in points],
                marker=marker,
                color=f"C{index}",
                label=f"{network}, {state}" if points else None,
            )
    axes.set(
        xscale="log",
        xlabel="largest singular value of the extractor's Jacobian in the batch",
        ylabel="estimate of J_FI (Eq. 8, divided by B)",
    )
    sites = ", ".join(dict.fromkeys(row["dataset"] for row in rows))
    title = (
        "What J_FI estimates beside the true Lipschitz constant of the extractor\n"
        f"each point is a batch of {BATCH} fingerprints of the train part of {sites}"
    )
    axes.set_title(wrap_title(title, 70), fontsize=10)
    # Powers of ten as numbers, and 2 and 5 between them.
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    save_figure(figure, path)


def define_flags() -> None:
    flags.DEFINE_list("workdirs", [], "Lists finished runs of distill, one for each network.")
    flags.DEFINE_string("student", "seed-0/standalone", "Names one of their students.")
    flags.DEFINE_multi_integer(
        "batches",
        [4],
        "Sets the batches of 128 fingerprints for each network; given once, or once a workdir.",
        lower_bound=1,
    )
    flags.DEFINE_bool("render", False, "Measures nothing and draws the .json beside --output.")
    define_data_dir()
    define_folder("output", "results/lipschitz.png", "Names the figure; a .json lies beside it.")


def main() -> None:
    if FLAGS.render:
        unused = ("workdirs", "student", "batches", "data_dir")
        refuse_unused("with --render, which draws what was measured", *unused)
    record = Path(FLAGS.output).with_suffix(".json")
    check_folder("--output", record.parent)
    rows = json.loads(record.read_text(encoding="utf-8")) if FLAGS.render else _measured()
    for row in rows:
        print(", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{v}" for k, v in row.items()))
    record.parent.mkdir(parents=True, exist_ok=True)
    plot_comparison(FLAGS.output, rows)
    write_json(record, rows)


def _measured() -> list[dict[str, Any]]:
    workdirs, counts = FLAGS.workdirs, FLAGS.batches
    if not workdirs:
        raise ConfigError("--workdirs is missing; name finished runs of distill, one a network")
    if len(counts) == 1:
        counts = counts * len(workdirs)
    if len(counts) != len(workdirs):
        raise ConfigError("--batches must be given once, or once for each of --workdirs")
    rows = []
    for workdir, count in zip(workdirs, counts, strict=True):
        folder = f"{workdir}/students/{FLAGS.student}"
        rows += compare_student(folder, num_batches=count, data_dir=FLAGS.data_dir)
    return rows


if __name__ == "__main__":
    define_flags()
    cli.run(main)
