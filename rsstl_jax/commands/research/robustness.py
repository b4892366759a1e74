"""Measures how the errors of trained locators grow as access points, readings and phones change.

    rsstl robustness --dataset=tampere --locator=kNN=knn \\
        --locator="baseline student=results/tampere-dnn-tuned/students/seed-*/standalone" \\
        --locator="distilled=results/tampere-dnn-tuned/students/seed-*/distilled"

The site's test part is corrupted along six axes, for all locators in the same way: access points
lost or exchanged, readings missing, all but the strongest readings missing, and levels with an
offset or another slope. A locator is name=knn, name=pretrained, or name=folder with what `rsstl
distill`, `rsstl ensemble`, `rsstl predict --save` or `rsstl agnostic --pretrain` wrote. In a
folder's name * stands for the seeds of one student. Locators are paired by the seed in the name.

Records, tables and a picture are written to <output>/<dataset>.jsonl, .md and .png. Run the same
command again to continue, or with more locators to add them.
"""

import os
import re
from collections.abc import Sequence
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from rsstl_jax.commands.shared.flag_definitions import (
    define_data_dir,
    define_dataset,
    define_folder,
)
from rsstl_jax.commands.shared.outputs import check_folder
from rsstl_jax.commands.shared.progress import announce, announce_sites
from rsstl_jax.errors import ConfigError

if TYPE_CHECKING:
    from rsstl_jax.data import Site
    from rsstl_jax.engine.locator import Locator

FLAGS = flags.FLAGS


def define_flags() -> None:
    define_dataset("Names the site whose test part is corrupted.", required=True)
    flags.DEFINE_multi_string(
        "locator",
        [],
        "Names a locator as name=knn, name=pretrained or name=folder; may be given many times.",
    )
    flags.DEFINE_string(
        "reference",
        None,
        "Names the locator that others are compared with. By default it is the first one.",
    )
    flags.DEFINE_integer(
        "most",
        None,
        "Sets the most fingerprints that are measured, spread evenly over the test part. By "
        "default all are.",
        lower_bound=1,
    )
    flags.DEFINE_integer("draws", 3, "Sets the draws of each random corruption.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Sets the seed of the corruptions.", lower_bound=0)
    define_folder("output", "results/robustness", "Names the folder of records and tables.")
    define_data_dir()


def main() -> None:
    wanted = find_locators(FLAGS.locator)
    check_folder("--output", FLAGS.output)
    announce_sites(FLAGS.dataset)
    from rsstl_jax.data import load_site
    from rsstl_jax.data.splits import spread_evenly
    from rsstl_jax.report import robustness
    from rsstl_jax.report.robustness_table import plot_robustness, render_robustness
    from rsstl_jax.store.files import write_text
    from rsstl_jax.store.lock import locked

    site = load_site(FLAGS.dataset, data_dir=FLAGS.data_dir)
    part = spread_evenly(site.test, FLAGS.most)
    settings = {"num_draws": FLAGS.draws, "seed": FLAGS.seed}
    output = Path(FLAGS.output)
    file = output / f"{FLAGS.dataset}.jsonl"
    with locked(output):
        shared = robustness.start_record(part, **settings)
        records: list[robustness.Record] = []
        if file.exists():
            held, records = robustness.read_records(file)
            robustness.check_shared(file, held, shared)
            shared = held
        names = [*(record.name for record in records), *(name for name, _ in wanted)]
        if not names:
            raise ConfigError(f"--locator is missing, and {file} holds no record")
        reference = FLAGS.reference or names[0]
        if reference not in names:
            raise ConfigError(f"--reference is {reference!r}; there are {', '.join(set(names))}")
        for (name, seed), where in wanted.items():
            if before := [r for r in records if (r.name, r.seed) == (name, seed)]:
                announce(f"comparing {name} with its record")
                robustness.check_unchanged(file, before[0], _load(where, site), part)
                continue
            announce(f"measuring {name}{'' if seed is None else f', seed {seed}'}")
            measured = robustness.measure_locator(_load(where, site), part, **settings)
            records.append(robustness.Record(name, seed, measured))
            robustness.write_records(file, shared, records)
        table = render_robustness(shared, records, reference)
        write_text(file.with_suffix(".md"), f"{table}\n")
        plot_robustness(file.with_suffix(".png"), shared, records)
    print(f"\n{table}\n\nrecords and picture: {file}, {file.with_suffix('.png')}")


def find_locators(texts: Sequence[str]) -> dict[tuple[str, int | None], str]:
    """{(name, seed): where it is found} of flags that read name=where."""
    found: dict[tuple[str, int | None], str] = {}
    for text in texts:
        name, equals, where = text.partition("=")
        if not (name and equals and where):
            raise ConfigError(f"--locator={text}: it must read name=knn, pretrained or a folder")
        where = os.path.expanduser(where)
        is_one = where in ("knn", "pretrained") or Path(where).is_dir()
        folders = [where] if is_one else sorted(glob(where))
        if not folders:
            raise ConfigError(f"--locator={text}: there is no folder {where}")
        for folder in folders:
            # Of several folders with a seed's name the innermost is the student's.
            seeds = re.findall(r"seed-(\d+)", folder)
            key = name, int(seeds[-1]) if seeds else None
            if key in found:
                raise ConfigError(
                    f"--locator={text}: {found[key]} and {folder} have one name and seed; "
                    "give each a name of its own"
                )
            found[key] = folder
    return found


def _load(where: str, site: "Site") -> "Locator":
    from rsstl_jax.baselines.knn import NeighboursAtSite
    from rsstl_jax.serving.saved import check_measured_site, fit_pretrained, load_locator
    from rsstl_jax.store.workdir import held_card

    if where == "knn":
        return NeighboursAtSite.fit(site.train)
    if where == "pretrained":
        return fit_pretrained(site)
    if Path(where, "agnostic.json").exists() and not held_card(where):
        return fit_pretrained(site, where)
    locator = load_locator(where)
    check_measured_site(locator, site)
    return locator
